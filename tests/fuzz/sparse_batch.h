#pragma once

#include <cmath>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "worker/data/batch_builder.h"
#include "worker/data/line_parser.h"

namespace paramd {

// Parses every line of `text`, whatever it holds, and aborts unless the batch is a whole one.
inline void CheckSparseBatch(LineParser& parser, const DatasetShape& shape,
                             absl::string_view text) {
  BatchBuilder builder;
  Batch batch;
  builder.Begin(shape, &batch);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    parser.Parse(text.substr(0, end), &builder).IgnoreError();
    text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
  }
  builder.Finish();
  if (batch.row_offsets.size() != batch.rows() + 1) std::abort();
  if (batch.row_offsets.back() != batch.values.size()) std::abort();
  if (batch.columns.size() != batch.values.size()) std::abort();
  if (batch.fields.size() != (shape.fields > 0 ? batch.values.size() : 0)) std::abort();
  for (const uint32_t column : batch.columns) {
    if (column >= batch.unique_keys.size()) std::abort();
  }
  for (const uint32_t field : batch.fields) {
    if (field >= shape.fields) std::abort();
  }
  for (size_t i = 1; i < batch.unique_keys.size(); ++i) {
    if (batch.unique_keys[i - 1] >= batch.unique_keys[i]) std::abort();
  }
  for (const float value : batch.values) {
    if (!std::isfinite(value)) std::abort();
  }
}

}  // namespace paramd
