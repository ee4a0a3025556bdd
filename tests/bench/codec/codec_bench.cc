// How fast the codecs of common/wire are, beside memcpy of the same values. bytes_per_second counts
// the float32 values or uint64 keys, not what they are encoded to; wire_bytes is of one of them.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "common/base/random.h"
#include "common/routing/shard_of.h"
#include "common/wire/byte_reader.h"
#include "common/wire/error_feedback.h"
#include "common/wire/floats.h"
#include "common/wire/key_codec.h"
#include "common/wire/operation.h"
#include "common/wire/top_k.h"
#include "common/wire/value_codec.h"
#include "common/wire/value_decoder.h"
#include "common/wire/value_encoder.h"

namespace paramd {
namespace {

constexpr double kTopKFraction = 0.1;

// What gRPC cuts a message into.
constexpr size_t kPieceBytes = 256 << 10;

void Require(bool condition) {
  if (!condition) std::abort();
}

std::vector<float> Values(size_t size) {
  Random random(1);
  std::vector<float> values(size);
  for (float& value : values) value = static_cast<float>(2 * random.NextUnit() - 1);
  return values;
}

std::vector<ByteReader::Piece> Cut(absl::Span<const uint8_t> bytes) {
  std::vector<ByteReader::Piece> pieces;
  for (size_t at = 0; at < bytes.size(); at += kPieceBytes) {
    pieces.push_back(bytes.subspan(at, kPieceBytes));
  }
  return pieces;
}

template <typename T>
void Report(benchmark::State& state, size_t elements, size_t encoded) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(elements * sizeof(T)));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(elements));
  state.counters["wire_bytes"] = static_cast<double>(encoded) / static_cast<double>(elements);
}

// A segment of 1 MiB or more of float32, as a chunk of a large operation is.
ValueShape Shape(const benchmark::State& state) {
  const auto dim = static_cast<uint32_t>(state.range(1));
  return {.rows = (1 << 18) / dim, .dim = dim};
}

std::vector<uint8_t> Encoded(ValueCodec codec, ValueShape shape, const std::vector<float>& values) {
  if (codec == ValueCodec::kTopK) {
    TopKSelector selector;
    const auto positions = selector.Select(values, TopKCount(values.size(), kTopKFraction));
    std::vector<uint8_t> bytes(EncodedSize(codec, shape, positions.size()));
    EncodeTopK(values, positions, bytes.data());
    return bytes;
  }
  std::vector<uint8_t> bytes(EncodedSize(codec, shape));
  EncodeValues(codec, shape, values, 1, bytes.data());
  return bytes;
}

void Memcpy(benchmark::State& state) {
  const std::vector<float> values = Values(1 << 18);
  std::vector<float> out(values.size());
  for (auto _ : state) {
    std::memcpy(out.data(), values.data(), values.size() * sizeof(float));
    benchmark::ClobberMemory();
  }
  Report<float>(state, values.size(), values.size() * sizeof(float));
}
BENCHMARK(Memcpy);

void EncodeBench(benchmark::State& state) {
  const auto codec = static_cast<ValueCodec>(state.range(0));
  const ValueShape shape = Shape(state);
  const std::vector<float> values = Values(shape.size());
  std::vector<uint8_t> bytes(EncodedSize(codec, shape));
  for (auto _ : state) {
    EncodeValues(codec, shape, values, 1, bytes.data());
    benchmark::ClobberMemory();
  }
  Report<float>(state, values.size(), bytes.size());
}

// Through the sink, in runs of 1024 values.
void EncodeRunsBench(benchmark::State& state) {
  const auto codec = static_cast<ValueCodec>(state.range(0));
  const ValueShape shape = Shape(state);
  const std::vector<float> values = Values(shape.size());
  std::vector<float> out(shape.size() + 1024);
  ValueEncoder encoder;
  for (auto _ : state) {
    encoder.Reset(codec, shape, 1, reinterpret_cast<uint8_t*>(out.data()));
    for (size_t i = 0; i < values.size(); i += 1024) {
      const size_t size = std::min<size_t>(1024, values.size() - i);
      std::memcpy(encoder.Next(size), values.data() + i, size * sizeof(float));
    }
    encoder.Finish();
    benchmark::ClobberMemory();
  }
  Report<float>(state, values.size(), EncodedSize(codec, shape));
}

// Checks the whole segment, as a server does before it changes anything.
void TakeBench(benchmark::State& state) {
  const auto codec = static_cast<ValueCodec>(state.range(0));
  const ValueShape shape = Shape(state);
  const std::vector<uint8_t> bytes = Encoded(codec, shape, Values(shape.size()));
  const std::vector<ByteReader::Piece> pieces = Cut(bytes);
  for (auto _ : state) {
    ByteReader reader(pieces);
    Require(TakeValues(codec, shape, &reader).ok());
  }
  Report<float>(state, shape.size(), bytes.size());
}

// Decodes and touches every vector, without the check.
void DecodeBench(benchmark::State& state) {
  const auto codec = static_cast<ValueCodec>(state.range(0));
  const ValueShape shape = Shape(state);
  const std::vector<uint8_t> bytes = Encoded(codec, shape, Values(shape.size()));
  const std::vector<ByteReader::Piece> pieces = Cut(bytes);
  ValueDecoder decoder;
  for (auto _ : state) {
    decoder.Reset(codec, shape, ByteReader(pieces));
    for (size_t left = shape.size(); left > 0;) {
      const FloatRun run = decoder.Next(FloatSource::kMaxRun);
      benchmark::DoNotOptimize(run.data);
      benchmark::ClobberMemory();
      left -= run.size;
    }
  }
  Report<float>(state, shape.size(), bytes.size());
}

