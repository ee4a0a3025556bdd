// Lines of LIBSVM: whatever they hold, a row is added whole or not at all.
#include <cmath>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "worker/data/libsvm_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  paramd::LibsvmParser parser;
  paramd::BatchBuilder builder;
  paramd::Batch batch;
  builder.Begin({.sparse = true}, &batch);
  absl::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    parser.Parse(rest.substr(0, end), &builder).IgnoreError();
    rest.remove_prefix(end == absl::string_view::npos ? rest.size() : end + 1);
  }
  builder.Finish();
  if (batch.row_offsets.size() != batch.rows() + 1) std::abort();
  if (batch.row_offsets.back() != batch.values.size()) std::abort();
  if (batch.columns.size() != batch.values.size()) std::abort();
  for (const uint32_t column : batch.columns) {
    if (column >= batch.unique_keys.size()) std::abort();
  }
  for (size_t i = 1; i < batch.unique_keys.size(); ++i) {
    if (batch.unique_keys[i - 1] >= batch.unique_keys[i]) std::abort();
  }
  for (const float value : batch.values) {
    if (!std::isfinite(value)) std::abort();
  }
  return 0;
}
