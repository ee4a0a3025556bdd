#include "worker/data/feature_text.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "worker/data/parse_number.h"
#include "worker/data/quote.h"

namespace paramd {

absl::Status ParseFeature(absl::string_view field, Feature* feature) {
  const size_t colon = field.find(':');
  if (colon == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(Quote(field), " is not index:value"));
  }
  const absl::string_view index_text = field.substr(0, colon);
  const absl::string_view value_text = field.substr(colon + 1);
  if (!ParseUnsigned(index_text, &feature->index) || feature->index > kMaxFeatureIndex) {
    return absl::InvalidArgumentError(
        absl::StrCat("index ", Quote(index_text), " is not a whole number from 0 to 2^63"));
  }
  if (!ParseFloat(value_text, &feature->value)) {
    return absl::InvalidArgumentError(absl::StrCat("value ", Quote(value_text), " of index ",
                                                   feature->index, " is not a finite number"));
  }
  return absl::OkStatus();
}

absl::Status ParseFeatureLabel(const LabelReader& labels, absl::string_view field, float* label) {
  if (field.empty()) return absl::InvalidArgumentError("there is no record");
  if (labels.Read(field, label)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrContains(field, ':')
                                        ? absl::StrCat("the label is missing before ", Quote(field))
                                        : labels.Explain(field));
}

bool HoldsFields(absl::string_view line) {
  const auto first = std::find_if_not(line.begin(), line.end(), IsBlank);
  return first != line.end() && *first != '#';
}

}  // namespace paramd
