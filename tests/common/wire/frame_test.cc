#include "common/wire/frame.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "common/base/buffer.h"
#include "common/base/random.h"
#include "tests/common/wire/pieces.h"

namespace paramd {
namespace {

// What protobuf writes for fields of the wire types 0 (varint) and 2 (bytes).
std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}
std::string VarintField(uint32_t field, uint64_t value) {
  return Varint(field << 3) + Varint(value);
}
std::string BytesField(uint32_t field, const std::string& bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + bytes;
}
// The same number in more bytes than it needs.
std::string LongVarint(uint64_t value, size_t bytes) {
  std::string varint = Varint(value);
  while (varint.size() < bytes) {
    varint.back() = static_cast<char>(varint.back() | 0x80);
    varint.push_back('\0');
  }
  return varint;
}

absl::Span<const uint8_t> SpanOf(const std::string& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

std::string BytesOf(ByteReader reader) {
  std::string bytes(reader.remaining(), '\0');
  reader.Copy(bytes.size(), reinterpret_cast<uint8_t*>(bytes.data()));
  return bytes;
}

std::string RandomBytes(size_t size) {
  Random random(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.NextBelow(256));
  return bytes;
}

v1::Header FullHeader() {
  v1::Header header;
  header.set_kind(v1::Header::PUSH);
  header.set_client(7);
  header.set_incarnation(0xfedcba9876543210);
  header.set_sequence(UINT64_MAX);
  header.set_epoch(3);
  header.set_clock(1 << 20);
  header.set_finishes_step(true);
  header.set_examples(256);
  header.set_table(2);
  header.set_ignore_clock(true);
  header.set_key_codec(v1::Codec::PACKED);
  header.set_value_codec(v1::Codec::INT8);
  header.set_key_list(RandomBytes(16));
  header.mutable_open()->add_value_codecs(v1::Codec::BF16);
  header.mutable_open()->set_key_cache(1 << 30);
  for (uint32_t shard = 0; shard < 20; ++shard) {
    v1::Segment& segment = *header.add_segments();
    segment.set_shard(shard);
    segment.set_rows(shard * 1000);
    segment.set_first_row(uint64_t{shard} << 33);
  }
  return header;
}

// The parser refuses the bytes if protobuf does, and reads the same from them if not.
bool CheckOperation(OperationParser& parser, const std::string& bytes,
                    absl::Span<const size_t> cuts = {}) {
  v1::Operation message;
  const bool good = message.ParseFromString(bytes);
  const Pieces pieces(SpanOf(bytes), cuts);
  const absl::StatusOr<OperationFrame> frame = parser.Parse(pieces.pieces());
  CHECK(frame.ok() == good);
  if (frame.ok() != good) return good;
  if (!good) {
    CHECK(frame.status().code() == absl::StatusCode::kInvalidArgument);
    return false;
  }
  CHECK(frame->header->SerializeAsString() == message.header().SerializeAsString());
  CHECK(BytesOf(frame->keys) == message.keys());
  CHECK(BytesOf(frame->values) == message.values());
  return true;
}

bool CheckReply(ReplyParser& parser, const std::string& bytes, absl::Span<const size_t> cuts = {}) {
  v1::Reply message;
  const bool good = message.ParseFromString(bytes);
  const Pieces pieces(SpanOf(bytes), cuts);
  const absl::StatusOr<ReplyFrame> frame = parser.Parse(pieces.pieces());
  CHECK(frame.ok() == good);
  if (frame.ok() != good) return good;
  if (!good) {
    CHECK(frame.status().code() == absl::StatusCode::kInvalidArgument);
    return false;
  }
  CHECK(frame->sequence == message.sequence());
  CHECK(frame->status ==
        absl::Status(static_cast<absl::StatusCode>(message.code()), message.message()));
  CHECK(frame->epoch == message.epoch());
  CHECK(frame->clock == message.clock());
  CHECK(frame->send_keys == message.send_keys());
  CHECK(BytesOf(frame->values) == message.values());
  return true;
}

// Cut at every offset, in pieces of one byte, and cut off at every offset.
template <typename Parser>
void CheckEverywhere(bool (*check)(Parser&, const std::string&, absl::Span<const size_t>),
                     const std::string& bytes) {
  Parser parser;
  CHECK(check(parser, bytes, {}));
  for (size_t at = 0; at <= bytes.size(); ++at) {
    CHECK(check(parser, bytes, {at}));
    CHECK(check(parser, bytes, {at, at}));
    check(parser, bytes.substr(0, at), {});
    check(parser, bytes.substr(0, at), {at / 2});
  }
  CHECK(check(parser, bytes, CutsEvery(1, bytes.size())));
  CHECK(check(parser, bytes, CutsEvery(3, bytes.size())));
}

std::string WrittenOperation(const v1::Header& header, const std::string& keys,
                             const std::string& values) {
  std::string bytes = "what was there before";
  WriteBeforeKeys(header, keys.size(), &bytes);
  bytes += keys;
  uint8_t before_values[kMaxBeforeValues];
  const size_t size = WriteBeforeValues(values.size(), before_values);
  REQUIRE(size <= kMaxBeforeValues);
  bytes.append(reinterpret_cast<const char*>(before_values), size);
  return bytes + values;
}

TEST_CASE("an operation is written as protobuf writes it") {
  for (const size_t keys : {0, 1, 127, 128, 70000}) {
    for (const size_t values : {0, 1, 127, 128, 16384, 70000}) {
      for (const v1::Header& header : {v1::Header(), FullHeader()}) {
        v1::Operation message;
        *message.mutable_header() = header;
        message.set_keys(RandomBytes(keys));
        message.set_values(RandomBytes(values));
        const bool same = WrittenOperation(header, message.keys(), message.values()) ==
                          message.SerializeAsString();
        CHECK(same);
      }
    }
  }
}

TEST_CASE("what is written of a long array says its length") {
  // Nothing so long is ever made here; lengths are all there is of it.
  uint8_t bytes[kMaxBeforeValues];
  CHECK(WriteBeforeValues(size_t{1} << 35, bytes) == 7);
  std::string before_keys;
  WriteBeforeKeys(v1::Header(), size_t{1} << 35, &before_keys);
  CHECK(before_keys == BytesField(1, "") + Varint(2 << 3 | 2) + Varint(uint64_t{1} << 35));
}

TEST_CASE("an operation is read as protobuf reads it, from any pieces") {
  v1::Operation message;
  *message.mutable_header() = FullHeader();
  message.set_keys(RandomBytes(40));
  message.set_values(RandomBytes(50));
  CheckEverywhere<OperationParser>(CheckOperation, message.SerializeAsString());
}

TEST_CASE("keys and values of an operation are not copied") {
  v1::Operation message;
  message.mutable_header()->set_sequence(1);
  message.set_keys(RandomBytes(40));
  message.set_values(RandomBytes(50));
  const std::string bytes = message.SerializeAsString();
  const ByteReader::Piece piece = SpanOf(bytes);
  OperationParser parser;
  absl::StatusOr<OperationFrame> frame = parser.Parse({&piece, 1});
  REQUIRE(frame.ok());
  CHECK(frame->values.Next(50).data() == piece.data() + bytes.size() - 50);
  CHECK(frame->keys.Next(40).data() >= piece.data());
  CHECK(frame->keys.Next(40).data() <= piece.data() + bytes.size());
}

TEST_CASE("operations that protobuf would write otherwise") {
  OperationParser parser;
  v1::Header header;
  header.set_sequence(5);
  v1::Header more;
  more.set_client(9);
  more.add_segments()->set_rows(4);
  const std::string first = BytesField(1, header.SerializeAsString());
  const std::string second = BytesField(1, more.SerializeAsString());
  const std::string keys = BytesField(2, "keys"), values = BytesField(3, "values");
  const std::string group = Varint(9 << 3 | 3) + VarintField(1, 1) + Varint(9 << 3 | 4);
  const std::string fixed = Varint(8 << 3 | 1) + "12345678" + Varint(7 << 3 | 5) + "1234";
  for (const std::string& bytes : {
           std::string(),
           first,
           keys,
           values,
           BytesField(1, ""),
           BytesField(2, "") + BytesField(3, ""),
           values + keys + first,
           first + values + keys,
           first + first,
           first + second + keys,
           second + first + second,
           first + keys + keys,
           first + keys + BytesField(2, "others") + values + BytesField(3, "more"),
           first + VarintField(4, 77) + keys,
           first + keys + values + BytesField(15, "unknown"),
           BytesField(4000, "unknown") + first + keys + values,
           first + group + keys,
           first + fixed + keys,
           BytesField(1, header.SerializeAsString() + VarintField(99, 1)) + keys,
           // Of a wire type that the field does not have: unknown.
           VarintField(1, 3) + VarintField(2, 4) + values,
           // Numbers in more bytes than they need, as many as protobuf takes.
           LongVarint(1 << 3 | 2, 5) + Varint(header.ByteSizeLong()) + header.SerializeAsString(),
           LongVarint(2 << 3 | 2, 3) + LongVarint(4, 5) + "keys",
           // Of a tag protobuf takes the lower 32 bits.
           Varint((uint64_t{1} << 32) + (2 << 3 | 2)) + Varint(4) + "keys",
       }) {
    INFO(bytes.size() << " bytes");
    CHECK(CheckOperation(parser, bytes));
    CheckEverywhere<OperationParser>(CheckOperation, bytes);
  }
}

TEST_CASE("operations that are none") {
  OperationParser parser;
  const std::string bad_header = "\x08";
  for (const std::string& bytes : {
           std::string(1, '\0'),
           std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
           Varint(0 << 3 | 2) + Varint(0),
           Varint(2 << 3 | 6) + "keys",
           Varint(2 << 3 | 7) + "keys",
           Varint(9 << 3 | 4),
           Varint(9 << 3 | 3) + VarintField(1, 1),
           BytesField(1, bad_header),
           BytesField(1, bad_header) + BytesField(2, "keys") + BytesField(3, "values"),
           BytesField(1, Varint(9 << 3 | 4)),
           BytesField(1, std::string(1, '\0')),
           BytesField(2, "keys") + std::string(1, '\0'),
           BytesField(2, "keys") + "\x12",
           BytesField(2, "keys") + "\x1a\x05" + "four",
           Varint(2 << 3 | 2) + LongVarint(4, 6) + "keys",
           Varint(2 << 3 | 2) + Varint(uint64_t{1} << 31) + "keys",
           Varint(2 << 3 | 2) + Varint(UINT64_MAX) + "keys",
           LongVarint(2 << 3 | 2, 6) + Varint(4) + "keys",
           LongVarint(2 << 3 | 2, 10) + Varint(4) + "keys",
       }) {
    INFO(bytes.size() << " bytes");
    CHECK_FALSE(CheckOperation(parser, bytes));
    CHECK_FALSE(CheckOperation(parser, bytes, CutsEvery(1, bytes.size())));
  }
  // The parser goes on after a message that was refused.
  CHECK(CheckOperation(parser, BytesField(2, "keys")));
}

TEST_CASE("a parser keeps nothing of the message before") {
  OperationParser parser;
  v1::Operation full;
  *full.mutable_header() = FullHeader();
  full.set_keys("keys");
  full.set_values("values");
  const std::string bytes = full.SerializeAsString();
  for (const std::string& other :
       {std::string(), BytesField(3, "v"), BytesField(3, "v") + bytes, BytesField(4, "unknown")}) {
    CHECK(CheckOperation(parser, bytes));
    CHECK(CheckOperation(parser, other));
    CHECK(CheckOperation(parser, BytesField(3, "out of") + BytesField(2, "order")));
    CHECK(CheckOperation(parser, other));
  }
}

Reply SomeReply(uint64_t scale) {
  return {.sequence = scale, .status = {}, .epoch = scale / 3, .clock = scale / 2};
}

v1::Reply MessageOf(const Reply& reply) {
  v1::Reply message;
  message.set_sequence(reply.sequence);
  message.set_code(static_cast<int32_t>(reply.status.code()));
  message.set_message(std::string(reply.status.message()));
  message.set_epoch(reply.epoch);
  message.set_clock(reply.clock);
  message.set_send_keys(reply.send_keys);
  return message;
}

TEST_CASE("a reply is written as protobuf writes it") {
  for (const uint64_t scale : {uint64_t{0}, uint64_t{1}, uint64_t{300}, UINT64_MAX}) {
    Reply reply = SomeReply(scale);
    uint8_t plain[kMaxPlainReply];
    const size_t size = WritePlainReply(reply, plain);
    REQUIRE(size <= kMaxPlainReply);
    CHECK(std::string(reinterpret_cast<const char*>(plain), size) ==
          MessageOf(reply).SerializeAsString());
    std::string written;
    WriteReply(reply, &written);
    CHECK(written == MessageOf(reply).SerializeAsString());

    for (const size_t bytes : {1, 127, 128, 70000}) {
      v1::Reply message = MessageOf(reply);
      message.set_values(RandomBytes(bytes));
      reply.values = Buffer(kReplyRoom + bytes);
      std::memset(reply.values.data(), 0xee, kReplyRoom);
      std::memcpy(reply.values.data() + kReplyRoom, message.values().data(), bytes);
      const size_t begin = WriteBeforeValues(reply);
      const bool same = std::string(reinterpret_cast<const char*>(reply.values.data()) + begin,
                                    reply.values.size() - begin) == message.SerializeAsString();
      CHECK(same);
    }
    reply.values = Buffer();
    reply.send_keys = true;
    WriteReply(reply, &written);
    CHECK(written == MessageOf(reply).SerializeAsString());
    reply.status = absl::InvalidArgumentError("why not \xc3\xa9");
    WriteReply(reply, &written);
    CHECK(written == MessageOf(reply).SerializeAsString());
  }
}

TEST_CASE("a reply is read as protobuf reads it, from any pieces") {
  v1::Reply message = MessageOf(SomeReply(uint64_t{1} << 40));
  message.set_values(RandomBytes(60));
  CheckEverywhere<ReplyParser>(CheckReply, message.SerializeAsString());
  message.set_send_keys(true);
  message.set_code(3);
  message.set_message("why");
  CheckEverywhere<ReplyParser>(CheckReply, message.SerializeAsString());
}

TEST_CASE("replies that protobuf would write otherwise") {
  for (const std::string& bytes : {
           std::string(),
           VarintField(1, 0),
           VarintField(1, 7) + VarintField(1, 8),
           VarintField(5, 7) + VarintField(4, 8) + VarintField(1, 9),
           BytesField(6, "a") + BytesField(6, "b"),
           BytesField(6, "values") + VarintField(1, 3),
           BytesField(6, ""),
           VarintField(7, 1),
           VarintField(7, 0),
           VarintField(1, 5) + VarintField(8, 1),
           VarintField(1, 5) + BytesField(99, "unknown"),
           VarintField(2, 16) + BytesField(3, "UNAUTHENTICATED"),
           VarintField(2, 17) + BytesField(3, "no code of Abseil's"),
           VarintField(2, UINT64_MAX) + BytesField(3, "a negative one"),
           VarintField(2, 0) + BytesField(3, "a text without an error"),
           BytesField(1, "not a number") + VarintField(6, 3) + VarintField(4, 2),
           Varint(1 << 3) + LongVarint(5, 10),
           LongVarint(1 << 3, 5) + Varint(5),
           VarintField(1, 5) + BytesField(6, std::string(300, 'x')),
       }) {
    INFO(bytes.size() << " bytes");
    ReplyParser parser;
    CHECK(CheckReply(parser, bytes));
    CheckEverywhere<ReplyParser>(CheckReply, bytes);
  }
}

TEST_CASE("replies that are none") {
  ReplyParser parser;
  for (const std::string& bytes : {
           std::string(1, '\0'),
           Varint(1 << 3),
           Varint(1 << 3) + std::string(10, '\xff'),
           Varint(1 << 3) + std::string(10, '\x80') + "\x01",
           LongVarint(1 << 3, 6) + Varint(5),
           Varint(6 << 3 | 2) + LongVarint(4, 6) + "four",
           Varint(6 << 3 | 2) + Varint(5) + "four",
           VarintField(1, 5) + BytesField(3, "\xff not UTF-8"),
           Varint(9 << 3 | 4),
       }) {
    INFO(bytes.size() << " bytes");
    CHECK_FALSE(CheckReply(parser, bytes));
    CHECK_FALSE(CheckReply(parser, bytes, CutsEvery(1, bytes.size())));
  }
  CHECK(CheckReply(parser, VarintField(1, 5)));
}

TEST_CASE("a header says what an operation is, and back") {
  std::vector<Segment> segments = {{.shard = 3, .rows = 4, .first_row = 5, .piece = 2},
                                   {.shard = 6}};
  const Operation operation = {.kind = OperationKind::kPush,
                               .client = 1,
                               .incarnation = 2,
                               .sequence = 3,
                               .epoch = 4,
                               .clock = 5,
                               .finishes_step = true,
                               .ignore_clock = true,
                               .examples = 6,
                               .origin = {.client = 8, .incarnation = 9, .clock = 10},
                               .table = 7,
                               .segments = segments,
                               .codec = ValueCodec::kInt8};
  v1::Header header = FullHeader();
  ToHeader(operation, &header);
  Operation again;
  std::vector<Segment> segments_again = {{.shard = 99}};
  REQUIRE(FromHeader(header, &again, &segments_again).ok());
  CHECK(again.kind == OperationKind::kPush);
  CHECK(again.client == 1);
  CHECK(again.incarnation == 2);
  CHECK(again.sequence == 3);
  CHECK(again.epoch == 4);
  CHECK(again.clock == 5);
  CHECK(again.finishes_step);
  CHECK(again.ignore_clock);
  CHECK(again.examples == 6);
  CHECK(again.origin == operation.origin);
  CHECK(again.table == 7);
  CHECK(again.codec == ValueCodec::kInt8);
  CHECK(segments_again == segments);
  CHECK(again.segments == absl::MakeConstSpan(segments_again));
}

TEST_CASE("a header of something unknown is refused by name") {
  Operation operation;
  std::vector<Segment> segments;
  v1::Header header;
  CHECK(FromHeader(header, &operation, &segments).code() == absl::StatusCode::kInvalidArgument);
  header.set_kind(static_cast<v1::Header::Kind>(77));
  const absl::Status kind = FromHeader(header, &operation, &segments);
  CHECK(kind.code() == absl::StatusCode::kUnimplemented);
  CHECK(kind.message() == "unknown kind of operation: 77");
  header.set_kind(v1::Header::PULL);
  header.set_value_codec(static_cast<v1::Codec::Values>(78));
  const absl::Status codec = FromHeader(header, &operation, &segments);
  CHECK(codec.code() == absl::StatusCode::kUnimplemented);
  CHECK(codec.message() ==
        "value codec 78 is not known here; known are f32 (1), bf16 (2), f16 (3), int8 (4) and "
        "top_k (5)");
}

TEST_CASE("codecs have the same numbers on the wire and back") {
  for (const ValueCodec codec : {ValueCodec::kF32, ValueCodec::kBf16, ValueCodec::kF16,
                                 ValueCodec::kInt8, ValueCodec::kTopK}) {
    CHECK(*FromProto(ToProto(codec)) == codec);
  }
  CHECK(*FromProto(v1::Codec::VALUES_UNSPECIFIED) == ValueCodec::kF32);
  CHECK(FromProto(-1).status().code() == absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace paramd
