#include "worker/data/criteo_parser.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/data/feature_key.h"
#include "worker/data/parse_number.h"
#include "worker/data/quote.h"

namespace paramd {
namespace {

constexpr char kDelimiter = '\t';

// Field j, from 0: I1 to I13, then C1 to C26.
std::string ColumnName(uint32_t field) {
  return field < CriteoParser::kNumbers ? absl::StrCat("I", field + 1)
                                        : absl::StrCat("C", field - CriteoParser::kNumbers + 1);
}

}  // namespace

CriteoParser::CriteoParser(LabelReader labels) : labels_(std::move(labels)) {
  for (uint32_t field = 0; field < kFields; ++field) {
    column_keys_[field] = NameKey(ColumnName(field));
  }
}

bool CriteoParser::IsRecord(absl::string_view line) const {
  return line.find_first_not_of(' ') != absl::string_view::npos;
}

absl::Status CriteoParser::Parse(absl::string_view line, BatchBuilder* rows) {
  const auto columns = std::count(line.begin(), line.end(), kDelimiter) + 1;
  if (columns != kFields + 1) {
    return absl::InvalidArgumentError(absl::StrCat(columns, columns == 1 ? " column" : " columns",
                                                   " between tabs, expected ", kFields + 1));
  }
  const auto take_column = [&line] {
    const absl::string_view text = line.substr(0, line.find(kDelimiter));
    line.remove_prefix(std::min(line.size(), text.size() + 1));
    return text;
  };
  const absl::string_view label_text = take_column();
  float label;
  if (!labels_.Read(label_text, &label)) {
    return absl::InvalidArgumentError(labels_.Explain(label_text));
  }
  const BatchBuilder::Row row = rows->StartRow(kFields);
  size_t features = 0;
  for (uint32_t field = 0; field < kFields; ++field) {
    const absl::string_view text = take_column();
    if (text.empty()) continue;
    row.keys[features] = column_keys_[field];
    row.values[features] = 1;
    row.fields[features] = field;
    if (field >= kNumbers) {
      row.keys[features] = CategoryKey(column_keys_[field], text);
    } else if (float number; ParseFloat(text, &number)) {
      row.values[features] = std::copysign(std::log1p(std::abs(number)), number);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat(ColumnName(field), ": ", Quote(text), " is not a finite number"));
    }
    ++features;
  }
  rows->FinishRow(label, features);
  return absl::OkStatus();
}

}  // namespace paramd
