#include "common/wire/key_codec.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/routing/shard_of.h"
#include "tests/common/wire/pieces.h"

namespace paramd {
namespace {

using Bytes = std::vector<uint8_t>;
using Keys = std::vector<uint64_t>;

Bytes Encode(KeyCodec codec, const Keys& keys) {
  Bytes bytes(MaxEncodedKeys(codec, keys.size()));
  bytes.resize(EncodeKeys(codec, keys, bytes.data()));
  return bytes;
}

Keys Decode(KeyCodec codec, ByteReader bytes, size_t count) {
  Keys keys(count);
  const absl::Status status = DecodeKeys(codec, &bytes, absl::MakeSpan(keys));
  INFO(status);
  REQUIRE(status.ok());
  CHECK(bytes.remaining() == 0);
  return keys;
}

std::string Refusal(KeyCodec codec, size_t count, const Bytes& bytes) {
  const Pieces pieces(bytes);
  ByteReader reader = pieces.reader();
  Keys keys(count);
  const absl::Status status = DecodeKeys(codec, &reader, absl::MakeSpan(keys));
  if (status.ok()) return "ok";
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(reader.remaining() == bytes.size());
  return std::string(status.message());
}

// Differences of every length.
Keys Mixed(size_t size) {
  Random random(size);
  Keys keys;
  uint64_t key = 0;
  while (keys.size() < size) {
    key += 1 + random.NextBelow(uint64_t{1} << random.NextBelow(48));
    keys.push_back(key);
  }
  return keys;
}

TEST_CASE("keys: worked examples") {
  CHECK(Encode(KeyCodec::kPacked, {3, 4, 1000, 5'000'000'000, 5'000'000'256}) ==
        Bytes{0xd0, 0x00, 0x03, 0x00, 0xe3, 0x03, 0x17, 0xee, 0x05, 0x2a, 0x01, 0x00, 0x00, 0x00,
              0xff});
  CHECK(Encode(KeyCodec::kRaw, {3, 1000}) ==
        Bytes{3, 0, 0, 0, 0, 0, 0, 0, 0xe8, 3, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("keys come back as they were") {
  for (const KeyCodec codec : {KeyCodec::kRaw, KeyCodec::kPacked}) {
    for (const Keys& keys : {Keys{}, Keys{0}, Keys{UINT64_MAX}, Keys{0, UINT64_MAX},
                             Keys{0, 1, 2, 3, 4, 5}, Keys{UINT64_MAX - 1, UINT64_MAX}}) {
      const Pieces pieces(Encode(codec, keys));
      CHECK(Decode(codec, pieces.reader(), keys.size()) == keys);
    }
    // Around the ends of control bytes and blocks.
    for (size_t size = 1; size <= 1030; size += size < 20 || size % 256 > 250 ? 1 : 3) {
      const Keys keys = Mixed(size);
      const Pieces pieces(Encode(codec, keys));
      REQUIRE(Decode(codec, pieces.reader(), size) == keys);
    }
  }
}

TEST_CASE("keys: differences at the ends of each length") {
  for (const uint64_t far : {uint64_t{0}, uint64_t{0xff}, uint64_t{0x100}, uint64_t{0xffff},
                             uint64_t{0x10000}, uint64_t{0xffffffff}, uint64_t{0x100000000}}) {
    const size_t length = far <= 0xff ? 1 : far <= 0xffff ? 2 : far <= 0xffffffff ? 4 : 8;
    const Keys keys = {far, 2 * far + 1, 3 * far + 2};
    const Bytes bytes = Encode(KeyCodec::kPacked, keys);
    CHECK(bytes.size() == 1 + 3 * length);
    const Pieces pieces(bytes);
    CHECK(Decode(KeyCodec::kPacked, pieces.reader(), 3) == keys);
  }
}

TEST_CASE("keys: pieces cut anywhere give the same keys as one piece") {
  const Keys keys = Mixed(600);
  for (const KeyCodec codec : {KeyCodec::kRaw, KeyCodec::kPacked}) {
    const Bytes bytes = Encode(codec, keys);
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
      const Pieces pieces(bytes, {cut});
      REQUIRE(Decode(codec, pieces.reader(), keys.size()) == keys);
    }
    for (const size_t size : {1, 2, 7, 9, 64}) {
      const Pieces pieces(bytes, CutsEvery(size, bytes.size()));
      REQUIRE(Decode(codec, pieces.reader(), keys.size()) == keys);
    }
  }
}

TEST_CASE("keys: segments follow one another") {
  for (const KeyCodec codec : {KeyCodec::kRaw, KeyCodec::kPacked}) {
    Bytes bytes = Encode(codec, {1, 2, 300});
    const Bytes second = Encode(codec, {0, 7});
    bytes.insert(bytes.end(), second.begin(), second.end());
    const Pieces pieces(bytes);
    ByteReader reader = pieces.reader();
    Keys keys(3);
    REQUIRE(DecodeKeys(codec, &reader, absl::MakeSpan(keys)).ok());
    CHECK(reader.remaining() == second.size());
    CHECK(Decode(codec, reader, 2) == Keys{0, 7});
  }
}

TEST_CASE("keys: a tenth of consecutive ids in 64 shards takes less than 2.3 bytes a key") {
  Random random(1);
  std::vector<Keys> shards(64);
  size_t keys = 0, bytes = 0;
  for (uint64_t id = 0; id < 1'000'000; ++id) {
    if (random.NextBelow(10) == 0) shards[ShardOfKey(id, 64)].push_back(id);
  }
  for (const Keys& shard : shards) {
    keys += shard.size();
    bytes += Encode(KeyCodec::kPacked, shard).size();
  }
  CHECK(static_cast<double>(bytes) < 2.3 * static_cast<double>(keys));
}

// ---- what is refused

TEST_CASE("refused keys: cut short at every byte") {
  const Keys keys = Mixed(300);
  for (const KeyCodec codec : {KeyCodec::kRaw, KeyCodec::kPacked}) {
    const Bytes bytes = Encode(codec, keys);
    CHECK(Refusal(codec, keys.size(), bytes) == "ok");
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string expected =
          codec == KeyCodec::kRaw ? "keys: " + std::to_string(size) + " bytes instead of 2400"
          : size < 75             ? "packed keys: the bytes end within the control bytes"
                                  : "packed keys: the bytes end before the last key";
      REQUIRE(Refusal(codec, keys.size(), Bytes(bytes.begin(), bytes.begin() + size)) == expected);
    }
  }
}

TEST_CASE("refused keys: past 2^64") {
  const Bytes last = Encode(KeyCodec::kPacked, {5, UINT64_MAX});
  Bytes bytes = last;
  CHECK(Refusal(KeyCodec::kPacked, 2, bytes) == "ok");
  ++bytes[2];  // the difference to the last key
  CHECK(Refusal(KeyCodec::kPacked, 2, bytes) == "packed keys: the keys pass 2^64");
  // A difference of 2^64 would be the same key again.
  std::fill(bytes.begin() + 2, bytes.end(), 0xff);
  CHECK(Refusal(KeyCodec::kPacked, 2, bytes) == "packed keys: the keys pass 2^64");
  // More than once, in any block.
  Bytes often(75 + 8 * 300, 0xff);
  CHECK(Refusal(KeyCodec::kPacked, 300, often) == "packed keys: the keys pass 2^64");
}

TEST_CASE("refused keys: control bits behind the last key") {
  for (const size_t count : {1, 2, 3, 5, 257}) {
    Keys keys(count);
    for (size_t i = 0; i < count; ++i) keys[i] = i;
    const Bytes good = Encode(KeyCodec::kPacked, keys);
    REQUIRE(Refusal(KeyCodec::kPacked, count, good) == "ok");
    for (size_t bit = 2 * (count % 4); bit < 8; ++bit) {
      Bytes bytes = good;
      bytes[(count - 1) / 4] |= 1 << bit;
      bytes.resize(bytes.size() + 32);
      CHECK(Refusal(KeyCodec::kPacked, count, bytes) ==
            "packed keys: control bits behind the last key");
    }
  }
}

TEST_CASE("refused keys: raw keys that do not ascend") {
  CHECK(Refusal(KeyCodec::kRaw, 2, Encode(KeyCodec::kRaw, {7, 7})) ==
        "keys do not ascend within a segment");
  CHECK(Refusal(KeyCodec::kRaw, 3, Encode(KeyCodec::kRaw, {1, 9, 8})) ==
        "keys do not ascend within a segment");
}

TEST_CASE("refused keys: an unknown codec") {
  CHECK(Refusal(static_cast<KeyCodec>(9), 1, Bytes(9)) == "unknown key codec 9");
}

// ---- hashes of key lists

TEST_CASE("the hash of a key list depends on the keys, on the cut into segments and on pieces") {
  const auto hash = [](const Keys& keys, std::vector<Segment> segments) {
    return HashKeyList(keys, segments);
  };
  const Keys keys = {1, 2, 3};
  const absl::uint128 whole = hash(keys, {{.rows = 3}});
  CHECK(whole == hash(keys, {{.rows = 3}}));
  const std::vector<absl::uint128> all = {whole,
                                          hash(keys, {{.rows = 1}, {.rows = 2}}),
                                          hash(keys, {{.rows = 2}, {.rows = 1}}),
                                          hash(keys, {{.rows = 0}, {.rows = 3}}),
                                          hash(keys, {{.rows = 3}, {.rows = 0}}),
                                          hash(keys, {{.rows = 3, .piece = 1}}),
                                          hash({1, 2, 4}, {{.rows = 3}}),
                                          hash({1, 3, 2}, {{.rows = 3}}),
                                          hash({1, 2}, {{.rows = 2}}),
                                          hash({}, {}),
                                          hash({}, {{.rows = 0}})};
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < i; ++j) CHECK(all[i] != all[j]);
  }
}

TEST_CASE("the hash of a key list is part of the contract") {
  const std::vector<Segment> segments = {{.rows = 1}, {.rows = 2}};
  CHECK(HashKeyList({3, 4, 1000}, segments) ==
        absl::MakeUint128(0x95cf2a9c35f69c4c, 0x8a74046d9f5befca));
}

}  // namespace
}  // namespace paramd
