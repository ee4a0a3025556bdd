#pragma once

#include "absl/types/span.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

// The functions of hidden units: relu max(z, 0), tanh, sigmoid 1 / (1 + e^-z). Stateless, hence
// thread-safe.

// Replaces every z by f(z).
void Activate(v1::Model::Activation activation, absl::Span<float> z);

// Multiplies every d by f'(z), for a = f(z): relu a > 0, tanh 1 - a^2, sigmoid a (1 - a).
void MultiplyByDerivative(v1::Model::Activation activation, absl::Span<const float> a,
                          absl::Span<float> d);

}  // namespace paramd
