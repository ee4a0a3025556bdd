#include "worker/client/kept_rows.h"

#include <algorithm>

namespace paramd {

KeptRows::KeptRows(const v1::TableSpec& spec, uint64_t bytes)
    : by_min_clock_(spec.consistency().mode() == v1::Consistency::SSP),
      max_age_(spec.pull().max_age()),
      max_age_before_(max_age_) {
  if (max_age_ == 0 || bytes == 0) return;
  if (spec.kind() == v1::TableSpec::SPARSE) {
    sparse_.emplace(spec.dim(), bytes);
  } else {
    dense_ = spec.rows() * spec.dim() * sizeof(float) <= bytes;
  }
}

void KeptRows::Update(const v1::TableSpec& spec) {
  const bool by_min_clock = spec.consistency().mode() == v1::Consistency::SSP;
  const uint64_t max_age = by_min_clock == by_min_clock_ ? spec.pull().max_age() : 0;
  max_age_before_ = std::min({max_age_before_, max_age_, max_age});
  max_age_ = max_age;
  change_at_ = spec.consistency_from();
}

bool KeptRows::Read(const RowPlan& plan, uint64_t clock, float* values,
                    std::vector<uint32_t>* stale) const {
  const uint64_t max_age = clock < change_at_ ? max_age_before_ : max_age_;
  const uint64_t oldest = clock - std::min(clock, max_age);
  if (sparse_.has_value()) {
    sparse_->Read(plan.keys, plan.order, oldest, values, stale);
    return stale->empty();
  }
  MutexLock lock(mutex_);
  if (all_.empty() || version_ < oldest) return false;
  std::copy(all_.begin(), all_.end(), values);
  return true;
}

void KeptRows::Write(const RowPlan& plan, uint64_t clock, uint64_t min_clock,
                     absl::Span<const float> values) {
  const uint64_t version = by_min_clock_ ? min_clock : clock;
  if (sparse_.has_value()) return sparse_->Write(plan.keys, plan.order, version, values.data());
  MutexLock lock(mutex_);
  if (version < version_) return;
  all_.assign(values.begin(), values.end());
  version_ = version;
}

}  // namespace paramd
