#include "server/table/dense_shard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace paramd {

DenseShard::DenseShard(RowRange range, uint32_t dim, const Initializer& initializer,
                       std::shared_ptr<const Optimizer> optimizer)
    : Shard(dim, initializer, std::move(optimizer)),
      range_(range),
      rows_of_block_(std::max<uint64_t>(
          (range.end - range.begin + ChangedBlocks::kBlocks - 1) / ChangedBlocks::kBlocks, 1)) {
  const uint64_t size = (range.end - range.begin) * dim;
  MutexLock lock(mutex_);
  parameters_.resize(size);
  state_.resize(size * this->optimizer().state_slots());
  for (uint64_t row = range.begin; row < range.end; ++row) {
    initializer.Fill(row, absl::MakeSpan(&parameters_[OffsetOf(row)], dim));
  }
  if (initializer.scale != 0) {
    this->optimizer().Begin(parameters_.data(), static_cast<int64_t>(size), state_.data(),
                            static_cast<int64_t>(size));
  }
}

void DenseShard::LoadLocked(const RowSet& rows, const float* values) {
  const uint64_t offset = OffsetOf(rows.first_row);
  const uint64_t size = rows.count * dim();
  std::copy_n(values, size, parameters_.data() + offset);
  optimizer().Begin(values, static_cast<int64_t>(size),
                    state_.empty() ? nullptr : state_.data() + offset,
                    static_cast<int64_t>(parameters_.size()));
}

absl::Status DenseShard::CheckRows(RowSet* rows, uint64_t* /*hashes*/) const {
  if (rows->first_row >= range_.begin && rows->first_row <= range_.end &&
      rows->count <= range_.end - rows->first_row) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(rows->count, " rows from row ", rows->first_row,
                                                 " are not all in rows [", range_.begin, ", ",
                                                 range_.end, ") of the shard"));
}

void DenseShard::Apply(uint64_t offset, const void* gradients, uint64_t size, const Step& step,
                       const float* pulled) {
  float* const state = state_.empty() ? nullptr : state_.data() + offset;
  optimizer().Apply(gradients, step, static_cast<int64_t>(size), parameters_.data() + offset, state,
                    static_cast<int64_t>(parameters_.size()), pulled);
}

void DenseShard::ApplyRun(uint64_t offset, const void* gradients, uint64_t size,
                          const Update& update) {
  if (keeps_pulled()) return ApplyRunByRow(offset, gradients, size, update);
  Apply(offset, gradients, size, update.step, nullptr);
}

void DenseShard::ApplyRunByRow(uint64_t offset, const void* gradients, uint64_t size,
                               const Update& update) {
  const auto* bytes = static_cast<const uint8_t*>(gradients);
  for (const uint64_t end = offset + size; offset < end;) {
    const uint64_t column = offset % dim();
    const uint64_t n = std::min(end - offset, dim() - column);
    const float* const pulled = PulledBy(update, range_.begin + offset / dim());
    Apply(offset, bytes, n, update.step, pulled == nullptr ? nullptr : pulled + column);
    offset += n;
    bytes += n * sizeof(float);
  }
}

void DenseShard::MarkRows(uint64_t begin, uint64_t end) {
  if (begin == end) return;
  changed_.MarkRange((begin - range_.begin) / rows_of_block_,
                     (end - 1 - range_.begin) / rows_of_block_ + 1);
}

void DenseShard::ApplyLocked(const RowSet& rows, FloatSource& gradients, const Update& update) {
  MarkRows(rows.first_row, rows.first_row + rows.count);
  uint64_t offset = OffsetOf(rows.first_row);
  const uint64_t end = offset + rows.count * dim();
  while (offset < end) {
    const FloatRun run = gradients.Next(end - offset);
    ApplyRun(offset, run.data, run.size, update);
    offset += run.size;
  }
}

