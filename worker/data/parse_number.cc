#include "worker/data/parse_number.h"

#include <charconv>
#include <cmath>
#include <system_error>

#include "absl/strings/charconv.h"
#include "absl/strings/strip.h"
#include "worker/data/take_decimal.h"

namespace paramd {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// One plus may stand before the number, but not before a minus.
bool StripPlus(absl::string_view* text) {
  return !absl::ConsumePrefix(text, "+") ||
         (!text->empty() && (IsDigit(text->front()) || text->front() == '.'));
}

template <typename T>
std::errc ParseWhole(absl::string_view text, T* value) {
  const char* const end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, *value);
  return result.ptr != end ? std::errc::invalid_argument : result.ec;
}

}  // namespace

bool ParseFloat(absl::string_view text, float* value) {
  const char* const end = text.data() + text.size();
  float simple;
  if (!text.empty() && TakeDecimal(text.data(), end, &simple) == end) {
    *value = simple;
    return true;
  }
  if (!StripPlus(&text)) return false;
  const std::errc error = ParseWhole(text, value);
  if (error == std::errc()) return std::isfinite(*value);
  if (error != std::errc::result_out_of_range) return false;
  // Too large, or too close to zero: this one says which.
  double wide;
  absl::from_chars(text.data(), end, wide);
  if (std::abs(wide) > 1) return false;
  *value = static_cast<float>(wide);
  return true;
}

bool ParseUnsigned(absl::string_view text, uint64_t* value) {
  return StripPlus(&text) && ParseWhole(text, value) == std::errc();
}

}  // namespace paramd
