#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "worker/data/batch.h"
#include "worker/model/batch_stream.h"

namespace paramd {

// Inverted dropout: in a training step a hidden unit is left out of an example with probability
// `rate`, and otherwise divided by 1 - rate, so that prediction needs no change. Srivastava et al.,
// "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014), section 10.
// Which units are left out depends on the seed and on worker/model/batch_stream.h. Not thread-safe.
class Dropout {
 public:
  Dropout(double rate, uint64_t seed) : rate_(rate), seed_(seed) {}

  bool is_on() const { return rate_ > 0; }

  // A step on `batch` begins.
  void Begin(const Batch& batch);

  // Fills `mask`, of layer `layer` in this step, with 0 or 1 / (1 - rate).
  void Draw(size_t layer, absl::Span<float> mask) const;

 private:
  const double rate_;
  const uint64_t seed_;
  BatchStream streams_;
  uint64_t stream_ = 0;  // of this step
};

}  // namespace paramd
