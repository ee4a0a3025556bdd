#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

// How gradients change parameters. Element-wise, and a pure function of its arguments to the bit:
// how elements are grouped into calls makes no difference. Immutable and thread-safe.
class Optimizer {
 public:
  // INVALID_ARGUMENT: the type is not set, or a setting it uses is not finite or out of the range
  // that config.proto gives.
  static absl::StatusOr<std::unique_ptr<const Optimizer>> Create(const v1::Optimizer& settings);

  virtual ~Optimizer() = default;

  // float32 values kept with every parameter; all zero before its first update.
  virtual int state_slots() const = 0;

  // Updates parameters[0, n) and their state by gradient[0, n), the mean gradient of `examples`
  // (at least 1) examples. Slot s of element i is state[s * stride + i]; without slots, state is
  // not looked at. The arrays do not overlap.
  virtual void Apply(const float* gradient, uint64_t examples, int64_t n, float* parameters,
                     float* state, int64_t stride) const = 0;
};

}  // namespace paramd
