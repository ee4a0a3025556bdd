#include "worker/data/batch_builder.h"

#include <algorithm>

namespace paramd {

void BatchBuilder::Begin(const DatasetShape& shape, Batch* batch) {
  batch_ = batch;
  batch_->Clear();
  batch_->sparse = shape.sparse;
  batch_->dense_cols = shape.sparse ? 0 : shape.columns;
  if (shape.sparse) batch_->row_offsets.push_back(0);
  keys_.clear();
  row_begin_ = 0;
}

void BatchBuilder::FinishRow(float label) {
  batch_->labels.push_back(label);
  row_begin_ = size();
  if (batch_->sparse) batch_->row_offsets.push_back(static_cast<uint32_t>(row_begin_));
}

void BatchBuilder::AbandonRow() {
  batch_->values.resize(row_begin_);
  keys_.resize(std::min(keys_.size(), row_begin_));
}

void BatchBuilder::Finish() {
  if (batch_->sparse) uniquer_.Run(keys_, &batch_->unique_keys, &batch_->columns);
}

}  // namespace paramd