SortedSum DenseShard::SumOf(absl::Span<const WeightedPush> pushes) const {
  const uint64_t rows = range_.end - range_.begin;
  std::vector<double> sum(rows * dim());
  std::vector<bool> touched(rows);
  for (const auto& [weight, push] : pushes) {
    const uint64_t offset = OffsetOf(push.first_row);
    for (size_t i = 0; i < push.gradients.size(); ++i) {
      sum[offset + i] += weight * push.gradients[i];
    }
    const auto first = touched.begin() + static_cast<int64_t>(push.first_row - range_.begin);
    std::fill_n(first, push.count, true);
  }
  SortedSum result;
  for (uint64_t row = 0; row < rows; ++row) {
    if (!touched[row]) continue;
    result.keys.push_back(range_.begin + row);
    const double* const values = &sum[row * dim()];
    result.gradients.insert(result.gradients.end(), values, values + dim());
  }
  return result;
}

void DenseShard::ApplySumLocked(const SortedSum& sum, const Update& update) {
  const std::vector<uint64_t>& rows = sum.keys;
  for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    // Rows that follow one another.
    for (end = begin + 1; end < rows.size() && rows[end] == rows[end - 1] + 1;) ++end;
    MarkRows(rows[begin], rows[end - 1] + 1);
    ApplyRun(OffsetOf(rows[begin]), sum.gradients.data() + begin * dim(), (end - begin) * dim(),
             update);
  }
}

bool DenseShard::ForEachRun(const ShardState& state,
                            absl::FunctionRef<void(uint64_t offset, uint64_t size)> visit) const {
  const uint64_t rows = range_.end - range_.begin;
  if (state.since == 0) {
    visit(0, rows * dim());
    return true;
  }
  for (const uint64_t block : state.blocks) {
    const uint64_t first = block * rows_of_block_;
    if (first >= rows) return false;
    visit(first * dim(), std::min(rows_of_block_, rows - first) * dim());
  }
  return true;
}

void DenseShard::CopyRowsTo(ShardState* state) const {
  uint64_t size = 0;
  ForEachRun(*state, [&](uint64_t, uint64_t run) { size += run; });
  state->values.reserve(size * (1 + optimizer().state_slots()));
  for (uint64_t slot = 0; slot <= static_cast<uint64_t>(optimizer().state_slots()); ++slot) {
    const float* const values =
        slot == 0 ? parameters_.data() : state_.data() + (slot - 1) * parameters_.size();
    ForEachRun(*state, [&](uint64_t offset, uint64_t run) {
      state->values.insert(state->values.end(), values + offset, values + offset + run);
    });
  }
}

bool DenseShard::RestoreRows(const ShardState& state) {
  uint64_t size = 0;
  if (!ForEachRun(state, [&](uint64_t, uint64_t run) { size += run; })) return false;
  const uint64_t slots = optimizer().state_slots();
  if (state.values.size() != size * (1 + slots)) return false;
  const float* from = state.values.data();
  for (uint64_t slot = 0; slot <= slots; ++slot) {
    float* const values =
        slot == 0 ? parameters_.data() : state_.data() + (slot - 1) * parameters_.size();
    ForEachRun(state, [&](uint64_t offset, uint64_t run) {
      std::copy_n(from, run, values + offset);
      from += run;
    });
  }
  return true;
}

void DenseShard::PullLocked(const RowSet& rows, FloatSink& out) const {
  out.Write(parameters_.data() + OffsetOf(rows.first_row), rows.count * dim());
}

ShardSize DenseShard::SizeLocked() const {
  return {.rows = range_.end - range_.begin,
          .bytes = (parameters_.size() + state_.size()) * sizeof(float)};
}

ShardSnapshot DenseShard::SnapshotLocked() const { return {.values = parameters_}; }

void DenseShard::AddRowsTo(Hasher& hasher) const {
  hasher.Add(absl::Span<const float>(parameters_));
  hasher.Add(absl::Span<const float>(state_));
}

}  // namespace paramd
