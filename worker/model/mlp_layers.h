#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/model/dense_layer.h"
#include "worker/model/dropout.h"

namespace paramd {

// The layers of a multi-layer perceptron that follow the first one, for Z_0 [rows][widths[0]], what
// the first layer computes:
//   H_i = M_i f(Z_i)                   f: activation; M_i: dropout, element by element
//   Z_(i+1) = H_i W_(i+1) + 1 b_(i+1)  for i = 0 .. n - 1
// Z_n [rows][widths[n]] is the output, which is not activated. Parameters and gradients: of W_1,
// b_1, W_2, ..., the tables `layer1.weights`, `layer1.bias`, `layer2.weights`, ...
// (worker/model/layer_tables.h). Keeps its memory. Not thread-safe.
class MlpLayers {
 public:
  struct Options {
    std::vector<uint32_t> widths;  // of the hidden layers, then of the output; at least two
    v1::Model::Activation activation = v1::Model::RELU;
    double dropout = 0;
    uint64_t seed = 0;  // of dropout
  };
  explicit MlpLayers(Options options);

  std::vector<v1::TableSpec> Tables() const;

  // Z_0, to be filled before Forward, which replaces it.
  std::vector<float>* input() { return &hidden_[0].active; }

  // Fills z [rows][widths[n]]. Without dropout.
  void Forward(absl::Span<const absl::Span<const float>> parameters, std::vector<float>* z);

  // The same with dropout, for a step of training on `batch`.
  void ForwardTraining(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                       std::vector<float>* z);

  // After ForwardTraining with the same parameters: fills `gradients`, for d [rows][widths[n]], the
  // derivative of anything by Z_n. Returns the derivative by Z_0, valid until the next call.
  absl::Span<const float> Backward(absl::Span<const float> d,
                                   absl::Span<const absl::Span<const float>> parameters,
                                   absl::Span<const absl::Span<float>> gradients);

 private:
  // One hidden layer, [rows][width].
  struct Hidden {
    std::vector<float> active;  // f(Z)
    std::vector<float> mask;    // with dropout: M
    std::vector<float> kept;    // with dropout: M f(Z)
  };

  // Replaces Z_i by f(Z_i); returns H_i.
  absl::Span<const float> ActivateHidden(size_t i, bool training);
  void RunForward(absl::Span<const absl::Span<const float>> parameters, bool training,
                  std::vector<float>* z);

  const Options options_;
  const std::vector<DenseLayer> layers_;
  Dropout dropout_;
  std::vector<Hidden> hidden_;
  std::vector<float> d_, dx_;
};

// The layers that `config` asks for, or with `hidden` by default, and `outputs` outputs.
// INVALID_ARGUMENT: a layer without units.
absl::StatusOr<MlpLayers::Options> HiddenLayers(const v1::Model& config,
                                                std::vector<uint32_t> hidden, uint32_t outputs);

}  // namespace paramd
