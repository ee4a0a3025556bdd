#pragma once

#include <google/protobuf/repeated_field.h>

#include "absl/container/flat_hash_map.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"

namespace paramd {

// Weights of examples by their label; 1 for a label that is not named. Immutable, hence
// thread-safe.
class LabelWeights {
 public:
  explicit LabelWeights(const google::protobuf::RepeatedPtrField<v1::LabelWeight>& weights);

  // Multiplies the weights of the examples in `batch`, which then has some, by those of their
  // labels. Without any named label the batch stays as it is.
  void Apply(Batch* batch) const;

 private:
  absl::flat_hash_map<float, float> weights_;
};

}  // namespace paramd
