// Lines of CSV with columns of every kind: whatever they hold, a row is added whole or not at all.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/sparse_batch.h"
#include "worker/data/csv_columns_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using paramd::v1::CsvColumn;
  const paramd::CsvLayout layout = {
      .fields = 5,
      .label = 1,
      .kinds = {CsvColumn::CATEGORICAL, CsvColumn::NUMERIC, CsvColumn::NUMERIC, CsvColumn::WEIGHT,
                CsvColumn::IGNORED}};
  paramd::CsvColumnsParser parser(layout, true, paramd::v1::Csv::ZERO, {});
  paramd::CheckSparseBatch(parser, {.sparse = true, .fields = 2},
                           {reinterpret_cast<const char*>(data), size});
  return 0;
}
