#pragma once

#include <cmath>
#include <vector>

#include "absl/status/status.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"

namespace paramd {

// Does to the values of batches what was found out when their columns were measured: a missing one
// (NaN) becomes `missing`, then x becomes (x - offset) * factor. Immutable, hence thread-safe.
class ColumnScaler {
 public:
  // `scales`: as of DatasetShape; empty: batches stay as they are.
  explicit ColumnScaler(const std::vector<v1::ColumnScale>& scales);

  void Apply(Batch* batch) const;

 private:
  struct Scale {
    float offset;
    float factor;
    float missing;
  };

  static float Scaled(float value, const Scale& scale) {
    return ((std::isnan(value) ? scale.missing : value) - scale.offset) * scale.factor;
  }

  std::vector<Scale> scales_;
};

// Whether every column of numbers was measured. INVALID_ARGUMENT, naming the column: there was no
// value in it.
absl::Status CheckMeasured(const DatasetShape& shape);

}  // namespace paramd
