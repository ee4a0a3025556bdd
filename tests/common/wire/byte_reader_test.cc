#include "common/wire/byte_reader.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <vector>

#include "tests/common/wire/pieces.h"

namespace paramd {
namespace {

std::vector<uint8_t> Counting(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  return bytes;
}

std::vector<uint8_t> ReadAll(ByteReader reader, size_t max) {
  std::vector<uint8_t> all;
  while (reader.remaining() > 0) {
    const ByteReader::Piece piece = reader.Next(max);
    REQUIRE(!piece.empty());
    REQUIRE(piece.size() <= max);
    all.insert(all.end(), piece.begin(), piece.end());
  }
  CHECK(reader.contiguous() == 0);
  CHECK(reader.Next(max).empty());
  return all;
}

TEST_CASE("bytes come in order from any pieces, also empty ones") {
  const std::vector<uint8_t> bytes = Counting(10);
  for (size_t a = 0; a <= 10; ++a) {
    for (size_t b = a; b <= 10; ++b) {
      const Pieces pieces(bytes, {a, b, b});
      CHECK(pieces.reader().remaining() == 10);
      for (const size_t max : {1, 3, 100}) CHECK(ReadAll(pieces.reader(), max) == bytes);
    }
  }
}

TEST_CASE("nothing at all") {
  CHECK(ReadAll(ByteReader(), 1).empty());
  CHECK(ReadAll(Pieces({}).reader(), 1).empty());
  ByteReader none;
  none.Skip(0);
  CHECK(none.Take(0).remaining() == 0);
}

TEST_CASE("bytes in one piece are read in place, others are gathered") {
  const std::vector<uint8_t> bytes = Counting(12);
  for (size_t cut = 0; cut <= 12; ++cut) {
    const Pieces pieces(bytes, {cut});
    for (size_t begin = 0; begin <= 12; ++begin) {
      for (size_t size = 1; begin + size <= 12; ++size) {
        ByteReader reader = pieces.reader();
        reader.Skip(begin);
        CHECK(reader.remaining() == 12 - begin);
        uint8_t scratch[12];
        const bool whole = size <= reader.contiguous();
        CHECK(whole == (begin >= cut || begin + size <= cut));
        const uint8_t* got = reader.Exactly(size, scratch);
        CHECK((got == scratch) == !whole);
        CHECK(std::vector<uint8_t>(got, got + size) ==
              std::vector<uint8_t>(bytes.begin() + begin, bytes.begin() + begin + size));
        CHECK(reader.remaining() == 12 - begin - size);
      }
    }
  }
}

TEST_CASE("a part ends where it ends, and the rest follows") {
  const std::vector<uint8_t> bytes = Counting(12);
  for (size_t cut = 0; cut <= 12; ++cut) {
    const Pieces pieces(bytes, {cut, cut + (12 - cut) / 2});
    for (size_t size = 0; size <= 12; ++size) {
      ByteReader rest = pieces.reader();
      ByteReader part = rest.Take(size);
      CHECK(part.remaining() == size);
      CHECK(part.contiguous() <= size);
      CHECK(ReadAll(part, 5) == std::vector<uint8_t>(bytes.begin(), bytes.begin() + size));
      CHECK(ReadAll(rest, 5) == std::vector<uint8_t>(bytes.begin() + size, bytes.end()));
    }
  }
}

TEST_CASE("a copy is a cursor of its own") {
  const std::vector<uint8_t> bytes = Counting(8);
  const Pieces pieces(bytes, {3});
  ByteReader first = pieces.reader();
  first.Skip(2);
  ByteReader second = first;
  first.Skip(4);
  CHECK(second.Next(1)[0] == 2);
  CHECK(first.Next(1)[0] == 6);
}

}  // namespace
}  // namespace paramd
