#pragma once

#include <cstdint>

namespace paramd {

// How gradients change parameters. Element-wise, and a pure function of its arguments to the bit:
// how elements are grouped into calls, and which CPU runs it, make no difference. Immutable and
// thread-safe.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // float32 values kept with every parameter; all zero before its first update.
  virtual int state_slots() const = 0;

  // Updates parameters[0, n) and their state by the mean gradient of `examples` (at least 1)
  // examples. Slot s of element i is state[s * stride + i]; without slots, state is not looked at.
  // The arrays do not overlap.
  virtual void Apply(const void* gradient,  // float32[n], at any alignment
                     uint64_t examples, int64_t n, float* parameters, float* state,
                     int64_t stride) const = 0;

  // The same for `count` rows that lie anywhere: rows[i] is float32[1 + slots][dim], the parameters
  // of a row and then its slots. No row comes twice.
  virtual void ApplyRows(const void* gradients,  // float32[count][dim], at any alignment
                         uint64_t examples, float* const* rows, int64_t count,
                         int64_t dim) const = 0;
};

}  // namespace paramd
