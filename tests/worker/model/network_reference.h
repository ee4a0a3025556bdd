#pragma once

// Networks and losses written again, in double and from their definitions, for tests.

#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "paramd/v1/config.pb.h"
#include "tests/worker/model/gradient_check.h"
#include "worker/data/batch.h"

namespace paramd {

// One array for each table.
using DoubleArrays = std::vector<std::vector<double>>;

inline std::vector<absl::Span<const float>> Spans(const Arrays& arrays) {
  return {arrays.begin(), arrays.end()};
}

inline float WeightOf(const Batch& batch, size_t row) {
  return batch.weights.empty() ? 1 : batch.weights[row];
}

// The loss of model.objective of an example with output z.
inline double ObjectiveLoss(v1::Model::Objective objective, double y,
                            const std::vector<double>& z) {
  if (objective == v1::Model::REGRESSION) return (z[0] - y) * (z[0] - y) / 2;
  if (objective == v1::Model::BINARY) {
    const double p = 1 / (1 + std::exp(-z[0]));
    return -std::log(y > 0 ? p : 1 - p);
  }
  double sum = 0;
  for (const double x : z) sum += std::exp(x);
  return -std::log(std::exp(z[static_cast<size_t>(y)]) / sum);
}

// z = f(... f(x W_0 + b_0) ...) W_n + b_n; `layers`: W_0, b_0, W_1, b_1, ...
inline std::vector<double> RunLayers(v1::Model::Activation activation, std::vector<double> x,
                                     absl::Span<const std::vector<double>> layers) {
  for (size_t layer = 0; layer < layers.size(); layer += 2) {
    std::vector<double> z = layers[layer + 1];
    for (size_t i = 0; i < x.size(); ++i)
      for (size_t j = 0; j < z.size(); ++j) z[j] += x[i] * layers[layer][i * z.size() + j];
    const bool hidden = layer + 2 < layers.size();
    for (double& value : z) {
      if (!hidden) continue;
      if (activation == v1::Model::RELU) value = value > 0 ? value : 0;
      if (activation == v1::Model::TANH) value = std::tanh(value);
      if (activation == v1::Model::SIGMOID) value = 1 / (1 + std::exp(-value));
    }
    x = z;
  }
  return x;
}

}  // namespace paramd
