#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "common/base/mutex.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/client/row_cache.h"
#include "worker/client/row_plan.h"

namespace paramd {

// Rows of one table that were pulled, to be used again for as long as its pull.max_age says.
// Thread-safe.
class KeptRows {
 public:
  // Memory for the rows is about `bytes`; a dense table that is larger is not kept.
  KeptRows(const v1::TableSpec& spec, uint64_t bytes);

  // The table's consistency was changed on the running cluster: `spec` holds from its
  // consistency_from on, and until then what allows less. Rows are not used again any more once the
  // mode has changed, for their versions mean something else. One thread calls this and Read.
  void Update(const v1::TableSpec& spec);

  // Whether any rows are kept.
  bool enabled() const { return sparse_.has_value() || dense_; }

  // Copies the rows that are fresh enough for a pull at `clock` to values[plan.rows * dim] and sets
  // `stale` to the numbers of the plan's other rows, ascending. Of a dense table either all rows
  // are fresh or none; whether they are is returned, `stale` is left alone.
  bool Read(const RowPlan& plan, uint64_t clock, float* values, std::vector<uint32_t>* stale) const;

  // Keeps the plan's rows, pulled for step `clock` and answered at the slowest client's
  // `min_clock`.
  void Write(const RowPlan& plan, uint64_t clock, uint64_t min_clock,
             absl::Span<const float> values);

 private:
  // Under ssp rows have every change of the steps before the slowest client's clock; under asp
  // there is no other bound than the puller's own steps.
  const bool by_min_clock_;
  // For clocks from change_at_ on, and before.
  uint64_t max_age_;
  uint64_t max_age_before_;
  uint64_t change_at_ = 0;
  std::optional<RowCache> sparse_;
  bool dense_ = false;
  mutable Mutex mutex_;
  std::vector<float> all_ ABSL_GUARDED_BY(mutex_);  // of a dense table
  uint64_t version_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace paramd
