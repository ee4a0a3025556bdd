#include "worker/data/batch_builder.h"

#include "absl/types/span.h"
#include "common/routing/hash_keys.h"

namespace paramd {
namespace {

// More room than asked for, so that not every row extends the arrays; little enough that clearing
// it costs nothing.
constexpr size_t kRoom = 4096;

template <typename T>
T* MakeRoom(std::vector<T>& array, size_t size, size_t more) {
  if (array.size() < size + more) array.resize(size + more + kRoom);
  return array.data() + size;
}

}  // namespace

void BatchBuilder::Begin(const DatasetShape& shape, Batch* batch) {
  batch_ = batch;
  batch_->Clear();
  batch_->sparse = shape.sparse;
  batch_->dense_cols = shape.sparse ? 0 : shape.columns;
  if (shape.sparse) batch_->row_offsets.push_back(0);
  has_fields_ = shape.sparse && shape.fields > 0;
  size_ = 0;
}

BatchBuilder::Row BatchBuilder::StartRow(size_t features) {
  return {.keys = batch_->sparse ? MakeRoom(keys_, size_, features) : nullptr,
          .values = MakeRoom(batch_->values, size_, features),
          .fields = has_fields_ ? MakeRoom(batch_->fields, size_, features) : nullptr};
}

void BatchBuilder::FinishRow(float label, size_t features) {
  size_ += features;
  batch_->labels.push_back(label);
  if (batch_->sparse) batch_->row_offsets.push_back(static_cast<uint32_t>(size_));
}

void BatchBuilder::FinishRow(float label, size_t features, float weight) {
  FinishRow(label, features);
  batch_->weights.push_back(weight);
}

void BatchBuilder::HashAllKeys() {
  HashKeys(absl::MakeConstSpan(keys_.data(), size_), keys_.data());
  const int shift = 64 - options_.hash_bits;
  for (size_t i = 0; i < size_; ++i) keys_[i] >>= shift;
}

void BatchBuilder::Finish() {
  batch_->values.resize(size_);
  if (!batch_->sparse) return;
  if (has_fields_) batch_->fields.resize(size_);
  if (options_.hash_bits > 0) HashAllKeys();
  uniquer_.Run(absl::MakeConstSpan(keys_.data(), size_), &batch_->unique_keys, &batch_->columns);
}

}  // namespace paramd
