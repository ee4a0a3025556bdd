#include "worker/data/libffm_parser.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "worker/data/parse_number.h"
#include "worker/data/quote.h"

namespace paramd {

bool LibffmParser::IsRecord(absl::string_view line) const { return HoldsFields(line); }

absl::Status LibffmParser::Parse(absl::string_view line, BatchBuilder* rows) {
  const char* const end = line.data() + line.size();
  const char* p = SkipBlanks(line.data(), end);
  const absl::string_view label_text = FieldAt(p, end);
  float label;
  RETURN_IF_ERROR(ParseFeatureLabel(labels_, label_text, &label));
  p += label_text.size();
  // A feature takes at least a blank and five characters.
  const BatchBuilder::Row row = rows->StartRow(static_cast<size_t>(end - p) / 6);
  size_t features = 0;
  while (true) {
    p = SkipBlanks(p, end);
    if (EndsField(p, end)) break;
    uint64_t field;
    Feature feature;
    if (const char* const after = TakeField(p, end, &field, &feature)) {
      p = after;
    } else {
      const absl::string_view text = FieldAt(p, end);
      RETURN_IF_ERROR(ParseField(text, &field, &feature));
      p += text.size();
    }
    row.keys[features] = feature.index;
    row.values[features] = feature.value;
    row.fields[features] = static_cast<uint32_t>(field);
    ++features;
  }
  rows->FinishRow(label, features);
  return absl::OkStatus();
}

const char* LibffmParser::TakeField(const char* p, const char* end, uint64_t* field,
                                    Feature* feature) const {
  p = TakeIndex(p, end, field);
  return p == nullptr || *field >= fields_ ? nullptr : TakeFeature(p, end, feature);
}

absl::Status LibffmParser::ParseField(absl::string_view text, uint64_t* field,
                                      Feature* feature) const {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos || text.find(':', colon + 1) == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(Quote(text), " is not field:index:value"));
  }
  if (!ParseUnsigned(text.substr(0, colon), field)) {
    return absl::InvalidArgumentError(
        absl::StrCat("field ", Quote(text.substr(0, colon)), " is not a whole number"));
  }
  if (*field >= fields_) {
    return absl::InvalidArgumentError(
        absl::StrCat("field ", *field, " is not below data.libffm.fields = ", fields_));
  }
  return ParseFeature(text.substr(colon + 1), feature);
}

}  // namespace paramd
