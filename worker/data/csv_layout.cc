#include "worker/data/csv_layout.h"

#include <algorithm>
#include <cstddef>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "worker/data/parse_number.h"
#include "worker/data/quote.h"

namespace paramd {
namespace {

// A field in double quotes may hold the delimiter (RFC 4180); a doubled quote stands for one.
std::vector<std::string> SplitHeader(absl::string_view line, char delimiter) {
  std::vector<std::string> names(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    if (c == delimiter && !quoted) {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  for (std::string& name : names) {
    name = absl::StrReplaceAll(TrimCsvField(name), {{"\"\"", "\""}});
  }
  return names;
}

std::string DescribeColumns(const CsvLayout& layout) {
  if (layout.names.empty()) {
    return layout.fields == 1 ? "the only column is 0"
                              : absl::StrCat("the columns are 0 to ", layout.fields - 1);
  }
  constexpr size_t kShown = 30;
  std::string text = "the columns are";
  for (size_t i = 0; i < std::min(layout.names.size(), kShown); ++i) {
    absl::StrAppend(&text, i == 0 ? " " : ", ", Quote(layout.names[i]));
  }
  if (layout.names.size() > kShown) {
    absl::StrAppend(&text, " and ", layout.names.size() - kShown, " more");
  }
  return text;
}

// The field that `wanted` is the name or the index of. `what` is for messages.
absl::StatusOr<int64_t> FindColumn(const CsvLayout& layout, const std::string& wanted,
                                   absl::string_view what, const std::string& file) {
  const auto named = std::find(layout.names.begin(), layout.names.end(), wanted);
  if (named != layout.names.end()) return named - layout.names.begin();
  uint64_t index;
  if (ParseUnsigned(wanted, &index) && index < static_cast<uint64_t>(layout.fields)) {
    return static_cast<int64_t>(index);
  }
  return absl::InvalidArgumentError(absl::StrCat(file, ": there is no ", what, " ", Quote(wanted),
                                                 "; ", DescribeColumns(layout),
                                                 layout.names.empty() ? " (no header)" : ""));
}

absl::Status FindColumns(const v1::Csv& csv, const std::string& file, CsvLayout* layout) {
  const std::string label = csv.label().empty() ? "0" : csv.label();
  ASSIGN_OR_RETURN(layout->label, FindColumn(*layout, label, "label column", file));
  if (csv.columns().empty()) return absl::OkStatus();
  std::vector<bool> declared(static_cast<size_t>(layout->fields));
  declared[static_cast<size_t>(layout->label)] = true;
  layout->kinds.assign(declared.size(), v1::CsvColumn::NUMERIC);
  for (const v1::CsvColumn& column : csv.columns()) {
    ASSIGN_OR_RETURN(const int64_t index, FindColumn(*layout, column.name(), "column", file));
    if (declared[static_cast<size_t>(index)]) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": data.csv.columns: ", Quote(column.name()),
                       index == layout->label ? " is the label" : " is declared twice"));
    }
    declared[static_cast<size_t>(index)] = true;
    layout->kinds[static_cast<size_t>(index)] = column.kind();
  }
  return absl::OkStatus();
}

bool IsFeature(const CsvLayout& layout, size_t index) {
  const v1::CsvColumn::Kind kind = KindOf(layout, index);
  return index != static_cast<size_t>(layout.label) && kind != v1::CsvColumn::WEIGHT &&
         kind != v1::CsvColumn::IGNORED;
}

}  // namespace

absl::StatusOr<char> CsvDelimiter(const v1::Csv& csv) {
  if (csv.delimiter().empty()) return ',';
  const char delimiter = csv.delimiter()[0];
  constexpr absl::string_view kForbidden = "+-.\"\r\n";
  if (csv.delimiter().size() != 1 || absl::ascii_isalnum(delimiter) ||
      kForbidden.find(delimiter) != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quote(csv.delimiter()), " cannot delimit the fields of a CSV file"));
  }
  return delimiter;
}

absl::string_view TrimCsvField(absl::string_view field) {
  field = absl::StripAsciiWhitespace(field);
  if (field.size() >= 2 && field.front() == '"' && field.back() == '"') {
    field = field.substr(1, field.size() - 2);
  }
  return field;
}

absl::StatusOr<CsvLayout> MakeCsvLayout(const v1::Csv& csv, const std::string& file,
                                        int64_t fields) {
  CsvLayout layout{.fields = fields};
  ASSIGN_OR_RETURN(layout.delimiter, CsvDelimiter(csv));
  RETURN_IF_ERROR(FindColumns(csv, file, &layout));
  return layout;
}

absl::StatusOr<CsvLayout> ReadCsvHeader(const v1::Csv& csv, const std::string& file,
                                        absl::string_view line) {
  CsvLayout layout;
  ASSIGN_OR_RETURN(layout.delimiter, CsvDelimiter(csv));
  layout.names = SplitHeader(line, layout.delimiter);
  layout.fields = static_cast<int64_t>(layout.names.size());
  absl::flat_hash_set<absl::string_view> seen;
  for (const std::string& name : layout.names) {
    if (seen.insert(name).second) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":1: two columns are named ", Quote(name)));
  }
  RETURN_IF_ERROR(FindColumns(csv, file, &layout));
  return layout;
}

std::vector<std::string> CsvFeatureNames(const CsvLayout& layout) {
  std::vector<std::string> names;
  for (size_t i = 0; i < layout.names.size(); ++i) {
    if (IsFeature(layout, i)) names.push_back(layout.names[i]);
  }
  return names;
}

std::vector<bool> CategoricalCsvFeatures(const CsvLayout& layout) {
  std::vector<bool> categorical;
  for (size_t i = 0; i < static_cast<size_t>(layout.fields); ++i) {
    if (!IsFeature(layout, i)) continue;
    categorical.push_back(KindOf(layout, i) == v1::CsvColumn::CATEGORICAL);
  }
  return categorical;
}

int64_t CountCsvFeatures(const CsvLayout& layout) {
  int64_t features = 0;
  for (int64_t i = 0; i < layout.fields; ++i) features += IsFeature(layout, static_cast<size_t>(i));
  return features;
}

size_t CountCsvFields(absl::string_view line, char delimiter) {
  size_t fields = 1;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    if (c == delimiter && !quoted) ++fields;
  }
  return fields;
}

int64_t CountLeftOutFields(const v1::Csv& csv) {
  return std::count_if(csv.columns().begin(), csv.columns().end(), [](const v1::CsvColumn& column) {
    return column.kind() == v1::CsvColumn::WEIGHT || column.kind() == v1::CsvColumn::IGNORED;
  });
}

}  // namespace paramd
