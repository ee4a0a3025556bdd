#include "worker/trainer/clip_norm.h"

#include <cmath>

namespace paramd {

void ClipNorm(double limit, absl::Span<float> gradient) {
  double squares = 0;
  for (const double value : gradient) squares += value * value;
  const double norm = std::sqrt(squares);
  if (!(norm > limit)) return;
  for (float& value : gradient) value = static_cast<float>(value * (limit / norm));
}

}  // namespace paramd
