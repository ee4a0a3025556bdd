#include "common/wire/frame.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

constexpr uint32_t BytesTag(int field) {
  return static_cast<uint32_t>(field) << 3 | WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
}
constexpr uint32_t VarintTag(int field) {
  return static_cast<uint32_t>(field) << 3 | WireFormatLite::WIRETYPE_VARINT;
}

// protobuf takes no more bytes of a number, and of a tag or a length.
constexpr int kMaxVarint = 10;
constexpr int kMaxVarint32 = 5;

// A varint of at most `max` bytes. False: there is none.
bool ReadVarint(ByteReader* bytes, int max, uint64_t* value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 7 * max && bytes->remaining() > 0; shift += 7) {
    const uint8_t byte = bytes->Next(1)[0];
    result |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) {
      *value = result;
      return true;
    }
  }
  return false;
}

// The length of a field of bytes, no longer than what is left. False: there is none.
bool ReadLength(ByteReader* bytes, size_t* length) {
  uint64_t value = 0;
  if (!ReadVarint(bytes, kMaxVarint32, &value) || value > bytes->remaining()) return false;
  *length = static_cast<size_t>(value);
  return true;
}

// The pieces as one string, for protobuf.
void Join(absl::Span<const ByteReader::Piece> pieces, std::string* out) {
  out->clear();
  for (const ByteReader::Piece& piece : pieces) {
    out->append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
}

absl::Status NotA(const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("a message is not ", what));
}

