#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

// How the fields of a CSV line lie.
struct CsvLayout {
  char delimiter = ',';
  int64_t fields = 0;                      // with the label
  int64_t label = 0;                       // index of the label's field
  std::vector<std::string> names;          // of all fields, when there is a header
  std::vector<v1::CsvColumn::Kind> kinds;  // of all fields; empty: none was declared
};

// What the field `index` is when it is not the label.
inline v1::CsvColumn::Kind KindOf(const CsvLayout& layout, size_t index) {
  return layout.kinds.empty() ? v1::CsvColumn::NUMERIC : layout.kinds[index];
}

// How many fields a line has; a field in double quotes may hold the delimiter.
size_t CountCsvFields(absl::string_view line, char delimiter);

// How many fields are neither features nor the label.
int64_t CountLeftOutFields(const v1::Csv& csv);

// The delimiter; ',' when none is set. INVALID_ARGUMENT when it is not one character, or one that
// numbers are written with.
absl::StatusOr<char> CsvDelimiter(const v1::Csv& csv);

// `field` without blanks around it and without double quotes around the rest.
absl::string_view TrimCsvField(absl::string_view field);

// The layout of records of `fields` fields without a header. `file` is for messages. The label is
// csv.label, "0" when that is not set; the kinds are those of csv.columns.
// INVALID_ARGUMENT: no such column (the message names the file and the columns there are), one that
// is declared twice or is the label, or a delimiter as above.
absl::StatusOr<CsvLayout> MakeCsvLayout(const v1::Csv& csv, const std::string& file,
                                        int64_t fields);

// The layout that a header line shows. Errors as above, or two columns of the same name.
absl::StatusOr<CsvLayout> ReadCsvHeader(const v1::Csv& csv, const std::string& file,
                                        absl::string_view line);

// Names of the fields that are features; empty without a header.
std::vector<std::string> CsvFeatureNames(const CsvLayout& layout);

// Of each feature, whether it is a category.
std::vector<bool> CategoricalCsvFeatures(const CsvLayout& layout);

// How many fields are features.
int64_t CountCsvFeatures(const CsvLayout& layout);

}  // namespace paramd
