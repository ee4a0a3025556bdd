#include "worker/data/csv_columns_parser.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "worker/data/feature_key.h"
#include "worker/data/parse_number.h"
#include "worker/data/quote.h"

namespace paramd {
namespace {

bool IsMissing(absl::string_view text) {
  return text.empty() || absl::EqualsIgnoreCase(text, "na") || absl::EqualsIgnoreCase(text, "nan");
}

absl::Status NotANumber(const std::string& column, absl::string_view text) {
  return absl::InvalidArgumentError(
      text.empty() ? absl::StrCat(column, " is empty")
                   : absl::StrCat(column, ": ", Quote(text), " is not a finite number"));
}

}  // namespace

CsvColumnsParser::CsvColumnsParser(const CsvLayout& layout, bool sparse, v1::Csv::Missing missing,
                                   LabelReader labels)
    : delimiter_(layout.delimiter),
      sparse_(sparse),
      missing_(missing),
      labels_(std::move(labels)),
      columns_(static_cast<size_t>(layout.fields)) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    Column& column = columns_[i];
    column.name = absl::StrCat("column ", i);
    if (!layout.names.empty()) absl::StrAppend(&column.name, " (", Quote(layout.names[i]), ")");
    column.key = NameKey(layout.names.empty() ? absl::StrCat(i) : layout.names[i]);
    const v1::CsvColumn::Kind kind = KindOf(layout, i);
    if (i == static_cast<size_t>(layout.label)) {
      column.role = Column::kLabel;
    } else if (kind == v1::CsvColumn::WEIGHT) {
      column.role = Column::kWeight;
      has_weight_ = true;
    } else if (kind == v1::CsvColumn::IGNORED) {
      column.role = Column::kIgnored;
    } else {
      column.role = kind == v1::CsvColumn::CATEGORICAL ? Column::kCategory : Column::kNumber;
      column.field = static_cast<uint32_t>(features_++);
    }
  }
}

bool CsvColumnsParser::IsRecord(absl::string_view line) const {
  return line.find_first_not_of(' ') != absl::string_view::npos;
}

absl::Status CsvColumnsParser::Parse(absl::string_view line, BatchBuilder* rows) {
  Record record = {.row = rows->StartRow(features_)};
  const char* p = line.data();
  const char* const end = p + line.size();
  for (size_t i = 0; i < columns_.size(); ++i) {
    ASSIGN_OR_RETURN(const absl::string_view text, TakeField(&p, end));
    if ((p == end) != (i + 1 == columns_.size())) {
      const size_t fields = CountCsvFields(line, delimiter_);
      return absl::InvalidArgumentError(absl::StrCat(fields, fields == 1 ? " column" : " columns",
                                                     ", expected ", columns_.size()));
    }
    RETURN_IF_ERROR(Add(columns_[i], text, &record));
    if (p != end) ++p;
  }
  if (has_weight_) {
    rows->FinishRow(record.label, record.features, record.weight);
  } else {
    rows->FinishRow(record.label, record.features);
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> CsvColumnsParser::TakeField(const char** p, const char* end) {
  const char* const begin = std::find_if_not(*p, end, [](char c) { return c == ' '; });
  if (begin == end || *begin != '"') {
    *p = std::find(begin, end, delimiter_);
    return absl::StripTrailingAsciiWhitespace(
        absl::string_view(begin, static_cast<size_t>(*p - begin)));
  }
  bool doubled = false;
  const char* quote = std::find(begin + 1, end, '"');
  while (quote != end && quote + 1 != end && quote[1] == '"') {
    doubled = true;
    quote = std::find(quote + 2, end, '"');
  }
  if (quote == end) return absl::InvalidArgumentError("the quotes do not end in this line");
  absl::string_view text(begin + 1, static_cast<size_t>(quote - begin - 1));
  if (doubled) text = unquoted_ = absl::StrReplaceAll(text, {{"\"\"", "\""}});
  *p = std::find_if_not(quote + 1, end, [](char c) { return c == ' '; });
  if (*p != end && **p != delimiter_) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is more behind the quotes of ", Quote(text)));
  }
  return absl::StripAsciiWhitespace(text);
}

absl::Status CsvColumnsParser::Add(const Column& column, absl::string_view text,
                                   Record* record) const {
  switch (column.role) {
    case Column::kLabel:
      if (labels_.Read(text, &record->label)) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat(column.name, ": ", labels_.Explain(text)));
    case Column::kWeight:
      if (ParseFloat(text, &record->weight) && record->weight >= 0) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat(column.name, ": weight ", Quote(text), " is not a number from 0 on"));
    case Column::kIgnored:
      return absl::OkStatus();
    case Column::kNumber:
      return AddNumber(column, text, record);
    case Column::kCategory:
      if (!text.empty()) AddFeature(column, CategoryKey(column.key, text), 1, record);
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status CsvColumnsParser::AddNumber(const Column& column, absl::string_view text,
                                         Record* record) const {
  float value;
  if (ParseFloat(text, &value)) {
    AddFeature(column, column.key, value, record);
    return absl::OkStatus();
  }
  if (missing_ <= v1::Csv::BAD || !IsMissing(text)) return NotANumber(column.name, text);
  if (missing_ == v1::Csv::MEAN) {
    AddFeature(column, column.key, std::numeric_limits<float>::quiet_NaN(), record);
  } else if (!sparse_) {
    AddFeature(column, column.key, 0, record);
  }
  return absl::OkStatus();
}

void CsvColumnsParser::AddFeature(const Column& column, uint64_t key, float value,
                                  Record* record) const {
  const size_t at = record->features++;
  record->row.values[at] = value;
  if (!sparse_) return;
  record->row.keys[at] = key;
  record->row.fields[at] = column.field;
}

}  // namespace paramd
