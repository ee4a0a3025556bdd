#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "worker/data/digits.h"
#include "worker/data/label_reader.h"
#include "worker/data/take_decimal.h"

namespace paramd {

// What the text formats of LIBSVM and LIBFFM have in common: fields with blanks between them, of
// which the first is the label, and a comment from '#' on.

// The largest index of a feature.
inline constexpr uint64_t kMaxFeatureIndex = uint64_t{1} << 63;

struct Feature {
  uint64_t index = 0;
  float value = 0;
};

inline bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// A comment ends what is in the line.
inline bool EndsField(const char* p, const char* end) {
  return p == end || IsBlank(*p) || *p == '#';
}

inline const char* SkipBlanks(const char* p, const char* end) {
  while (p != end && IsBlank(*p)) ++p;
  return p;
}

inline absl::string_view FieldAt(const char* p, const char* end) {
  const char* const begin = p;
  while (!EndsField(p, end)) ++p;
  return absl::string_view(begin, static_cast<size_t>(p - begin));
}

// Takes the whole number at `p` and the colon behind it. Returns what is behind both, which is not
// the end; nullptr when there is no such number of at most 19 digits, which are below 2^64.
inline const char* TakeIndex(const char* p, const char* end, uint64_t* index) {
  const uint64_t digits = LoadDigits(p, end);
  const int count = CountDigits(digits);
  const char* colon = p + count;
  *index = DigitsToNumber(digits, count);
  if (count == 8) colon = TakeDigits(colon, end, index);
  if (end - colon < 2 || colon == p || *colon != ':') [[unlikely]]
    return nullptr;
  return colon - p <= 19 ? colon + 1 : nullptr;
}

// Takes index:value when it is written in the ordinary way. Returns where the field ends; nullptr
// when it takes ParseFeature to tell what the field is.
inline const char* TakeFeature(const char* p, const char* end, Feature* feature) {
  const char* const value = TakeIndex(p, end, &feature->index);
  if (value == nullptr || feature->index > kMaxFeatureIndex) [[unlikely]]
    return nullptr;
  if (*value == '1' && EndsField(value + 1, end)) {  // by far the most frequent in sparse data
    feature->value = 1;
    return value + 1;
  }
  const char* const after = TakeDecimal(value, end, &feature->value);
  return after != nullptr && EndsField(after, end) ? after : nullptr;
}

// Parses the whole of `field` as index:value. INVALID_ARGUMENT, saying what is wrong.
absl::Status ParseFeature(absl::string_view field, Feature* feature);

// Parses the first field of a record. INVALID_ARGUMENT, saying what is wrong.
absl::Status ParseFeatureLabel(const LabelReader& labels, absl::string_view field, float* label);

// Whether there is more than blanks and a comment in `line`.
bool HoldsFields(absl::string_view line);

}  // namespace paramd