ByteReader::Piece PieceOf(const std::string& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

template <typename Message>
bool ParseMessage(ByteReader bytes, std::string* scratch, Message* message) {
  const size_t size = bytes.remaining();
  if (size > bytes.contiguous()) scratch->resize(size);
  const uint8_t* const data = bytes.Exactly(size, reinterpret_cast<uint8_t*>(scratch->data()));
  return message->ParseFromArray(data, static_cast<int>(size));
}

absl::Status TooLarge() {
  return absl::InvalidArgumentError(
      absl::StrCat("a header of more than ", kMaxHeaderBytes, " bytes"));
}

// Bytes of headers in a message of any form, as far as it can be read: protobuf makes objects of
// many times their size.
uint64_t HeaderBytes(ByteReader bytes) {
  uint64_t sum = 0, tag = 0, value = 0;
  size_t length = 0;
  while (bytes.remaining() > 0 && ReadVarint(&bytes, kMaxVarint32, &tag)) {
    switch (tag & 7) {
      case WireFormatLite::WIRETYPE_VARINT:
        if (!ReadVarint(&bytes, kMaxVarint, &value)) return sum;
        break;
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
        if (!ReadLength(&bytes, &length)) return sum;
        if (tag == BytesTag(v1::Operation::kHeaderFieldNumber)) sum += length;
        bytes.Skip(length);
        break;
      case WireFormatLite::WIRETYPE_FIXED32:
      case WireFormatLite::WIRETYPE_FIXED64:
        length = (tag & 7) == WireFormatLite::WIRETYPE_FIXED32 ? 4 : 8;
        if (bytes.remaining() < length) return sum;
        bytes.Skip(length);
        break;
      default:
        // A group: whatever is in it.
        return sum + bytes.remaining();
    }
  }
  return sum;
}

// The parts of an Operation message, when they are written as protobuf writes them: each field at
// most once, in order, and nothing else.
bool SplitOperation(ByteReader bytes, ByteReader* header, ByteReader* keys, ByteReader* values) {
  int last = 0;
  while (bytes.remaining() > 0) {
    uint64_t tag = 0;
    size_t length = 0;
    if (!ReadVarint(&bytes, kMaxVarint32, &tag) || !ReadLength(&bytes, &length)) return false;
    const int field = static_cast<int>(tag >> 3);
    if (tag > BytesTag(v1::Operation::kValuesFieldNumber) || tag != BytesTag(field) ||
        field <= last) {
      return false;
    }
    last = field;
    const ByteReader content = bytes.Take(length);
    if (field == v1::Operation::kHeaderFieldNumber) *header = content;
    if (field == v1::Operation::kKeysFieldNumber) *keys = content;
    if (field == v1::Operation::kValuesFieldNumber) *values = content;
  }
  return true;
}

// A Reply message without text, written as protobuf writes it.
bool SplitReply(ByteReader bytes, ReplyFrame* reply) {
  uint64_t last = 0;
  while (bytes.remaining() > 0) {
    uint64_t tag = 0, value = 0;
    if (!ReadVarint(&bytes, kMaxVarint32, &tag) || tag <= last) return false;
    last = tag;
    if (tag == BytesTag(v1::Reply::kValuesFieldNumber)) {
      size_t length = 0;
      if (!ReadLength(&bytes, &length)) return false;
      reply->values = bytes.Take(length);
      continue;
    }
    if (!ReadVarint(&bytes, kMaxVarint, &value)) return false;
    switch (tag) {
      case VarintTag(v1::Reply::kSequenceFieldNumber):
        reply->sequence = value;
        break;
      case VarintTag(v1::Reply::kEpochFieldNumber):
        reply->epoch = value;
        break;
      case VarintTag(v1::Reply::kClockFieldNumber):
        reply->clock = value;
        break;
      default:
        return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<OperationFrame> OperationParser::Parse(absl::Span<const ByteReader::Piece> pieces) {
  OperationFrame frame;
  ByteReader header;
  if (SplitOperation(ByteReader(pieces), &header, &frame.keys, &frame.values)) {
    if (header.remaining() > kMaxHeaderBytes) return TooLarge();
    if (!ParseMessage(header, &header_bytes_, &header_)) return NotA("an Operation");
    frame.header = &header_;
    return frame;
  }
  if (HeaderBytes(ByteReader(pieces)) > kMaxHeaderBytes) return TooLarge();
  Join(pieces, &message_bytes_);
  if (!message_.ParseFromString(message_bytes_)) return NotA("an Operation");
  keys_piece_ = PieceOf(message_.keys());
  values_piece_ = PieceOf(message_.values());
  frame.header = &message_.header();
  frame.keys = ByteReader({&keys_piece_, 1});
  frame.values = ByteReader({&values_piece_, 1});
  return frame;
}

absl::StatusOr<ReplyFrame> ReplyParser::Parse(absl::Span<const ByteReader::Piece> pieces) {
  if (ReplyFrame frame; SplitReply(ByteReader(pieces), &frame)) return frame;
  Join(pieces, &message_bytes_);
  if (!message_.ParseFromString(message_bytes_)) return NotA("a Reply");
  values_piece_ = PieceOf(message_.values());
  return ReplyFrame{
      .sequence = message_.sequence(),
      .status = absl::Status(static_cast<absl::StatusCode>(message_.code()), message_.message()),
      .epoch = message_.epoch(),
      .clock = message_.clock(),
      .send_keys = message_.send_keys(),
      .values = ByteReader({&values_piece_, 1}),
  };
}

void WriteBeforeKeys(const v1::Header& header, size_t key_bytes, std::string* out) {
  const size_t header_bytes = header.ByteSizeLong();
  size_t size = 1 + CodedOutputStream::VarintSize64(header_bytes) + header_bytes;
  if (key_bytes > 0) size += 1 + CodedOutputStream::VarintSize64(key_bytes);
  out->resize(size);
  auto* at = reinterpret_cast<uint8_t*>(out->data());
  at = CodedOutputStream::WriteTagToArray(BytesTag(v1::Operation::kHeaderFieldNumber), at);
  at = CodedOutputStream::WriteVarint64ToArray(header_bytes, at);
  at = header.SerializeWithCachedSizesToArray(at);
  if (key_bytes == 0) return;
  at = CodedOutputStream::WriteTagToArray(BytesTag(v1::Operation::kKeysFieldNumber), at);
  CodedOutputStream::WriteVarint64ToArray(key_bytes, at);
}

size_t WriteBeforeValues(size_t value_bytes, uint8_t* out) {
  if (value_bytes == 0) return 0;
  uint8_t* at =
      CodedOutputStream::WriteTagToArray(BytesTag(v1::Operation::kValuesFieldNumber), out);
  at = CodedOutputStream::WriteVarint64ToArray(value_bytes, at);
  return static_cast<size_t>(at - out);
}

size_t WritePlainReply(const Reply& reply, uint8_t* out) {
  uint8_t* at = out;
  const auto write = [&at](int field, uint64_t value) {
    if (value == 0) return;
    at = CodedOutputStream::WriteTagToArray(VarintTag(field), at);
    at = CodedOutputStream::WriteVarint64ToArray(value, at);
  };
  write(v1::Reply::kSequenceFieldNumber, reply.sequence);
  write(v1::Reply::kEpochFieldNumber, reply.epoch);
  write(v1::Reply::kClockFieldNumber, reply.clock);
  return static_cast<size_t>(at - out);
}

size_t WriteBeforeValues(const Reply& reply) {
  uint8_t bytes[kReplyRoom];
  uint8_t* at = bytes + WritePlainReply(reply, bytes);
  at = CodedOutputStream::WriteTagToArray(BytesTag(v1::Reply::kValuesFieldNumber), at);
  at = CodedOutputStream::WriteVarint64ToArray(reply.values.size() - kReplyRoom, at);
  const auto size = static_cast<size_t>(at - bytes);
  std::memcpy(reply.values.data() + kReplyRoom - size, bytes, size);
  return kReplyRoom - size;
}

void WriteReply(const Reply& reply, std::string* out) {
  v1::Reply message;
  message.set_sequence(reply.sequence);
  message.set_code(static_cast<int32_t>(reply.status.code()));
  message.set_epoch(reply.epoch);
  message.set_clock(reply.clock);
  message.set_send_keys(reply.send_keys);
  if (!reply.status.ok()) message.set_message(std::string(reply.status.message()));
  message.SerializeToString(out);
}

absl::Status FromHeader(const v1::Header& header, Operation* operation,
                        std::vector<Segment>* segments) {
  if (header.kind() == v1::Header::KIND_UNSPECIFIED) {
    return absl::InvalidArgumentError("an operation without a kind");
  }
  // What comes after OPEN is between servers.
  if (!v1::Header::Kind_IsValid(header.kind()) || header.kind() > v1::Header::OPEN) {
    return absl::UnimplementedError(
        absl::StrCat("unknown kind of operation: ", static_cast<int>(header.kind())));
  }
  ASSIGN_OR_RETURN(const ValueCodec codec, FromProto(header.value_codec()));
  segments->clear();
  for (const v1::Segment& segment : header.segments()) {
    segments->push_back({.shard = segment.shard(),
                         .rows = segment.rows(),
                         .first_row = segment.first_row(),
                         .piece = segment.piece()});
  }
  *operation = {
      .kind = static_cast<OperationKind>(header.kind()),
      .client = header.client(),
      .incarnation = header.incarnation(),
      .sequence = header.sequence(),
      .epoch = header.epoch(),
      .clock = header.clock(),
      .finishes_step = header.finishes_step(),
      .ignore_clock = header.ignore_clock(),
      .examples = header.examples(),
      .origin = {.client = header.origin().client(),
                 .incarnation = header.origin().incarnation(),
                 .clock = header.origin().clock()},
      .table = header.table(),
      .segments = *segments,
      .codec = codec,
  };
  return absl::OkStatus();
}

void ToHeader(const Operation& operation, v1::Header* header) {
  header->Clear();
  header->set_kind(static_cast<v1::Header::Kind>(operation.kind));
  header->set_client(operation.client);
  header->set_incarnation(operation.incarnation);
  header->set_sequence(operation.sequence);
  header->set_epoch(operation.epoch);
  header->set_clock(operation.clock);
  header->set_finishes_step(operation.finishes_step);
  header->set_ignore_clock(operation.ignore_clock);
  header->set_examples(operation.examples);
  if (operation.origin.client != 0) {
    v1::Origin& origin = *header->mutable_origin();
    origin.set_client(operation.origin.client);
    origin.set_incarnation(operation.origin.incarnation);
    origin.set_clock(operation.origin.clock);
  }
  header->set_table(operation.table);
  for (const Segment& segment : operation.segments) {
    v1::Segment& part = *header->add_segments();
    part.set_shard(segment.shard);
    part.set_rows(segment.rows);
    part.set_first_row(segment.first_row);
    part.set_piece(segment.piece);
  }
  if (operation.codec != ValueCodec::kF32) header->set_value_codec(ToProto(operation.codec));
}

v1::Codec::Values ToProto(ValueCodec codec) {
  switch (codec) {
    case ValueCodec::kF32:
      return v1::Codec::F32;
    case ValueCodec::kBf16:
      return v1::Codec::BF16;
    case ValueCodec::kF16:
      return v1::Codec::F16;
    case ValueCodec::kInt8:
      return v1::Codec::INT8;
    case ValueCodec::kTopK:
      return v1::Codec::TOP_K;
  }
  return v1::Codec::VALUES_UNSPECIFIED;
}

absl::StatusOr<ValueCodec> FromProto(int codec) {
  switch (codec) {
    case v1::Codec::VALUES_UNSPECIFIED:
    case v1::Codec::F32:
      return ValueCodec::kF32;
    case v1::Codec::BF16:
      return ValueCodec::kBf16;
    case v1::Codec::F16:
      return ValueCodec::kF16;
    case v1::Codec::INT8:
      return ValueCodec::kInt8;
    case v1::Codec::TOP_K:
      return ValueCodec::kTopK;
  }
  return absl::UnimplementedError(absl::StrCat("value codec ", codec,
                                               " is not known here; known are f32 (1), bf16 (2), "
                                               "f16 (3), int8 (4) and top_k (5)"));
}

}  // namespace paramd
