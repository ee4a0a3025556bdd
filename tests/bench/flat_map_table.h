#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tests/bench/key_batches.h"

namespace paramd {

// The update rules for one parameter w with state s, as plain code.
struct PlainSgd {
  static constexpr int kSlots = 0;
  float learning_rate = 0.1f, l2 = 0;
  void operator()(float g, float* w, int) const { *w -= learning_rate * (g + l2 * *w); }
};

struct PlainAdagrad {
  static constexpr int kSlots = 1;
  float learning_rate = 0.1f, epsilon = 1e-8f, l2 = 0;
  void operator()(float g, float* w, int stride) const {
    float& s = w[stride];
    const float h = g + l2 * *w;
    s = std::min(s + h * h, std::numeric_limits<float>::max());
    const float denominator = std::sqrt(s) + epsilon;
    *w -= denominator > 0 ? learning_rate * h / denominator : 0.0f;
  }
};

struct PlainFtrl {
  static constexpr int kSlots = 2;
  float alpha = 0.05f, beta = 1, l1 = 0.1f, l2 = 0;
  void operator()(float g, float* w, int stride) const {
    float &z = w[stride], &s = w[2 * stride];
    const float sum = std::min(s + g * g, std::numeric_limits<float>::max());
    const float root = std::sqrt(sum);
    z += g - (root - std::sqrt(s)) / alpha * *w;
    s = sum;
    const float denominator = (beta + root) / alpha + l2;
    *w = std::fabs(z) > l1 && denominator > 0 ? -(z - std::copysign(l1, z)) / denominator : 0.0f;
  }
};

// The baseline: a table as absl::flat_hash_map from key to row, and the plain loop over it.
template <typename Rule, int kDim>
class FlatMapTable {
 public:
  explicit FlatMapTable(uint32_t shards) : shards_(shards) {}

  void Push(const KeyBatch& batch, const float* gradients) {
    for (size_t shard = 0; shard < shards_.size(); ++shard) {
      auto& map = shards_[shard];
      for (size_t i = batch.offsets[shard]; i < batch.offsets[shard + 1]; ++i) {
        float* const row = map[batch.keys[i]].data();
        for (int j = 0; j < kDim; ++j) rule_(gradients[i * kDim + j], row + j, kDim);
      }
    }
  }

  void Pull(const KeyBatch& batch, float* out) const {
    for (size_t shard = 0; shard < shards_.size(); ++shard) {
      const auto& map = shards_[shard];
      for (size_t i = batch.offsets[shard]; i < batch.offsets[shard + 1]; ++i) {
        const auto it = map.find(batch.keys[i]);
        for (int j = 0; j < kDim; ++j) out[i * kDim + j] = it == map.end() ? 0 : it->second[j];
      }
    }
  }

 private:
  using Row = std::array<float, kDim*(1 + Rule::kSlots)>;
  const Rule rule_;
  std::vector<absl::flat_hash_map<uint64_t, Row>> shards_;
};

}  // namespace paramd
