#include "worker/data/csv_parser.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "worker/data/parse_number.h"
#include "worker/data/quote.h"

namespace paramd {
namespace {

absl::Status BadField(const CsvLayout& layout, int64_t field, absl::string_view text) {
  std::string column = absl::StrCat("column ", field);
  if (!layout.names.empty()) absl::StrAppend(&column, " (", Quote(layout.names[field]), ")");
  return absl::InvalidArgumentError(
      text.empty() ? absl::StrCat(column, " is empty")
                   : absl::StrCat(column, ": ", Quote(text), " is not a finite number"));
}

}  // namespace

bool CsvParser::IsRecord(absl::string_view line) const {
  return line.find_first_not_of(' ') != absl::string_view::npos;
}

absl::Status CsvParser::Parse(absl::string_view line, BatchBuilder* rows) {
  const int64_t fields = std::count(line.begin(), line.end(), layout_.delimiter) + 1;
  if (fields != layout_.fields) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields, fields == 1 ? " column" : " columns", ", expected ", layout_.fields));
  }
  float label = 0;
  for (int64_t i = 0; i < fields; ++i) {
    const size_t end = std::min(line.find(layout_.delimiter), line.size());
    const absl::string_view text = TrimCsvField(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
    float value;
    if (!ParseFloat(text, &value)) return BadField(layout_, i, text);
    if (i == layout_.label) {
      label = value;
    } else {
      rows->AddValue(value);
    }
  }
  rows->FinishRow(label);
  return absl::OkStatus();
}

}  // namespace paramd