void CodecsAndDims(benchmark::internal::Benchmark* bench) {
  for (const int codec : {1, 2, 3}) {
    for (const int dim : {1, 16, 1024}) bench->Args({codec, dim});
  }
}
BENCHMARK(EncodeBench)->Apply(CodecsAndDims);
BENCHMARK(EncodeRunsBench)->Apply(CodecsAndDims);
BENCHMARK(TakeBench)->Args({0, 1})->Args({4, 1})->Apply(CodecsAndDims);
BENCHMARK(DecodeBench)->Args({4, 1})->Apply(CodecsAndDims);

void TopKSelectBench(benchmark::State& state) {
  const std::vector<float> values = Values(1 << 18);
  TopKSelector selector;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        selector.Select(values, TopKCount(values.size(), kTopKFraction)).data());
  }
  Report<float>(state, values.size(), 0);
}
BENCHMARK(TopKSelectBench);

void TopKEncodeBench(benchmark::State& state) {
  const std::vector<float> values = Values(1 << 18);
  TopKSelector selector;
  const auto positions = selector.Select(values, TopKCount(values.size(), kTopKFraction));
  const ValueShape shape = {.rows = 1 << 18, .dim = 1};
  std::vector<uint8_t> bytes(EncodedSize(ValueCodec::kTopK, shape, positions.size()));
  for (auto _ : state) {
    EncodeTopK(values, positions, bytes.data());
    benchmark::ClobberMemory();
  }
  Report<float>(state, values.size(), bytes.size());
}
BENCHMARK(TopKEncodeBench);

void ErrorFeedbackBench(benchmark::State& state) {
  const auto dim = static_cast<uint32_t>(state.range(0));
  std::vector<uint64_t> keys((1 << 18) / dim);
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = 10 * i;
  const std::vector<float> values = Values(keys.size() * dim);
  std::vector<float> gradients;
  SparseErrorFeedback feedback(dim, keys.size());
  for (auto _ : state) {
    gradients = values;
    benchmark::DoNotOptimize(
        feedback.Select(keys, kTopKFraction, absl::MakeSpan(gradients)).data());
  }
  Report<float>(state, values.size(), 0);
}
BENCHMARK(ErrorFeedbackBench)->Arg(1)->Arg(16);

// 1,000,000 of 10,000,000 ids, by shard of 64.
std::vector<std::vector<uint64_t>> Shards() {
  Random random(1);
  std::vector<std::vector<uint64_t>> shards(64);
  for (uint64_t id = 0; id < 10'000'000; ++id) {
    if (random.NextBelow(10) == 0) shards[ShardOfKey(id, 64)].push_back(id);
  }
  return shards;
}

size_t EncodeShards(KeyCodec codec, const std::vector<std::vector<uint64_t>>& shards,
                    std::vector<uint8_t>* bytes) {
  size_t size = 0;
  for (const auto& keys : shards) size += EncodeKeys(codec, keys, bytes->data() + size);
  return size;
}

void EncodeKeysBench(benchmark::State& state) {
  const auto codec = static_cast<KeyCodec>(state.range(0));
  const auto shards = Shards();
  size_t keys = 0, size = 0;
  for (const auto& shard : shards) keys += shard.size();
  std::vector<uint8_t> bytes(9 * keys + 1000);
  for (auto _ : state) {
    size = EncodeShards(codec, shards, &bytes);
    benchmark::ClobberMemory();
  }
  Report<uint64_t>(state, keys, size);
}
BENCHMARK(EncodeKeysBench)->Arg(0)->Arg(1);

void DecodeKeysBench(benchmark::State& state) {
  const auto codec = static_cast<KeyCodec>(state.range(0));
  const auto shards = Shards();
  size_t keys = 0;
  for (const auto& shard : shards) keys += shard.size();
  std::vector<uint8_t> bytes(9 * keys + 1000);
  bytes.resize(EncodeShards(codec, shards, &bytes));
  const std::vector<ByteReader::Piece> pieces = Cut(bytes);
  std::vector<uint64_t> out(keys);
  for (auto _ : state) {
    ByteReader reader(pieces);
    size_t at = 0;
    for (const auto& shard : shards) {
      Require(DecodeKeys(codec, &reader, absl::MakeSpan(out).subspan(at, shard.size())).ok());
      at += shard.size();
    }
    benchmark::ClobberMemory();
  }
  Report<uint64_t>(state, keys, bytes.size());
}
BENCHMARK(DecodeKeysBench)->Arg(0)->Arg(1);

void HashKeyListBench(benchmark::State& state) {
  std::vector<uint64_t> keys;
  std::vector<Segment> segments;
  for (const auto& shard : Shards()) {
    segments.push_back({.rows = static_cast<uint32_t>(shard.size())});
    keys.insert(keys.end(), shard.begin(), shard.end());
  }
  for (auto _ : state) benchmark::DoNotOptimize(HashKeyList(keys, segments));
  Report<uint64_t>(state, keys.size(), 16);
}
BENCHMARK(HashKeyListBench);

}  // namespace
}  // namespace paramd

BENCHMARK_MAIN();
