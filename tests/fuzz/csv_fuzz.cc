// A CSV file: the first line is its header, or with a first byte that is odd, its first record.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "worker/data/csv_layout.h"
#include "worker/data/csv_parser.h"

namespace {

absl::StatusOr<paramd::CsvLayout> Layout(bool header, absl::string_view line) {
  paramd::v1::Csv csv;
  csv.set_header(header);
  csv.set_label("1");
  if (header) return paramd::ReadCsvHeader(csv, "file", line);
  return paramd::MakeCsvLayout(csv, "file", std::count(line.begin(), line.end(), ',') + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  absl::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const absl::StatusOr<paramd::CsvLayout> layout =
      Layout(data[0] % 2 == 0, rest.substr(0, rest.find('\n')));
  if (!layout.ok()) return 0;
  if (layout->label >= layout->fields) std::abort();
  paramd::CsvParser parser(*layout);
  paramd::BatchBuilder builder;
  paramd::Batch batch;
  builder.Begin({.sparse = false, .columns = layout->fields - 1}, &batch);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    parser.Parse(rest.substr(0, end), &builder).IgnoreError();
    rest.remove_prefix(end == absl::string_view::npos ? rest.size() : end + 1);
  }
  builder.Finish();
  if (batch.values.size() != batch.rows() * static_cast<size_t>(batch.dense_cols)) std::abort();
  return 0;
}
