#include "worker/data/libsvm_parser.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "worker/data/parse_number.h"
#include "worker/data/quote.h"

namespace paramd {
namespace {

constexpr uint64_t kMaxIndex = uint64_t{1} << 63;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Takes the next field from `rest`; empty when there is none.
absl::string_view TakeField(absl::string_view* rest) {
  size_t begin = 0;
  while (begin < rest->size() && IsBlank((*rest)[begin])) ++begin;
  size_t end = begin;
  while (end < rest->size() && !IsBlank((*rest)[end])) ++end;
  const absl::string_view field = rest->substr(begin, end - begin);
  rest->remove_prefix(end);
  return field;
}

absl::Status ParseFeature(absl::string_view field, BatchBuilder* rows) {
  const size_t colon = field.find(':');
  if (colon == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(Quote(field), " is not index:value"));
  }
  const absl::string_view index_text = field.substr(0, colon);
  const absl::string_view value_text = field.substr(colon + 1);
  uint64_t index;
  float value;
  if (index_text == "qid") {
    return absl::InvalidArgumentError(
        "\"qid:\" is not supported: there is no model that ranks within groups");
  }
  if (!ParseUnsigned(index_text, &index) || index > kMaxIndex) {
    return absl::InvalidArgumentError(
        absl::StrCat("index ", Quote(index_text), " is not a whole number from 0 to 2^63"));
  }
  if (!ParseFloat(value_text, &value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("value ", Quote(value_text), " of index ", index, " is not a finite number"));
  }
  rows->AddFeature(index, value);
  return absl::OkStatus();
}

}  // namespace

bool LibsvmParser::IsRecord(absl::string_view line) const {
  const auto first = std::find_if_not(line.begin(), line.end(), IsBlank);
  return first != line.end() && *first != '#';
}

absl::Status LibsvmParser::Parse(absl::string_view line, BatchBuilder* rows) {
  line = line.substr(0, line.find('#'));
  const absl::string_view label_text = TakeField(&line);
  if (label_text.empty()) return absl::InvalidArgumentError("there is no record");
  float label;
  if (!ParseFloat(label_text, &label)) {
    return absl::InvalidArgumentError(
        absl::StrContains(label_text, ':')
            ? absl::StrCat("the label is missing before ", Quote(label_text))
            : absl::StrCat("label ", Quote(label_text), " is not a finite number"));
  }
  for (absl::string_view field = TakeField(&line); !field.empty(); field = TakeField(&line)) {
    RETURN_IF_ERROR(ParseFeature(field, rows));
  }
  RETURN_IF_ERROR(CheckDistinct(rows->row_keys()));
  rows->FinishRow(label);
  return absl::OkStatus();
}

absl::Status LibsvmParser::CheckDistinct(absl::Span<const uint64_t> keys) {
  const auto not_ascending = [](uint64_t a, uint64_t b) { return a >= b; };
  if (std::adjacent_find(keys.begin(), keys.end(), not_ascending) == keys.end()) {
    return absl::OkStatus();
  }
  scratch_.assign(keys.begin(), keys.end());
  std::sort(scratch_.begin(), scratch_.end());
  const auto twice = std::adjacent_find(scratch_.begin(), scratch_.end());
  if (twice == scratch_.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("index ", *twice, " comes twice"));
}

}  // namespace paramd
