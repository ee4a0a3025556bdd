#include "worker/trainer/held_changes.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace paramd {

bool HeldChanges::IsFor(const v1::TableSpec& spec) {
  return spec.consistency().mode() == v1::Consistency::LOCAL ||
         spec.consistency().mode() == v1::Consistency::VALUE_BOUND;
}

HeldChanges::HeldChanges(const v1::TableSpec& spec)
    : local_(spec.consistency().mode() == v1::Consistency::LOCAL),
      dim_(spec.dim()),
      dense_rows_(spec.rows()),
      rate_(static_cast<float>(spec.optimizer().learning_rate())),
      steps_(spec.consistency().steps()),
      bound_(spec.consistency().bound()),
      sums_(dense_rows_ * dim_),
      copies_(local_ ? dense_rows_ * dim_ : 0) {}

bool HeldChanges::MayPullAhead() const { return local_ && steps_done_ + 1 < steps_; }

HeldChanges::Wanted HeldChanges::Want(absl::Span<const uint64_t> keys) {
  if (!local_) return {.any = dense_rows_ > 0 || !keys.empty(), .keys = {keys.begin(), keys.end()}};
  if (dense_rows_ > 0) return {.any = !std::exchange(has_copies_, true)};
  Wanted wanted;
  for (const uint64_t key : keys) {
    if (slots_.contains(key)) continue;
    NewSlot(key);
    wanted.keys.push_back(key);
  }
  wanted.any = !wanted.keys.empty();
  return wanted;
}

size_t HeldChanges::NewSlot(uint64_t key) {
  size_t slot = slots_.size();
  if (free_slots_.empty()) {
    sums_.resize((slot + 1) * dim_);
    if (local_) copies_.resize((slot + 1) * dim_);
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_.emplace(key, slot);
  return slot;
}

void HeldChanges::Fill(absl::Span<const uint64_t> keys, const Wanted& wanted,
                       absl::Span<const float> pulled, absl::Span<float> rows) {
  if (!local_) {
    std::copy(pulled.begin(), pulled.end(), rows.begin());
    for (size_t i = 0; i < RowCount(keys); ++i) {
      if (dense_rows_ == 0 && !slots_.contains(keys[i])) continue;
      const float* const sum = &sums_[SlotOf(keys, i) * dim_];
      for (size_t j = 0; j < dim_; ++j) rows[i * dim_ + j] -= rate_ * sum[j];
    }
    return;
  }
  if (wanted.any) {
    for (size_t i = 0; i < RowCount(wanted.keys); ++i) {
      std::copy_n(&pulled[i * dim_], dim_, &copies_[SlotOf(wanted.keys, i) * dim_]);
    }
  }
  for (size_t i = 0; i < RowCount(keys); ++i) {
    std::copy_n(&copies_[SlotOf(keys, i) * dim_], dim_, &rows[i * dim_]);
  }
}

void HeldChanges::Add(absl::Span<const uint64_t> keys, absl::Span<const float> gradients) {
  for (size_t i = 0; i < RowCount(keys); ++i) {
    if (!local_ && dense_rows_ == 0 && !slots_.contains(keys[i])) NewSlot(keys[i]);
    const size_t slot = SlotOf(keys, i);
    for (size_t j = 0; j < dim_; ++j) {
      const float gradient = gradients[i * dim_ + j];
      sums_[slot * dim_ + j] += gradient;
      if (local_) copies_[slot * dim_ + j] -= rate_ * gradient;
    }
  }
  if (!local_) last_keys_.assign(keys.begin(), keys.end());
  ++steps_done_;
}

HeldChanges::Rows HeldChanges::Take(bool all) {
  if (empty()) return {};
  if (all || (local_ && steps_done_ >= steps_)) return TakeEverything();
  return local_ ? Rows() : TakeBeyondBound();
}

HeldChanges::Rows HeldChanges::TakeEverything() {
  Rows rows = {.any = true};
  for (const auto& [key, slot] : slots_) rows.keys.push_back(key);
  std::sort(rows.keys.begin(), rows.keys.end());
  rows.gradients.resize(RowCount(rows.keys) * dim_);
  for (size_t i = 0; i < RowCount(rows.keys); ++i) {
    std::copy_n(&sums_[SlotOf(rows.keys, i) * dim_], dim_, &rows.gradients[i * dim_]);
  }
  slots_.clear();
  free_slots_.clear();
  sums_.assign(dense_rows_ * dim_, 0);
  has_copies_ = false;
  steps_done_ = 0;
  return rows;
}

bool HeldChanges::IsBeyondBound(size_t slot) const {
  for (size_t j = 0; j < dim_; ++j) {
    // Not a number is beyond every bound, so that the server sees and refuses it.
    if (!(std::abs(rate_ * sums_[slot * dim_ + j]) <= bound_)) return true;
  }
  return false;
}

HeldChanges::Rows HeldChanges::TakeBeyondBound() {
  if (dense_rows_ > 0) {
    for (size_t row = 0; row < dense_rows_; ++row) {
      if (IsBeyondBound(row)) return TakeEverything();
    }
    return {};
  }
  Rows rows;
  for (const uint64_t key : last_keys_) {
    const auto entry = slots_.find(key);
    if (!IsBeyondBound(entry->second)) continue;
    float* const sum = &sums_[entry->second * dim_];
    rows.keys.push_back(key);
    rows.gradients.insert(rows.gradients.end(), sum, sum + dim_);
    std::fill_n(sum, dim_, 0.0f);
    free_slots_.push_back(entry->second);
    slots_.erase(entry);
  }
  rows.any = !rows.keys.empty();
  return rows;
}

}  // namespace paramd
