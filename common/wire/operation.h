#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/base/buffer.h"
#include "common/wire/byte_reader.h"
#include "common/wire/segment.h"
#include "common/wire/value_codec.h"

namespace paramd {

// The data plane's messages as the program works with them; proto/paramd/v1/parameter.proto says
// what each field means. Only common/wire and server/rpc know how they are encoded.

enum class OperationKind {
  kAttach = 1,
  kAdvance = 2,
  kPull = 3,
  kPush = 4,
  kDetach = 5,
  kOpen = 6
};

// Whose step a push was before the job was restored from a checkpoint; client 0: nobody's.
struct StepOrigin {
  uint32_t client = 0;
  uint64_t incarnation = 0;
  uint64_t clock = 0;

  friend bool operator==(const StepOrigin&, const StepOrigin&) = default;
};

// One operation for one server. Borrows segments, keys and values; whoever made it keeps them
// alive. Sparse: keys.size() == sum of rows, strictly ascending within a segment. Pushes: values
// has the segments' values one after the other.
struct Operation {
  OperationKind kind = OperationKind::kPull;
  uint32_t client = 0;
  uint64_t incarnation = 0;
  uint64_t sequence = 0;
  uint64_t epoch = 0;
  uint64_t clock = 0;
  bool finishes_step = false;
  bool ignore_clock = false;
  uint64_t examples = 0;
  StepOrigin origin;
  uint32_t table = 0;
  absl::Span<const Segment> segments;
  absl::Span<const uint64_t> keys;
  // Of the values, or of those in the reply.
  ValueCodec codec = ValueCodec::kF32;
  ByteReader values;
  // Keeps the bytes that `values` refers to; null: they are gone when the call returns.
  std::shared_ptr<const void> owner;
};

// The answer to one operation.
struct Reply {
  uint64_t sequence = 0;
  absl::Status status;
  uint64_t epoch = 0;
  uint64_t clock = 0;
  bool send_keys = false;
  // Encoded rows, from kReplyRoom on: what comes before is room for the rest of the message. Empty:
  // none.
  Buffer values;
};

// Bytes that are left free before the values of a reply.
inline constexpr size_t kReplyRoom = 64;

}  // namespace paramd
