#include "worker/data/csv_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "worker/data/parse_number.h"
#include "worker/data/quote.h"
#include "worker/data/take_decimal.h"

namespace paramd {
namespace {

// The text from `p` to the next delimiter or the end of the line.
absl::string_view FieldAt(const char* p, const char* end, char delimiter) {
  const absl::string_view rest(p, static_cast<size_t>(end - p));
  return rest.substr(0, rest.find(delimiter));
}

// Takes the number in the field at `p`. Returns where the field ends; nullptr when it holds none.
const char* TakeField(const char* p, const char* end, char delimiter, float* value) {
  const char* const after = TakeDecimal(p, end, value);
  if (after != nullptr && (after == end || *after == delimiter)) [[likely]]
    return after;
  const absl::string_view field = FieldAt(p, end, delimiter);
  return ParseFloat(TrimCsvField(field), value) ? p + field.size() : nullptr;
}

// Takes four fields of one digit with a delimiter after each, as in runs of zeros; false when these
// are not what comes. [p, p + 8) must be readable.
bool TakeFourDigits(const char* p, char delimiter, float* values) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  word ^= 0x0030003000300030 | 0x0100010001000100 * static_cast<uint8_t>(delimiter);
  // Delimiters are 0 now, digits 0 to 9.
  if (((word | (word + 0x0076007600760076)) & 0xff80ff80ff80ff80) != 0) return false;
  for (int i = 0; i < 4; ++i) values[i] = static_cast<float>((word >> 16 * i) & 0xff);
  return true;
}

}  // namespace

bool CsvParser::IsRecord(absl::string_view line) const {
  return line.find_first_not_of(' ') != absl::string_view::npos;
}

absl::Status CsvParser::Parse(absl::string_view line, BatchBuilder* rows) {
  const size_t fields = static_cast<size_t>(layout_.fields);
  float* const values = rows->StartRow(fields).values;
  if (!TakeFields(line, values)) return Explain(line);
  const float label = values[layout_.label];
  std::copy(values + layout_.label + 1, values + fields, values + layout_.label);
  rows->FinishRow(label, fields - 1);
  return absl::OkStatus();
}

bool CsvParser::TakeFields(absl::string_view line, float* values) const {
  const char* p = line.data();
  const char* const end = p + line.size();
  float* const last = values + layout_.fields - 1;
  while (values != last) {
    if (last - values >= 4 && end - p >= 8 && TakeFourDigits(p, layout_.delimiter, values)) {
      p += 8;
      values += 4;
      continue;
    }
    p = TakeField(p, end, layout_.delimiter, values);
    if (p == nullptr || p == end) return false;
    ++p;  // the delimiter
    ++values;
  }
  return TakeField(p, end, layout_.delimiter, last) == end;
}

absl::Status CsvParser::Explain(absl::string_view line) const {
  const int64_t fields = std::count(line.begin(), line.end(), layout_.delimiter) + 1;
  if (fields != layout_.fields) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields, fields == 1 ? " column" : " columns", ", expected ", layout_.fields));
  }
  const char* p = line.data();
  const char* const end = p + line.size();
  int64_t field = 0;
  absl::string_view text = FieldAt(p, end, layout_.delimiter);
  for (float value; field + 1 < fields && ParseFloat(TrimCsvField(text), &value); ++field) {
    p += text.size() + 1;
    text = FieldAt(p, end, layout_.delimiter);
  }
  text = TrimCsvField(text);
  std::string column = absl::StrCat("column ", field);
  if (!layout_.names.empty()) absl::StrAppend(&column, " (", Quote(layout_.names[field]), ")");
  return absl::InvalidArgumentError(
      text.empty() ? absl::StrCat(column, " is empty")
                   : absl::StrCat(column, ": ", Quote(text), " is not a finite number"));
}

}  // namespace paramd
