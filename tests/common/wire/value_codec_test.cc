#include "common/wire/value_codec.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/wire/top_k.h"
#include "common/wire/value_decoder.h"
#include "common/wire/value_encoder.h"
#include "tests/common/wire/pieces.h"

namespace paramd {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr ValueCodec kAll[] = {ValueCodec::kF32, ValueCodec::kBf16, ValueCodec::kF16,
                               ValueCodec::kInt8, ValueCodec::kTopK};

std::vector<float> Values(size_t size, uint64_t seed = 1) {
  Random random(seed);
  std::vector<float> values(size);
  for (float& value : values) value = static_cast<float>(2 * random.NextUnit() - 1);
  return values;
}

// kTopK keeps a tenth.
Bytes Encode(ValueCodec codec, ValueShape shape, const std::vector<float>& values,
             double fraction = 0.1) {
  if (codec == ValueCodec::kTopK) {
    TopKSelector selector;
    const auto positions = selector.Select(values, TopKCount(values.size(), fraction));
    Bytes bytes(EncodedSize(codec, shape, positions.size()));
    EncodeTopK(values, positions, bytes.data());
    return bytes;
  }
  Bytes bytes(EncodedSize(codec, shape));
  EncodeValues(codec, shape, values, 9, bytes.data());
  return bytes;
}

// Everything a source gives, in runs of `max`, alternately by Next and Exactly.
std::vector<float> ReadAll(FloatSource* source, size_t size, size_t max) {
  std::vector<float> all;
  for (size_t turn = 0; all.size() < size; ++turn) {
    const size_t wanted = std::min({max, size - all.size(), FloatSource::kMaxRun});
    FloatRun run = {.data = nullptr, .size = wanted};
    if (turn % 2 == 0) {
      run = source->Next(wanted);
      REQUIRE(run.size > 0);
      REQUIRE(run.size <= wanted);
    } else {
      run.data = source->Exactly(wanted);
    }
    all.resize(all.size() + run.size);
    std::memcpy(all.data() + all.size() - run.size, run.data, run.size * sizeof(float));
  }
  return all;
}

std::vector<float> Decode(ValueCodec codec, ValueShape shape, ByteReader bytes, size_t max) {
  const auto segment = TakeValues(codec, shape, &bytes);
  REQUIRE(segment.ok());
  CHECK(bytes.remaining() == 0);
  const auto decoder = std::make_unique<ValueDecoder>();
  decoder->Reset(codec, shape, *segment);
  return ReadAll(decoder.get(), shape.size(), max);
}

// The message that a segment is refused with; "ok" when it is not.
std::string Refusal(ValueCodec codec, ValueShape shape, const Bytes& bytes) {
  const Pieces pieces(bytes);
  ByteReader reader = pieces.reader();
  const auto segment = TakeValues(codec, shape, &reader);
  if (segment.ok()) return "ok";
  CHECK(segment.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(reader.remaining() == bytes.size());
  return std::string(segment.status().message());
}

void PutFloat(Bytes* bytes, size_t at, float value) { std::memcpy(bytes->data() + at, &value, 4); }

const float kInfinity = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

// ---- sizes

TEST_CASE("sizes") {
  CHECK(EncodedSize(ValueCodec::kF32, {.rows = 3, .dim = 5}) == 60);
  CHECK(EncodedSize(ValueCodec::kBf16, {.rows = 3, .dim = 5}) == 30);
  CHECK(EncodedSize(ValueCodec::kF16, {.rows = 3, .dim = 5}) == 30);
  CHECK(EncodedSize(ValueCodec::kInt8, {.rows = 64, .dim = 1}) == 68);
  CHECK(EncodedSize(ValueCodec::kInt8, {.rows = 65, .dim = 1}) == 73);
  CHECK(EncodedSize(ValueCodec::kInt8, {.rows = 2, .dim = 1000}) == 2008);
  CHECK(EncodedSize(ValueCodec::kTopK, {.rows = 256, .dim = 1}, 10) == 4 + 2 + 50);
  CHECK(EncodedSize(ValueCodec::kTopK, {.rows = 257, .dim = 1}, 10) == 4 + 4 + 50);
  for (const ValueCodec codec : kAll) {
    CHECK(EncodedSize(codec, {.rows = 0, .dim = 7}) == (codec == ValueCodec::kTopK ? 4 : 0));
  }
  // As large as a segment may be, and nothing overflows.
  const ValueShape largest = {.rows = UINT32_MAX, .dim = 1};
  CHECK(EncodedSize(ValueCodec::kF32, largest) == 4 * uint64_t{UINT32_MAX});
}

TEST_CASE("int8 groups are whole rows of at least 64 values") {
  CHECK(Int8Group(1) == 64);
  CHECK(Int8Group(3) == 66);
  CHECK(Int8Group(32) == 64);
  CHECK(Int8Group(63) == 126);
  CHECK(Int8Group(64) == 64);
  CHECK(Int8Group(65) == 65);
  CHECK(Int8Group(UINT32_MAX) == UINT32_MAX);
}

TEST_CASE("top-k counts are rounded up") {
  CHECK(TopKCount(0, 0.1) == 0);
  CHECK(TopKCount(1, 0.001) == 1);
  CHECK(TopKCount(1000, 0.1) == 100);
  CHECK(TopKCount(1001, 0.1) == 101);
  CHECK(TopKCount(7, 1) == 7);
}

// ---- the worked examples of FORMAT.md

TEST_CASE("worked examples") {
  const ValueShape shape = {.rows = 2, .dim = 2};
  const std::vector<float> values = {1, -0.5, 0.1f, 0};
  CHECK(Encode(ValueCodec::kF32, shape, values) == Bytes{0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00,
                                                         0xbf, 0xcd, 0xcc, 0xcc, 0x3d, 0x00, 0x00,
                                                         0x00, 0x00});
  CHECK(Encode(ValueCodec::kBf16, shape, values) ==
        Bytes{0x80, 0x3f, 0x00, 0xbf, 0xcd, 0x3d, 0x00, 0x00});
  CHECK(Encode(ValueCodec::kF16, shape, values) ==
        Bytes{0x00, 0x3c, 0x00, 0xb8, 0x66, 0x2e, 0x00, 0x00});
  const std::vector<float> steps = {127, -63, 1, 0};
  CHECK(Encode(ValueCodec::kInt8, shape, steps) ==
        Bytes{0x00, 0x00, 0x80, 0x3f, 0x7f, 0xc1, 0x01, 0x00});
  CHECK(Encode(ValueCodec::kTopK, shape, values, 0.5) == Bytes{0x02, 0x00, 0x00, 0x00, 0x02, 0x00,
                                                               0x00, 0x01, 0x00, 0x00, 0x80, 0x3f,
                                                               0x00, 0x00, 0x00, 0xbf});
}

// ---- round trips

TEST_CASE("what is encoded is decoded, in runs of any length") {
  for (const ValueCodec codec : kAll) {
    for (const ValueShape shape : {ValueShape{.rows = 1, .dim = 1},
                                   {.rows = 67, .dim = 1},
                                   {.rows = 5, .dim = 63},
                                   {.rows = 3, .dim = 1000},
                                   {.rows = 2, .dim = 9001}}) {
      const std::vector<float> values = Values(shape.size());
      const Bytes bytes = Encode(codec, shape, values);
      const Pieces pieces(bytes);
      const std::vector<float> decoded = Decode(codec, shape, pieces.reader(), 1000);
      float largest = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        if (codec == ValueCodec::kTopK) {
          REQUIRE((decoded[i] == values[i] || decoded[i] == 0));
          continue;
        }
        const float bound = codec == ValueCodec::kF32    ? 0
                            : codec == ValueCodec::kBf16 ? 0x1p-8f
                            : codec == ValueCodec::kF16  ? 0x1p-11f
                                                         : 1 / 126.0f;
        REQUIRE(std::fabs(decoded[i] - values[i]) <= bound);
        largest = std::max(largest, std::fabs(decoded[i] - values[i]));
      }
      if (codec == ValueCodec::kF32) CHECK(largest == 0);
      for (const size_t max : {1, 3, 64, 255, 256, 257, 4096, 100'000}) {
        REQUIRE(Decode(codec, shape, pieces.reader(), max) == decoded);
      }
    }
  }
}

TEST_CASE("top-k keeps the largest values exactly and makes the others 0") {
  const ValueShape shape = {.rows = 1000, .dim = 3};
  const std::vector<float> values = Values(shape.size());
  const Bytes bytes = Encode(ValueCodec::kTopK, shape, values);
  const Pieces pieces(bytes);
  const std::vector<float> decoded = Decode(ValueCodec::kTopK, shape, pieces.reader(), 100);
  std::vector<float> sorted = values;
  std::sort(sorted.begin(), sorted.end(),
            [](float a, float b) { return std::fabs(a) > std::fabs(b); });
  const float smallest_kept = std::fabs(sorted[299]);
  for (size_t i = 0; i < values.size(); ++i) {
    REQUIRE(decoded[i] == (std::fabs(values[i]) >= smallest_kept ? values[i] : 0));
  }
}

TEST_CASE("top-k of all and of nothing") {
  const ValueShape shape = {.rows = 600, .dim = 1};
  const std::vector<float> values = Values(shape.size());
  const Pieces all(Encode(ValueCodec::kTopK, shape, values, 1));
  CHECK(Decode(ValueCodec::kTopK, shape, all.reader(), 100) == values);
  Bytes bytes(EncodedSize(ValueCodec::kTopK, shape, 0));
  EncodeTopK(values, {}, bytes.data());
  const Pieces none(bytes);
  CHECK(Decode(ValueCodec::kTopK, shape, none.reader(), 100) == std::vector<float>(600));
}

TEST_CASE("pieces cut anywhere give the same values as one piece") {
  // Two int8 groups and two top-k blocks.
  const ValueShape shape = {.rows = 100, .dim = 3};
  const std::vector<float> values = Values(shape.size());
  for (const ValueCodec codec : kAll) {
    const Bytes bytes = Encode(codec, shape, values);
    const Pieces whole(bytes);
    const std::vector<float> expected = Decode(codec, shape, whole.reader(), 1000);
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
      const Pieces two(bytes, {cut});
      REQUIRE(Decode(codec, shape, two.reader(), 37) == expected);
    }
    for (const size_t size : {1, 2, 3, 5, 7, 11, 64}) {
      const Pieces many(bytes, CutsEvery(size, bytes.size()));
      REQUIRE(Decode(codec, shape, many.reader(), 37) == expected);
      REQUIRE(Decode(codec, shape, many.reader(), 1000) == expected);
    }
  }
}

TEST_CASE("f32 is read in place at any alignment") {
  const ValueShape shape = {.rows = 8, .dim = 1};
  const std::vector<float> values = Values(8);
  for (size_t offset = 0; offset < 4; ++offset) {
    Bytes bytes(offset + 32);
    EncodeValues(ValueCodec::kF32, shape, values, 0, bytes.data() + offset);
    const ByteReader::Piece piece(bytes.data() + offset, 32);
    ByteReader reader(absl::MakeConstSpan(&piece, 1));
    const auto segment = TakeValues(ValueCodec::kF32, shape, &reader);
    ValueDecoder decoder;
    decoder.Reset(ValueCodec::kF32, shape, *segment);
    CHECK(decoder.Exactly(3) == bytes.data() + offset);
    const FloatRun run = decoder.Next(100);
    CHECK(run.data == bytes.data() + offset + 12);
    CHECK(run.size == 5);
  }
}

TEST_CASE("segments follow one another") {
  const ValueShape shape = {.rows = 30, .dim = 2};
  const std::vector<float> a = Values(60, 1), b = Values(60, 2);
  for (const ValueCodec codec : kAll) {
    Bytes bytes = Encode(codec, shape, a);
    const Bytes second = Encode(codec, shape, b);
    bytes.insert(bytes.end(), second.begin(), second.end());
    const Pieces pieces(bytes, {17, 60});
    const Pieces alone(second);
    ByteReader reader = pieces.reader();
    REQUIRE(TakeValues(codec, shape, &reader).ok());
    CHECK(Decode(codec, shape, reader, 100) == Decode(codec, shape, alone.reader(), 100));
  }
}

TEST_CASE("a sink writes the same bytes, in runs of any length") {
  ValueEncoder encoder;
  for (const ValueCodec codec :
       {ValueCodec::kF32, ValueCodec::kBf16, ValueCodec::kF16, ValueCodec::kInt8}) {
    for (const ValueShape shape : {ValueShape{.rows = 0, .dim = 3},
                                   {.rows = 9000, .dim = 1},
                                   {.rows = 300, .dim = 63},
                                   {.rows = 3, .dim = 10'000}}) {
      const std::vector<float> values = Values(shape.size());
      const Bytes expected = Encode(codec, shape, values);
      for (const size_t run : {1, 63, 100, 4096}) {
        std::vector<float> memory(expected.size() / 4 + 2, 7);
        auto* out = reinterpret_cast<uint8_t*>(memory.data());
        encoder.Reset(codec, shape, 9, out);
        for (size_t i = 0; i < values.size(); i += run) {
          const size_t size = std::min(run, values.size() - i);
          std::copy_n(values.begin() + static_cast<ptrdiff_t>(i), size, encoder.Next(size));
        }
        encoder.Finish();
        REQUIRE(Bytes(out, out + expected.size()) == expected);
        REQUIRE(memory.back() == 7);
      }
    }
  }
}

TEST_CASE("f32 is written straight to the output") {
  std::vector<float> out(10);
  ValueEncoder encoder;
  encoder.Reset(ValueCodec::kF32, {.rows = 5, .dim = 2}, 0, reinterpret_cast<uint8_t*>(out.data()));
  CHECK(encoder.Next(4) == out.data());
  CHECK(encoder.Next(6) == out.data() + 4);
  encoder.Finish();
}

TEST_CASE("the seed decides how int8 rounds, and nothing else does") {
  const ValueShape shape = {.rows = 1000, .dim = 1};
  const std::vector<float> values = Values(shape.size());
  Bytes a(EncodedSize(ValueCodec::kInt8, shape)), b = a, c = a;
  EncodeValues(ValueCodec::kInt8, shape, values, 1, a.data());
  EncodeValues(ValueCodec::kInt8, shape, values, 1, b.data());
  EncodeValues(ValueCodec::kInt8, shape, values, 2, c.data());
  CHECK(a == b);
  CHECK(a != c);
}

// ---- what is refused

TEST_CASE("refused: cut short at every byte") {
  const ValueShape shape = {.rows = 100, .dim = 3};
  for (const ValueCodec codec : kAll) {
    const Bytes bytes = Encode(codec, shape, Values(shape.size()));
    CHECK(Refusal(codec, shape, bytes) == "ok");
    for (size_t size = 0; size < bytes.size(); ++size) {
      REQUIRE(Refusal(codec, shape, Bytes(bytes.begin(), bytes.begin() + size)) ==
              (codec == ValueCodec::kTopK && size < 4
                   ? "values: " + std::to_string(size) + " bytes instead of 4"
                   : "values: " + std::to_string(size) + " bytes instead of " +
                         std::to_string(bytes.size())));
    }
  }
}

TEST_CASE("refused: a value that is not finite, wherever it is") {
  const ValueShape shape = {.rows = 100, .dim = 3};
  for (const ValueCodec codec : kAll) {
    for (const float bad : {kInfinity, -kInfinity, kNan}) {
      for (size_t i = 0; i < shape.size(); i += 7) {
        std::vector<float> values = Values(shape.size());
        values[i] = bad;
        const Bytes bytes = Encode(codec, shape, values);
        for (const size_t step : {size_t{3}, bytes.size()}) {
          const Pieces pieces(bytes, CutsEvery(step, bytes.size()));
          ByteReader reader = pieces.reader();
          REQUIRE(TakeValues(codec, shape, &reader).status() ==
                  absl::InvalidArgumentError("a value is NaN or infinite"));
        }
      }
    }
  }
}

TEST_CASE("refused: too many values for a segment") {
  const ValueShape shape = {.rows = UINT32_MAX, .dim = 2};
  for (const ValueCodec codec : kAll) {
    CHECK(Refusal(codec, shape, Bytes(100)) ==
          "values: 4294967295 x 2 values are too many for a segment");
  }
}

TEST_CASE("refused: an unknown codec") {
  CHECK(Refusal(static_cast<ValueCodec>(99), {.rows = 1, .dim = 1}, Bytes(100)) ==
        "unknown value codec 99");
}

TEST_CASE("refused: int8 scales") {
  const ValueShape shape = {.rows = 100, .dim = 1};
  const Bytes good = Encode(ValueCodec::kInt8, shape, Values(100));
  for (const size_t at : {0, 68}) {
    const auto with = [&](float scale) {
      Bytes bytes = good;
      PutFloat(&bytes, at, scale);
      return Refusal(ValueCodec::kInt8, shape, bytes);
    };
    CHECK(with(0.5f) == "ok");
    CHECK(with(0) == "ok");
    CHECK(with(FLT_MIN) == "ok");
    CHECK(with(kInfinity) == "a value is NaN or infinite");
    CHECK(with(-kNan) == "a value is NaN or infinite");
    CHECK(with(-0.5f) == "int8: -0.5 is no scale");
    CHECK(with(-0.0f) == "int8: -0 is no scale");
    CHECK(with(FLT_MIN / 2) == "int8: 5.87747e-39 is no scale");
    CHECK(with(FLT_MAX) == "int8: 3.40282e+38 is no scale");
  }
}

TEST_CASE("refused: int8 -128") {
  const ValueShape shape = {.rows = 100, .dim = 1};
  const Bytes good = Encode(ValueCodec::kInt8, shape, Values(100));
  for (size_t i = 0; i < 100; ++i) {
    Bytes bytes = good;
    bytes[i + 4 + 4 * (i / 64)] = 0x80;
    CHECK(Refusal(ValueCodec::kInt8, shape, bytes) == "int8: -128 is no value");
  }
}

// Blocks of 256 and 44 values that keep 2 and 1.
Bytes GoodTopK() {
  std::vector<float> values(300);
  values[3] = 1;
  values[255] = 2;
  values[299] = 3;
  Bytes bytes(EncodedSize(ValueCodec::kTopK, {.rows = 300, .dim = 1}, 3));
  EncodeTopK(values, {3, 255, 299}, bytes.data());
  return bytes;
}

std::string TopKRefusal(size_t at, uint8_t byte) {
  Bytes bytes = GoodTopK();
  bytes[at] = byte;
  return Refusal(ValueCodec::kTopK, {.rows = 300, .dim = 1}, bytes);
}

TEST_CASE("the top-k segment that the corruptions start from is good") {
  REQUIRE(GoodTopK() == Bytes{3, 0, 0,  0,                                        //
                              2, 0, 3,  255, 0, 0,    0x80, 0x3f, 0, 0, 0, 0x40,  //
                              1, 0, 43, 0,   0, 0x40, 0x40});
  CHECK(TopKRefusal(0, 3) == "ok");
}

TEST_CASE("refused: top-k keeps more than there are") {
  CHECK(TopKRefusal(1, 2) == "top-k: 515 of 300 values are kept");
}

TEST_CASE("refused: top-k with a count that its blocks do not have") {
  CHECK(TopKRefusal(0, 2) == "top-k: a block of 44 values keeps 1, with 0 left to keep");
  CHECK(TopKRefusal(4, 4) == "top-k: a block of 256 values keeps 4, with 3 left to keep");
  CHECK(TopKRefusal(5, 1) == "top-k: a block of 256 values keeps 258, with 3 left to keep");
  CHECK(TopKRefusal(16, 0) == "top-k: the blocks keep 1 fewer values than the segment");
  CHECK(TopKRefusal(0, 4) == "values: 23 bytes instead of 28");
}

TEST_CASE("refused: top-k block that keeps more than it has values") {
  // 257 values, all kept, of which the second block has one.
  const ValueShape shape = {.rows = 257, .dim = 1};
  Bytes bytes = Encode(ValueCodec::kTopK, shape, Values(257), 1);
  REQUIRE(Refusal(ValueCodec::kTopK, shape, bytes) == "ok");
  bytes[5] = 0;  // the first block keeps 0 and the next one begins there
  CHECK(Refusal(ValueCodec::kTopK, shape, bytes) ==
        "top-k: a block of 1 values keeps 256, with 257 left to keep");
}

TEST_CASE("refused: top-k positions that do not ascend or are outside") {
  CHECK(TopKRefusal(7, 3) == "top-k: positions do not ascend within the block");
  CHECK(TopKRefusal(7, 2) == "top-k: positions do not ascend within the block");
  CHECK(TopKRefusal(18, 44) == "top-k: positions do not ascend within the block");
  CHECK(TopKRefusal(18, 0) == "ok");
}

TEST_CASE("refused: top-k values that are not finite") {
  CHECK(TopKRefusal(15, 0x7f) == "ok");
  Bytes bytes = GoodTopK();
  PutFloat(&bytes, 12, kNan);
  CHECK(Refusal(ValueCodec::kTopK, {.rows = 300, .dim = 1}, bytes) == "a value is NaN or infinite");
}

}  // namespace
}  // namespace paramd
