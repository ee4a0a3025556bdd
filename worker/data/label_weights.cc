#include "worker/data/label_weights.h"

#include <cstddef>

namespace paramd {

LabelWeights::LabelWeights(const google::protobuf::RepeatedPtrField<v1::LabelWeight>& weights) {
  for (const v1::LabelWeight& entry : weights) {
    weights_[static_cast<float>(entry.label())] = static_cast<float>(entry.weight());
  }
}

void LabelWeights::Apply(Batch* batch) const {
  if (weights_.empty()) return;
  batch->weights.resize(batch->rows(), 1.0f);
  for (size_t row = 0; row < batch->rows(); ++row) {
    const auto found = weights_.find(batch->labels[row]);
    if (found != weights_.end()) batch->weights[row] *= found->second;
  }
}

}  // namespace paramd
