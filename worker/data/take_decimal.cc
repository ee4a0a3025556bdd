#include "worker/data/take_decimal.h"

#include <bit>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <limits>

namespace paramd {
namespace {

constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                              1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
                              1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29,
                              1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38};
constexpr int kMaxPower = std::size(kPowers) - 1;

// Whether a normal `x` is near the middle between two floats: of the 29 bits that a float has not,
// the first is 1 and the others 0, give or take 4 units.
bool NearMiddle(double x) {
  constexpr uint64_t kMiddle = uint64_t{1} << 28;
  const uint64_t rest = std::bit_cast<uint64_t>(x) & (2 * kMiddle - 1);
  return rest - (kMiddle - 4) <= 8;
}

}  // namespace

bool ScaleToFloat(uint64_t number, int exponent, bool negative, float* value) {
  if (std::abs(exponent) > kMaxPower) return false;
  double x = static_cast<double>(number);
  x = exponent < 0 ? x / kPowers[-exponent] : x * kPowers[exponent];
  if (number != 0) {
    constexpr double kMin = 2 * static_cast<double>(std::numeric_limits<float>::min());
    constexpr double kMax = static_cast<double>(std::numeric_limits<float>::max()) / 2;
    if (x < kMin || x > kMax || NearMiddle(x)) return false;
  }
  *value = static_cast<float>(negative ? -x : x);
  return true;
}

}  // namespace paramd
