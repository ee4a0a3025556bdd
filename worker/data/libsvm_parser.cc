#include "worker/data/libsvm_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "worker/data/digits.h"
#include "worker/data/parse_number.h"
#include "worker/data/quote.h"
#include "worker/data/take_decimal.h"

namespace paramd {
namespace {

constexpr uint64_t kMaxIndex = uint64_t{1} << 63;

struct Feature {
  uint64_t index = 0;
  float value = 0;
};

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// A comment ends what is in the line.
bool EndsField(const char* p, const char* end) { return p == end || IsBlank(*p) || *p == '#'; }

const char* SkipBlanks(const char* p, const char* end) {
  while (p != end && IsBlank(*p)) ++p;
  return p;
}

absl::string_view FieldAt(const char* p, const char* end) {
  const char* const begin = p;
  while (!EndsField(p, end)) ++p;
  return absl::string_view(begin, static_cast<size_t>(p - begin));
}

// Takes a feature that is written in the ordinary way. Returns where the field ends; nullptr when
// it takes ParseFeature to tell what the field is.
const char* TakeFeature(const char* p, const char* end, Feature* feature) {
  const uint64_t digits = LoadDigits(p, end);
  const int count = CountDigits(digits);
  const char* colon = p + count;
  feature->index = DigitsToNumber(digits, count);
  if (count == 8) colon = TakeDigits(colon, end, &feature->index);
  if (end - colon < 2 || colon == p || *colon != ':') [[unlikely]]
    return nullptr;
  // 19 digits are below 2^64.
  if (colon - p > 19 || feature->index > kMaxIndex) [[unlikely]]
    return nullptr;
  const char* const value = colon + 1;
  if (*value == '1' && EndsField(value + 1, end)) {  // by far the most frequent in sparse data
    feature->value = 1;
    return value + 1;
  }
  const char* const after = TakeDecimal(value, end, &feature->value);
  return after != nullptr && EndsField(after, end) ? after : nullptr;
}

absl::Status ParseFeature(absl::string_view field, Feature* feature) {
  const size_t colon = field.find(':');
  if (colon == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(Quote(field), " is not index:value"));
  }
  const absl::string_view index_text = field.substr(0, colon);
  const absl::string_view value_text = field.substr(colon + 1);
  if (index_text == "qid") {
    return absl::InvalidArgumentError(
        "\"qid:\" is not supported: there is no model that ranks within groups");
  }
  if (!ParseUnsigned(index_text, &feature->index) || feature->index > kMaxIndex) {
    return absl::InvalidArgumentError(
        absl::StrCat("index ", Quote(index_text), " is not a whole number from 0 to 2^63"));
  }
  if (!ParseFloat(value_text, &feature->value)) {
    return absl::InvalidArgumentError(absl::StrCat("value ", Quote(value_text), " of index ",
                                                   feature->index, " is not a finite number"));
  }
  return absl::OkStatus();
}

absl::Status ParseLabel(absl::string_view field, float* label) {
  if (field.empty()) return absl::InvalidArgumentError("there is no record");
  if (ParseFloat(field, label)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrContains(field, ':')
          ? absl::StrCat("the label is missing before ", Quote(field))
          : absl::StrCat("label ", Quote(field), " is not a finite number"));
}

}  // namespace

bool LibsvmParser::IsRecord(absl::string_view line) const {
  const auto first = std::find_if_not(line.begin(), line.end(), IsBlank);
  return first != line.end() && *first != '#';
}

absl::Status LibsvmParser::Parse(absl::string_view line, BatchBuilder* rows) {
  const char* const end = line.data() + line.size();
  const char* p = SkipBlanks(line.data(), end);
  const absl::string_view label_text = FieldAt(p, end);
  float label;
  RETURN_IF_ERROR(ParseLabel(label_text, &label));
  p += label_text.size();
  // A feature takes at least a blank and three characters.
  const BatchBuilder::Row row = rows->StartRow(static_cast<size_t>(end - p) / 4);
  size_t features = 0;
  bool ascending = true;
  while (true) {
    p = SkipBlanks(p, end);
    if (EndsField(p, end)) break;
    Feature feature;
    if (const char* const after = TakeFeature(p, end, &feature)) {
      p = after;
    } else {
      const absl::string_view field = FieldAt(p, end);
      RETURN_IF_ERROR(ParseFeature(field, &feature));
      p += field.size();
    }
    ascending = ascending && (features == 0 || feature.index > row.keys[features - 1]);
    row.keys[features] = feature.index;
    row.values[features] = feature.value;
    ++features;
  }
  if (!ascending) RETURN_IF_ERROR(CheckDistinct(absl::MakeConstSpan(row.keys, features)));
  rows->FinishRow(label, features);
  return absl::OkStatus();
}

absl::Status LibsvmParser::CheckDistinct(absl::Span<const uint64_t> keys) {
  scratch_.assign(keys.begin(), keys.end());
  std::sort(scratch_.begin(), scratch_.end());
  const auto twice = std::adjacent_find(scratch_.begin(), scratch_.end());
  if (twice == scratch_.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("index ", *twice, " comes twice"));
}

}  // namespace paramd
