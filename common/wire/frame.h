#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/wire/byte_reader.h"
#include "common/wire/operation.h"
#include "common/wire/segment.h"
#include "common/wire/value_codec.h"
#include "paramd/v1/parameter.pb.h"

namespace paramd {

// The data plane's messages as bytes: the very same that protobuf writes and reads for the messages
// of parameter.proto, but keys and values stay where they are. On the way out only what stands
// before them is written; on the way in they are cursors into the pieces that were received.

// An Operation message that was received. Borrows the pieces and the parser.
struct OperationFrame {
  const v1::Header* header = nullptr;
  ByteReader keys;
  ByteReader values;
};

// Largest header of an operation; 4096 shards, the most that a table has, need a tenth of it.
inline constexpr size_t kMaxHeaderBytes = 1 << 20;

// Reads Operation messages, one at a time. Keeps its memory for the next. Not thread-safe.
class OperationParser {
 public:
  // INVALID_ARGUMENT: not a message, for protobuf neither, or a header that is too large. What is
  // returned is valid until the next call.
  absl::StatusOr<OperationFrame> Parse(absl::Span<const ByteReader::Piece> pieces);

 private:
  v1::Header header_;
  std::string header_bytes_;
  v1::Operation message_;  // for messages that protobuf would write otherwise
  std::string message_bytes_;
  ByteReader::Piece keys_piece_;
  ByteReader::Piece values_piece_;
};

// A Reply message that was received.
struct ReplyFrame {
  uint64_t sequence = 0;
  absl::Status status;
  uint64_t epoch = 0;
  uint64_t clock = 0;
  bool send_keys = false;
  ByteReader values;
};

// As OperationParser, for Reply messages. A code that absl does not know is UNKNOWN.
class ReplyParser {
 public:
  absl::StatusOr<ReplyFrame> Parse(absl::Span<const ByteReader::Piece> pieces);

 private:
  v1::Reply message_;
  std::string message_bytes_;
  ByteReader::Piece values_piece_;
};

// Writes everything of an Operation message that comes before its keys to `out`, which is replaced:
// the header, and tag and length of `key_bytes` bytes of keys if there are any.
void WriteBeforeKeys(const v1::Header& header, size_t key_bytes, std::string* out);

// Most bytes that WriteBeforeValues writes.
inline constexpr size_t kMaxBeforeValues = 11;

// Writes tag and length of `value_bytes` bytes of values, of an Operation message, to `out`;
// returns the number of bytes. 0 when there are no values.
size_t WriteBeforeValues(size_t value_bytes, uint8_t* out);

// Writes everything of a Reply message with values that comes before them right before the values
// in reply.values, which has kReplyRoom bytes there. Returns the first byte's place in the buffer.
// The status must be OK.
size_t WriteBeforeValues(const Reply& reply);

// Most bytes of a Reply message without values and text.
inline constexpr size_t kMaxPlainReply = kReplyRoom;

// The whole Reply message of a reply without values whose status is OK, to `out`; returns the
// number of bytes.
size_t WritePlainReply(const Reply& reply, uint8_t* out);

// The whole Reply message, without values, to `out`, which is replaced.
void WriteReply(const Reply& reply, std::string* out);

// Between the header as it is sent and as the program works with it. Segments are kept in
// `segments`, which the operation borrows; keys and values are the caller's part.
// UNIMPLEMENTED: a kind or a codec that is not known. INVALID_ARGUMENT: a kind is missing.
absl::Status FromHeader(const v1::Header& header, Operation* operation,
                        std::vector<Segment>* segments);
// All but keys and values; replaces the content of `header`.
void ToHeader(const Operation& operation, v1::Header* header);

v1::Codec::Values ToProto(ValueCodec codec);
// Unspecified is kF32. UNIMPLEMENTED, naming the codecs that are known: another one.
absl::StatusOr<ValueCodec> FromProto(int codec);

}  // namespace paramd
