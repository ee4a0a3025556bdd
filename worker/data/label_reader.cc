#include "worker/data/label_reader.h"

#include "absl/strings/str_cat.h"
#include "worker/data/parse_number.h"
#include "worker/data/quote.h"

namespace paramd {

LabelReader::LabelReader(const google::protobuf::RepeatedPtrField<v1::LabelName>& names) {
  for (const v1::LabelName& name : names) names_[name.name()] = static_cast<float>(name.label());
}

bool LabelReader::Read(absl::string_view text, float* label) const {
  if (!names_.empty()) {
    if (const auto named = names_.find(text); named != names_.end()) {
      *label = named->second;
      return true;
    }
  }
  return ParseFloat(text, label);
}

std::string LabelReader::Explain(absl::string_view text) const {
  return absl::StrCat(
      "label ", Quote(text), " is ",
      names_.empty() ? "not a finite number" : "neither one of data.labels nor a finite number");
}

}  // namespace paramd
