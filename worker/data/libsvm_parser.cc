#include "worker/data/libsvm_parser.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "worker/data/feature_text.h"

namespace paramd {
namespace {

absl::Status ParseLibsvmFeature(absl::string_view field, Feature* feature) {
  if (absl::StartsWith(field, "qid:")) {
    return absl::InvalidArgumentError(
        "\"qid:\" is not supported: there is no model that ranks within groups");
  }
  return ParseFeature(field, feature);
}

}  // namespace

bool LibsvmParser::IsRecord(absl::string_view line) const { return HoldsFields(line); }

absl::Status LibsvmParser::Parse(absl::string_view line, BatchBuilder* rows) {
  const char* const end = line.data() + line.size();
  const char* p = SkipBlanks(line.data(), end);
  const absl::string_view label_text = FieldAt(p, end);
  float label;
  RETURN_IF_ERROR(ParseFeatureLabel(labels_, label_text, &label));
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
      RETURN_IF_ERROR(ParseLibsvmFeature(field, &feature));
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
