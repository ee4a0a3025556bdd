#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/wire/byte_reader.h"
#include "common/wire/frame.h"
#include "common/wire/key_list_lru.h"
#include "common/wire/operation.h"
#include "common/wire/segment.h"

namespace paramd {

// Turns the messages of one stream into operations, one at a time: decodes their keys, and holds
// the key lists that the client has named. Knows no gRPC. Keeps its memory for the next message.
// Not thread-safe.
class OperationReader {
 public:
  // What came of a message.
  struct Outcome {
    enum class Kind {
      kOperation,  // `operation`, to be carried out
      kAnswer,     // to be answered with `status` at once; nothing else is to be done
      kSendKeys,   // the client is to send it again with its keys, and what follows it
      kIgnore,     // the client will send it again, after an operation whose keys are awaited
      kBroken,     // not a message at all, as `status` says: the stream cannot go on
    };
    Kind kind = Kind::kIgnore;
    // Of kOperation the whole; otherwise its sequence only.
    Operation operation;
    absl::Status status;
  };

  // `pieces`: one Operation message; they must live as long as the outcome is used, which is until
  // the next call at most.
  Outcome Read(absl::Span<const ByteReader::Piece> pieces);

 private:
  struct KeyList {
    std::vector<uint64_t> keys;
    std::vector<Segment> segments;
  };

  Outcome Open(const v1::Header& header);
  // Fills in segments and keys. Returns false when the list is not held.
  absl::StatusOr<bool> ReadKeys(const OperationFrame& frame, Operation* operation);

  OperationParser parser_;
  std::vector<Segment> segments_;
  std::vector<uint64_t> keys_;
  // None are held before OPEN.
  std::optional<KeyListLru<KeyList>> lists_;
  // The sequence that is to come again with its keys.
  std::optional<uint64_t> awaited_;
};

}  // namespace paramd
