#include "worker/data/column_scaler.h"

#include <cmath>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "worker/data/quote.h"

namespace paramd {

ColumnScaler::ColumnScaler(const std::vector<v1::ColumnScale>& scales) {
  for (const v1::ColumnScale& scale : scales) {
    scales_.push_back(
        {.offset = scale.offset(), .factor = scale.factor(), .missing = scale.missing()});
  }
}

void ColumnScaler::Apply(Batch* batch) const {
  if (scales_.empty()) return;
  std::vector<float>& values = batch->values;
  if (batch->sparse) {
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = Scaled(values[i], scales_[batch->fields[i]]);
    }
    return;
  }
  for (size_t row = 0; row < values.size(); row += scales_.size()) {
    for (size_t j = 0; j < scales_.size(); ++j) {
      values[row + j] = Scaled(values[row + j], scales_[j]);
    }
  }
}

absl::Status CheckMeasured(const DatasetShape& shape) {
  for (size_t i = 0; i < shape.scales.size(); ++i) {
    const bool is_number = shape.categorical.empty() || !shape.categorical[i];
    if (!is_number || !std::isnan(shape.scales[i].missing())) continue;
    const std::string name = i < shape.feature_names.size()
                                 ? absl::StrCat(" (", Quote(shape.feature_names[i]), ")")
                                 : "";
    return absl::InvalidArgumentError(
        absl::StrCat("feature column ", i, name,
                     " has no value in any training record, so that there is nothing to measure; "
                     "declare it in data.csv.columns as kind: ignored"));
  }
  return absl::OkStatus();
}

}  // namespace paramd
