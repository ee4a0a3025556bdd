#include "worker/model/field_pooling.h"

#include <algorithm>
#include <cassert>

namespace paramd {

void PoolFields(const Batch& batch, absl::Span<const float> vectors, size_t k, size_t fields,
                std::vector<float>* p) {
  assert(batch.fields.size() == batch.columns.size());
  assert(vectors.size() == batch.unique_keys.size() * k);
  p->assign(batch.rows() * fields * k, 0.0f);
  for (size_t row = 0; row < batch.rows(); ++row) {
    for (size_t i = batch.row_offsets[row]; i < batch.row_offsets[row + 1]; ++i) {
      const float x = batch.values[i];
      const float* const v = vectors.data() + batch.columns[i] * k;
      float* const sum = p->data() + (row * fields + batch.fields[i]) * k;
      for (size_t j = 0; j < k; ++j) sum[j] += x * v[j];
    }
  }
}

void UnpoolFields(const Batch& batch, absl::Span<const float> dp, size_t k, size_t fields,
                  absl::Span<float> dv) {
  assert(dp.size() == batch.rows() * fields * k && dv.size() == batch.unique_keys.size() * k);
  std::fill(dv.begin(), dv.end(), 0.0f);
  for (size_t row = 0; row < batch.rows(); ++row) {
    for (size_t i = batch.row_offsets[row]; i < batch.row_offsets[row + 1]; ++i) {
      const float x = batch.values[i];
      const float* const d = dp.data() + (row * fields + batch.fields[i]) * k;
      float* const sum = dv.data() + batch.columns[i] * k;
      for (size_t j = 0; j < k; ++j) sum[j] += x * d[j];
    }
  }
}

}  // namespace paramd
