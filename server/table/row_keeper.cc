#include "server/table/row_keeper.h"

#include <algorithm>
#include <cstring>

#include "common/base/random.h"

namespace paramd {
namespace {

constexpr size_t kSampledBuckets = 6;  // with 2 or 3 rows each, most of them
// When so many are empty there is nothing to remove but the row that stays.
constexpr size_t kMostBuckets = 100'000;
// Buckets that are looked at for each row that is pushed to; with about two rows in each.
constexpr size_t kSweptBuckets = 1;

// By squaring: the same to the bit everywhere, unlike std::pow.
double Power(double base, uint64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base) {
    if (exponent & 1) result *= base;
  }
  return result;
}

}  // namespace

RowKeeper::RowKeeper(const RowRules& rules, RowTable* table, size_t width, ChangedBlocks* changed)
    : rules_(rules), table_(table), width_(width), changed_(changed) {
  if (rules_.min_count > 1) sketch_.emplace(rules_.sketch_bytes);
}

bool RowKeeper::Admit(uint64_t hash) {
  return !sketch_.has_value() || sketch_->Add(hash) >= rules_.min_count;
}

void RowKeeper::Touch(float* row, size_t dim, uint64_t clock) const {
  if (!rules_.NeedStamps()) return;
  if (fades()) {
    const float fade = FadeOf(row, clock);
    for (size_t i = 0; fade < 1 && i < dim; ++i) row[i] *= fade;
  }
  const auto stamp = static_cast<uint32_t>(clock);
  std::memcpy(row + width_ - 1, &stamp, sizeof(stamp));
}

uint32_t RowKeeper::AgeOf(const float* row, uint64_t clock) const {
  uint32_t stamp;
  std::memcpy(&stamp, row + width_ - 1, sizeof(stamp));
  return static_cast<uint32_t>(clock) - stamp;
}

float RowKeeper::FadeOf(const float* row, uint64_t clock) const {
  const uint64_t then = clock - std::min<uint64_t>(AgeOf(row, clock), clock);
  return static_cast<float>(
      Power(rules_.decay, clock / rules_.decay_every - then / rules_.decay_every));
}

size_t RowKeeper::MostAtOnce() const {
  return rules_.max_rows == 0 ? RowTable::kMaxBatch
                              : std::min<uint64_t>(RowTable::kMaxBatch, rules_.max_rows);
}

bool RowKeeper::FreeRows(size_t more, uint64_t clock, uint32_t at, RemovedRows* removed) {
  if (rules_.max_rows == 0) return false;
  bool any = false;
  while (table_->size() + more > rules_.max_rows) {
    std::optional<uint64_t> oldest;
    uint32_t largest_age = 0;
    for (size_t buckets = 0;
         buckets < kSampledBuckets || (!oldest.has_value() && buckets < kMostBuckets); ++buckets) {
      table_->Sample(CounterRandom(rules_.max_rows, width_, draws_++),
                     [&](uint64_t hash, const float* row) {
                       const uint32_t age = AgeOf(row, clock);
                       if (oldest.has_value() && age <= largest_age) return;
                       oldest = hash;
                       largest_age = age;
                     });
    }
    if (!oldest.has_value()) break;
    Remove(*oldest, at, removed);
    any = true;
  }
  return any;
}

void RowKeeper::Remove(uint64_t hash) {
  table_->Remove(hash);
  changed_->MarkHashes({&hash, 1});
}

void RowKeeper::Remove(uint64_t hash, uint32_t at, RemovedRows* removed) {
  Remove(hash);
  if (removed == nullptr) return;
  removed->hashes.push_back(hash);
  removed->after.push_back(at);
}

bool RowKeeper::Follow(const RemovedRows& removed, uint32_t at, size_t* next) {
  const size_t first = *next;
  while (*next < removed.hashes.size() && removed.after[*next] <= at) {
    const uint64_t hash = removed.hashes[(*next)++];
    float* row = nullptr;
    table_->Find({&hash, 1}, 1, &row);
    if (row != nullptr) Remove(hash);
  }
  return *next > first;
}

void RowKeeper::Sweep(size_t pushed, uint64_t clock, RemovedRows* removed) {
  if (rules_.ttl == 0) return;
  expired_.clear();
  table_->Scan(1 + kSweptBuckets * pushed, [&](uint64_t hash, const float* row) {
    if (AgeOf(row, clock) > rules_.ttl) expired_.push_back(hash);
  });
  // A scan that came round may have seen a row twice.
  std::sort(expired_.begin(), expired_.end());
  expired_.erase(std::unique(expired_.begin(), expired_.end()), expired_.end());
  for (const uint64_t hash : expired_) Remove(hash, static_cast<uint32_t>(pushed), removed);
}

void RowKeeper::AddTo(Hasher& hasher) const {
  if (sketch_.has_value()) sketch_->AddTo(hasher);
}

}  // namespace paramd
