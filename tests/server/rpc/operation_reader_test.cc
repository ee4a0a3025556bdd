#include "server/rpc/operation_reader.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "common/wire/key_codec.h"
#include "paramd/v1/parameter.pb.h"
#include "tests/common/wire/pieces.h"

namespace paramd {
namespace {

using Kind = OperationReader::Outcome::Kind;
using Code = absl::StatusCode;

const std::string kName(16, 'a'), kOther(16, 'b'), kThird(16, 'c');

// What a list of `keys` keys in two segments counts for.
constexpr uint64_t Cost(uint64_t keys) { return 1024 + 8 * keys + 2 * 16; }

// A pull of two segments, with `count` keys in the first and one in the second.
v1::Operation PullOf(uint64_t sequence, uint32_t count, v1::Codec::Keys codec,
                     const std::string& name = "") {
  std::vector<uint64_t> keys(count);
  for (uint32_t i = 0; i < count; ++i) keys[i] = 10 + uint64_t{i} * i;
  v1::Operation message;
  v1::Header& header = *message.mutable_header();
  header.set_kind(v1::Header::PULL);
  header.set_client(4);
  header.set_sequence(sequence);
  header.set_key_codec(codec);
  header.set_key_list(name);
  for (const auto& segment : {keys, std::vector<uint64_t>{uint64_t{1} << 40}}) {
    const KeyCodec how = codec == v1::Codec::PACKED ? KeyCodec::kPacked : KeyCodec::kRaw;
    std::string bytes(MaxEncodedKeys(how, segment.size()), '\0');
    bytes.resize(EncodeKeys(how, segment, reinterpret_cast<uint8_t*>(bytes.data())));
    message.mutable_keys()->append(bytes);
    v1::Segment& part = *header.add_segments();
    part.set_shard(static_cast<uint32_t>(header.segments_size()));
    part.set_rows(static_cast<uint32_t>(segment.size()));
  }
  return message;
}

v1::Operation CachedOf(uint64_t sequence, const std::string& name) {
  v1::Operation message;
  message.mutable_header()->set_kind(v1::Header::PULL);
  message.mutable_header()->set_client(4);
  message.mutable_header()->set_sequence(sequence);
  message.mutable_header()->set_key_codec(v1::Codec::CACHED);
  message.mutable_header()->set_key_list(name);
  return message;
}

// A reader, and memory for the message that was read last.
class Stream {
 public:
  OperationReader::Outcome Read(const std::string& bytes) {
    pieces_ = std::make_unique<Pieces>(
        absl::Span<const uint8_t>(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()),
        CutsEvery(7, bytes.size()));
    return reader_.Read(pieces_->pieces());
  }
  OperationReader::Outcome Read(const v1::Operation& message) {
    return Read(message.SerializeAsString());
  }

  OperationReader::Outcome Open(uint64_t key_cache) {
    v1::Operation message;
    message.mutable_header()->set_kind(v1::Header::OPEN);
    message.mutable_header()->mutable_open()->set_key_cache(key_cache);
    return Read(message);
  }

  // How many keys come of the list of this name; -1: it is not held, and was sent again.
  int Held(uint64_t sequence, const std::string& name, uint32_t count) {
    const auto outcome = Read(CachedOf(sequence, name));
    if (outcome.kind == Kind::kOperation) return static_cast<int>(outcome.operation.keys.size());
    CHECK(outcome.kind == Kind::kSendKeys);
    CHECK(Read(PullOf(sequence, count, v1::Codec::PACKED, name)).kind == Kind::kOperation);
    return -1;
  }

