#pragma once

#include <cstdint>

#include "server/optimizer/step.h"

namespace paramd {

// How gradients change parameters. Element-wise, and a pure function of its arguments to the bit:
// how elements are grouped into calls, and which CPU runs it, make no difference. Parameters and
// state stay finite for finite gradients. Immutable and thread-safe.
//
//   const Step step = optimizer.StepOf({.examples = 256, .clock = 7});  // once per operation
//   optimizer.Apply(gradient, step, n, parameters, state, n, nullptr);
class Optimizer {
 public:
  explicit Optimizer(const StepSettings& settings) : settings_(settings) {}
  virtual ~Optimizer() = default;

  // float32 values kept with every parameter; before its first update as Begin leaves them.
  virtual int state_slots() const = 0;

  // Whether it looks at `pulled`.
  virtual bool uses_pulled() const = 0;

  // What the elements of an operation have in common.
  Step StepOf(const GradientInfo& info) const { return MakeStep(settings_, info); }

  // The state of parameters[0, n) that begin there, before any update. Slots as of Apply; they are
  // zero before and stay so unless the rule computes parameters from them.
  virtual void Begin(const float* parameters, int64_t n, float* state, int64_t stride) const = 0;

  // Updates parameters[0, n) and their state by a mean gradient. Slot s of element i is
  // state[s * stride + i]; without slots, state is not looked at. The arrays do not overlap.
  virtual void Apply(const void* gradient,  // float32[n], at any alignment
                     const Step& step, int64_t n, float* parameters, float* state, int64_t stride,
                     // float32[n]: the parameters that the gradient was computed from; null: these.
                     const float* pulled) const = 0;

  // The same for `count` rows that lie anywhere: rows[i] is float32[1 + slots][dim], the parameters
  // of a row and then its slots. No row comes twice.
  virtual void ApplyRows(const void* gradients,  // float32[count][dim], at any alignment
                         const Step& step, float* const* rows, int64_t count, int64_t dim,
                         // null, or pulled[i] is float32[dim] or null.
                         const float* const* pulled) const = 0;

 private:
  const StepSettings settings_;
};

}  // namespace paramd
