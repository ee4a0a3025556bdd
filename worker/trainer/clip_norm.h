#pragma once

#include "absl/types/span.h"

namespace paramd {

// Scales a gradient whose Euclidean norm is larger than `limit` (> 0) down to it:
//   g <- g limit / |g|
// Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML
// 2013, algorithm 1. In double precision; a gradient that is not finite stays so.
void ClipNorm(double limit, absl::Span<float> gradient);

}  // namespace paramd