 private:
  OperationReader reader_;
  std::unique_ptr<Pieces> pieces_;
};

void CheckPull(const OperationReader::Outcome& outcome, uint64_t sequence, uint32_t count) {
  INFO(outcome.status);
  REQUIRE(outcome.kind == Kind::kOperation);
  const Operation& operation = outcome.operation;
  CHECK(operation.kind == OperationKind::kPull);
  CHECK(operation.client == 4);
  CHECK(operation.sequence == sequence);
  REQUIRE(operation.keys.size() == count + 1);
  for (uint32_t i = 0; i < count; ++i) CHECK(operation.keys[i] == 10 + uint64_t{i} * i);
  CHECK(operation.keys[count] == uint64_t{1} << 40);
  const std::vector<Segment> segments = {{.shard = 1, .rows = count}, {.shard = 2, .rows = 1}};
  CHECK(operation.segments == absl::MakeConstSpan(segments));
}

TEST_CASE("raw and packed keys") {
  Stream stream;
  for (const uint32_t count : {1u, 3u, 100u, 5000u, 2u}) {
    CheckPull(stream.Read(PullOf(1, count, v1::Codec::RAW)), 1, count);
    CheckPull(stream.Read(PullOf(2, count, v1::Codec::PACKED)), 2, count);
    CheckPull(stream.Read(PullOf(3, count, v1::Codec::KEYS_UNSPECIFIED)), 3, count);
  }
}

TEST_CASE("values are left where they are") {
  Stream stream;
  v1::Operation push = PullOf(1, 3, v1::Codec::PACKED);
  push.mutable_header()->set_kind(v1::Header::PUSH);
  push.mutable_header()->set_value_codec(v1::Codec::BF16);
  push.set_values("eight by");
  const auto outcome = stream.Read(push);
  REQUIRE(outcome.kind == Kind::kOperation);
  CHECK(outcome.operation.kind == OperationKind::kPush);
  CHECK(outcome.operation.codec == ValueCodec::kBf16);
  std::string values(outcome.operation.values.remaining(), '\0');
  ByteReader(outcome.operation.values)
      .Copy(values.size(), reinterpret_cast<uint8_t*>(values.data()));
  CHECK(values == "eight by");
}

TEST_CASE("an operation without keys") {
  Stream stream;
  v1::Operation message;
  message.mutable_header()->set_kind(v1::Header::PUSH);
  message.mutable_header()->set_finishes_step(true);
  for (const bool dense : {false, true}) {
    if (dense) message.mutable_header()->add_segments()->set_rows(5);
    const auto outcome = stream.Read(message);
    REQUIRE(outcome.kind == Kind::kOperation);
    CHECK(outcome.operation.finishes_step);
    CHECK(outcome.operation.keys.empty());
    CHECK(outcome.operation.segments.size() == (dense ? 1 : 0));
  }
}

TEST_CASE("a list that is held is used by its name") {
  Stream stream;
  CHECK(stream.Open(1 << 20).kind == Kind::kAnswer);
  CheckPull(stream.Read(PullOf(1, 100, v1::Codec::PACKED, kName)), 1, 100);
  CheckPull(stream.Read(PullOf(2, 7, v1::Codec::RAW, kOther)), 2, 7);
  CheckPull(stream.Read(PullOf(3, 50, v1::Codec::PACKED)), 3, 50);  // without a name
  CheckPull(stream.Read(CachedOf(4, kName)), 4, 100);
  CheckPull(stream.Read(CachedOf(5, kOther)), 5, 7);
  CheckPull(stream.Read(CachedOf(6, kName)), 6, 100);
  // Another list under the same name goes before.
  CheckPull(stream.Read(PullOf(7, 20, v1::Codec::PACKED, kName)), 7, 20);
  CheckPull(stream.Read(CachedOf(8, kName)), 8, 20);
}

TEST_CASE("a list that is not held is asked for, and everything else ignored until it comes") {
  Stream stream;
  stream.Open(1 << 20);
  CheckPull(stream.Read(PullOf(1, 5, v1::Codec::PACKED, kOther)), 1, 5);
  for (const uint64_t missed : {2, 0}) {
    const auto miss = stream.Read(CachedOf(missed, kName));
    CHECK(miss.kind == Kind::kSendKeys);
    CHECK(miss.operation.sequence == missed);
    for (const v1::Operation& later : {CachedOf(3, kOther), PullOf(4, 5, v1::Codec::PACKED, kThird),
                                       CachedOf(5, kName), PullOf(6, 5, v1::Codec::RAW)}) {
      const auto ignored = stream.Read(later);
      CHECK(ignored.kind == Kind::kIgnore);
      CHECK(ignored.operation.sequence == later.header().sequence());
    }
    CHECK(stream.Read(CachedOf(missed, kName)).kind == Kind::kSendKeys);  // still without keys
    CheckPull(stream.Read(PullOf(missed, 9, v1::Codec::PACKED, kName)), missed, 9);
    // Now what followed; the client knows that nothing else is held any more.
    CHECK(stream.Held(3, kOther, 5) == -1);
    CheckPull(stream.Read(PullOf(4, 5, v1::Codec::PACKED, kThird)), 4, 5);
    // What was held was forgotten again.
    CHECK(stream.Held(5, kName, 9) == -1);
    CheckPull(stream.Read(PullOf(6, 5, v1::Codec::RAW)), 6, 5);
    // For the next round.
    stream.Read(PullOf(7, 5, v1::Codec::PACKED, kOther));
    stream.Open(1 << 20);
  }
}

TEST_CASE("an awaited operation that is refused is awaited no longer") {
  Stream stream;
  stream.Open(1 << 20);
  CHECK(stream.Read(CachedOf(2, kName)).kind == Kind::kSendKeys);
  v1::Operation broken = PullOf(2, 5, v1::Codec::PACKED, kName);
  broken.mutable_keys()->append("x");
  CHECK(stream.Read(broken).kind == Kind::kAnswer);
  CheckPull(stream.Read(PullOf(3, 5, v1::Codec::PACKED)), 3, 5);
}

TEST_CASE("the lists that were used last are held, as far as they fit") {
  Stream stream;
  stream.Open(2 * Cost(11));
  CheckPull(stream.Read(PullOf(1, 10, v1::Codec::PACKED, kName)), 1, 10);
  CheckPull(stream.Read(PullOf(2, 10, v1::Codec::PACKED, kOther)), 2, 10);
  CheckPull(stream.Read(CachedOf(3, kName)), 3, 10);
  CheckPull(stream.Read(PullOf(4, 10, v1::Codec::PACKED, kThird)), 4, 10);
  CheckPull(stream.Read(CachedOf(5, kName)), 5, 10);
  CheckPull(stream.Read(CachedOf(6, kThird)), 6, 10);
  CHECK(stream.Held(7, kOther, 10) == -1);
}

TEST_CASE("a list that is larger than the budget is used, but not held") {
  Stream stream;
  stream.Open(Cost(11) - 1);
  CheckPull(stream.Read(PullOf(1, 10, v1::Codec::PACKED, kName)), 1, 10);
  CHECK(stream.Held(2, kName, 10) == -1);
  CheckPull(stream.Read(PullOf(3, 9, v1::Codec::PACKED, kName)), 3, 9);
  CHECK(stream.Held(4, kName, 9) == 10);
  stream.Open(0);
  CheckPull(stream.Read(PullOf(5, 1, v1::Codec::PACKED, kName)), 5, 1);
  CHECK(stream.Held(6, kName, 1) == -1);
}

TEST_CASE("opening again forgets every list") {
  Stream stream;
  stream.Open(1 << 20);
  CheckPull(stream.Read(PullOf(1, 10, v1::Codec::PACKED, kName)), 1, 10);
  stream.Open(1 << 20);
  CHECK(stream.Held(2, kName, 10) == -1);
}

TEST_CASE("lists want OPEN") {
  Stream stream;
  CheckPull(stream.Read(PullOf(1, 10, v1::Codec::PACKED, kName)), 1, 10);
  const auto outcome = stream.Read(CachedOf(2, kName));
  CHECK(outcome.kind == Kind::kAnswer);
  CHECK(outcome.status.code() == Code::kInvalidArgument);
  CHECK(outcome.status.message() ==
        "a cached key list wants OPEN before it, a name, and no keys and segments beside it");
}

TEST_CASE("OPEN names what is not known") {
  Stream stream;
  const auto open = [&](auto edit) {
    v1::Operation message;
    message.mutable_header()->set_kind(v1::Header::OPEN);
    edit(*message.mutable_header()->mutable_open());
    const auto outcome = stream.Read(message);
    CHECK(outcome.kind == Kind::kAnswer);
    CHECK(outcome.operation.sequence == 0);
    return outcome.status;
  };
  CHECK(open([](v1::Open& open) {
          for (const auto codec : {v1::Codec::RAW, v1::Codec::PACKED, v1::Codec::CACHED}) {
            open.add_key_codecs(codec);
          }
          for (const auto codec : {v1::Codec::F32, v1::Codec::BF16, v1::Codec::F16, v1::Codec::INT8,
                                   v1::Codec::TOP_K}) {
            open.add_value_codecs(codec);
          }
        }).ok());
  CHECK(open([](v1::Open& open) {
          open.add_key_codecs(v1::Codec::RAW);
          open.add_key_codecs(static_cast<v1::Codec::Keys>(9));
        }) ==
        absl::UnimplementedError(
            "key codec 9 is not known here; known are raw (1), packed (2) and cached (3)"));
  CHECK(open([](v1::Open& open) {
          open.add_value_codecs(v1::Codec::F32);
          open.add_value_codecs(static_cast<v1::Codec::Values>(12));
        }) == absl::UnimplementedError("value codec 12 is not known here; known are f32 (1), bf16 "
                                       "(2), f16 (3), int8 (4) and top_k (5)"));
}

TEST_CASE("kinds and codecs that are not known") {
  Stream stream;
  const auto refusal = [&](auto edit) {
    v1::Operation message = PullOf(6, 3, v1::Codec::PACKED);
    edit(*message.mutable_header());
    const auto outcome = stream.Read(message);
    CHECK(outcome.kind == Kind::kAnswer);
    CHECK(outcome.operation.sequence == 6);
    return outcome.status;
  };
  CHECK(refusal([](v1::Header& header) { header.clear_kind(); }) ==
        absl::InvalidArgumentError("an operation without a kind"));
  CHECK(refusal([](v1::Header& header) { header.set_kind(static_cast<v1::Header::Kind>(7)); }) ==
        absl::UnimplementedError("unknown kind of operation: 7"));
  CHECK(
      refusal([](v1::Header& header) { header.set_key_codec(static_cast<v1::Codec::Keys>(4)); }) ==
      absl::UnimplementedError(
          "key codec 4 is not known here; known are raw (1), packed (2) and cached (3)"));
  CHECK(refusal([](v1::Header& header) {
          header.set_value_codec(static_cast<v1::Codec::Values>(6));
        }) == absl::UnimplementedError("value codec 6 is not known here; known are f32 (1), bf16 "
                                       "(2), f16 (3), int8 (4) and top_k (5)"));
}

TEST_CASE("what is not right about keys is refused, and not held") {
  Stream stream;
  uint64_t sequence = 0;
  const auto refusal = [&](v1::Codec::Keys codec, auto edit) {
    stream.Open(1 << 20);
    v1::Operation message = PullOf(++sequence, 5, codec, kName);
    edit(message);
    const auto outcome = stream.Read(message);
    CHECK(outcome.kind == Kind::kAnswer);
    CHECK(outcome.operation.sequence == sequence);
    CHECK(outcome.status.code() == Code::kInvalidArgument);
    CHECK(stream.Held(++sequence, kName, 5) == -1);
    return std::string(outcome.status.message());
  };
  for (const auto codec : {v1::Codec::RAW, v1::Codec::PACKED}) {
    CHECK(refusal(codec, [](v1::Operation& m) { m.mutable_keys()->append("x"); }) ==
          "lengths do not add up: 1 bytes behind the last key");
    refusal(codec, [](v1::Operation& m) { m.mutable_keys()->pop_back(); });
    refusal(codec, [](v1::Operation& m) { m.mutable_header()->clear_segments(); });
    CHECK(refusal(codec, [](v1::Operation& m) {
            m.mutable_header()->mutable_segments(1)->set_rows(UINT32_MAX);
          }).find("for 4294967300 rows") != std::string::npos);
    refusal(codec, [](v1::Operation& m) { m.mutable_header()->mutable_segments(0)->set_rows(4); });
  }
  refusal(v1::Codec::RAW, [](v1::Operation& m) { m.mutable_keys()->replace(0, 8, 8, '\xff'); });
  refusal(v1::Codec::PACKED, [](v1::Operation& m) { m.mutable_keys()->front() = '\xff'; });
}

TEST_CASE("names have 16 bytes, and nothing beside them") {
  Stream stream;
  stream.Open(1 << 20);
  CheckPull(stream.Read(PullOf(1, 5, v1::Codec::PACKED, kName)), 1, 5);
  for (const size_t size : {1, 15, 17}) {
    for (v1::Operation message :
         {PullOf(2, 5, v1::Codec::PACKED), PullOf(2, 5, v1::Codec::RAW), CachedOf(2, "")}) {
      message.mutable_header()->set_key_list(std::string(size, 'a'));
      const auto outcome = stream.Read(message);
      CHECK(outcome.kind == Kind::kAnswer);
      CHECK(outcome.status.code() == Code::kInvalidArgument);
    }
  }
  v1::Operation beside = CachedOf(3, kName);
  beside.set_keys("x");
  CHECK(stream.Read(beside).status.code() == Code::kInvalidArgument);
  beside = CachedOf(4, kName);
  beside.mutable_header()->add_segments();
  CHECK(stream.Read(beside).status.code() == Code::kInvalidArgument);
  CheckPull(stream.Read(CachedOf(5, kName)), 5, 5);
}

TEST_CASE("a cached list without a name is refused") {
  Stream stream;
  stream.Open(1 << 20);
  const auto outcome = stream.Read(CachedOf(1, ""));
  CHECK(outcome.kind == Kind::kAnswer);
  CHECK(outcome.status.code() == Code::kInvalidArgument);
}

TEST_CASE("what is no message ends the stream") {
  Stream stream;
  const auto outcome = stream.Read("\xff\xff\xff");
  CHECK(outcome.kind == Kind::kBroken);
  CHECK(outcome.status.code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace paramd
