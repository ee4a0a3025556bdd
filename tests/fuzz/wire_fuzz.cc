// Operation and Reply messages: arbitrary bytes in arbitrary pieces give what protobuf reads, or
// are refused as protobuf refuses them; what is written is what protobuf writes. The first two
// bytes choose the cuts.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "common/base/buffer.h"
#include "common/wire/byte_reader.h"
#include "common/wire/frame.h"
#include "common/wire/operation.h"
#include "common/wire/segment.h"
#include "paramd/v1/parameter.pb.h"
#include "tests/common/wire/pieces.h"
#include "tests/fuzz/cut_bytes.h"

namespace paramd {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

std::string BytesOf(ByteReader reader) {
  std::string bytes(reader.remaining(), '\0');
  reader.Copy(bytes.size(), reinterpret_cast<uint8_t*>(bytes.data()));
  return bytes;
}

void TryWriting(const v1::Header& header, const std::string& keys, const std::string& values) {
  v1::Operation message;
  *message.mutable_header() = header;
  message.set_keys(keys);
  message.set_values(values);
  std::string written;
  WriteBeforeKeys(header, keys.size(), &written);
  uint8_t before_values[kMaxBeforeValues];
  const size_t size = WriteBeforeValues(values.size(), before_values);
  written += keys;
  written.append(reinterpret_cast<const char*>(before_values), size);
  written += values;
  Require(written == message.SerializeAsString());
}

// What is made of a header can be written and read again.
void TryHeader(const v1::Header& header) {
  Operation operation, again;
  std::vector<Segment> segments, segments_again;
  if (!FromHeader(header, &operation, &segments).ok()) return;
  v1::Header written;
  ToHeader(operation, &written);
  Require(FromHeader(written, &again, &segments_again).ok());
  Require(segments == segments_again && operation.kind == again.kind &&
          operation.client == again.client && operation.incarnation == again.incarnation &&
          operation.sequence == again.sequence && operation.epoch == again.epoch &&
          operation.clock == again.clock && operation.finishes_step == again.finishes_step &&
          operation.ignore_clock == again.ignore_clock && operation.examples == again.examples &&
          operation.table == again.table && operation.codec == again.codec);
}

void TryOperation(const std::string& bytes, const Pieces& pieces) {
  static OperationParser parser;  // used again and again, as a stream does
  v1::Operation message;
  const bool good = message.ParseFromString(bytes);
  const absl::StatusOr<OperationFrame> frame = parser.Parse(pieces.pieces());
  Require(frame.ok() == good);
  if (!good) return;
  Require(frame->header->SerializeAsString() == message.header().SerializeAsString());
  Require(BytesOf(frame->keys) == message.keys());
  Require(BytesOf(frame->values) == message.values());
  TryWriting(message.header(), message.keys(), message.values());
  TryHeader(message.header());
}

std::string Written(const Reply& reply, const std::string& values) {
  uint8_t plain[kMaxPlainReply];
  std::string bytes;
  if (!reply.status.ok() || reply.send_keys) {
    WriteReply(reply, &bytes);
  } else if (values.empty()) {
    bytes.assign(reinterpret_cast<const char*>(plain), WritePlainReply(reply, plain));
  } else {
    Reply with_values = reply;
    with_values.values = Buffer(kReplyRoom + values.size());
    std::memcpy(with_values.values.data() + kReplyRoom, values.data(), values.size());
    const size_t begin = WriteBeforeValues(with_values);
    bytes.assign(reinterpret_cast<const char*>(with_values.values.data()) + begin,
                 with_values.values.size() - begin);
  }
  return bytes;
}

void TryReply(const std::string& bytes, const Pieces& pieces) {
  static ReplyParser parser;
  v1::Reply message;
  const bool good = message.ParseFromString(bytes);
  const absl::StatusOr<ReplyFrame> frame = parser.Parse(pieces.pieces());
  Require(frame.ok() == good);
  if (!good) return;
  const absl::Status status(static_cast<absl::StatusCode>(message.code()), message.message());
  Require(frame->sequence == message.sequence() && frame->status == status &&
          frame->epoch == message.epoch() && frame->clock == message.clock() &&
          frame->send_keys == message.send_keys() && BytesOf(frame->values) == message.values());

  const Reply reply = {.sequence = message.sequence(),
                       .status = status,
                       .epoch = message.epoch(),
                       .clock = message.clock(),
                       .send_keys = message.send_keys()};
  v1::Reply same;
  same.set_sequence(reply.sequence);
  same.set_code(static_cast<int>(status.code()));
  same.set_message(std::string(status.message()));
  same.set_epoch(reply.epoch);
  same.set_clock(reply.clock);
  same.set_send_keys(reply.send_keys);
  if (status.ok() && !reply.send_keys) same.set_values(message.values());
  Require(Written(reply, message.values()) == same.SerializeAsString());
}

}  // namespace
}  // namespace paramd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const absl::Span<const uint8_t> message(data + 2, size - 2);
  const std::string bytes(reinterpret_cast<const char*>(message.data()), message.size());
  const paramd::Pieces pieces = paramd::CutBytes(message, {data, 2});
  paramd::TryOperation(bytes, pieces);
  paramd::TryReply(bytes, pieces);
  return 0;
}
