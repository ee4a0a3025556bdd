#include "common/wire/error_feedback.h"

#include <algorithm>
#include <cassert>

namespace paramd {

absl::Span<const uint32_t> SparseErrorFeedback::Select(absl::Span<const uint64_t> keys,
                                                       double fraction,
                                                       absl::Span<float> gradients) {
  assert(gradients.size() == keys.size() * dim_);
  AddResiduals(keys, gradients);
  const absl::Span<const uint32_t> largest =
      selector_.Select(gradients, TopKCount(gradients.size(), fraction));
  sent_.clear();
  size_t next = 0;  // of `largest`
  for (size_t row = 0; row < keys.size(); ++row) {
    const size_t begin = row * dim_, end = begin + dim_;
    rest_.assign(gradients.begin() + begin, gradients.begin() + end);
    const size_t sent_before = sent_.size();
    for (; next < largest.size() && largest[next] < end; ++next) {
      rest_[largest[next] - begin] = 0;
      sent_.push_back(largest[next]);
    }
    if (Keep(keys[row], rest_)) continue;
    sent_.resize(sent_before);
    for (size_t i = begin; i < end; ++i) sent_.push_back(static_cast<uint32_t>(i));
  }
  return sent_;
}

absl::Span<const float> SparseErrorFeedback::residual(uint64_t key) const {
  const auto found = slots_.find(key);
  if (found == slots_.end()) return {};
  return {Row(found->second), dim_};
}

void SparseErrorFeedback::AddResiduals(absl::Span<const uint64_t> keys,
                                       absl::Span<float> gradients) const {
  if (slots_.empty()) return;
  for (size_t row = 0; row < keys.size(); ++row) {
    const auto found = slots_.find(keys[row]);
    if (found == slots_.end()) continue;
    const float* residual = Row(found->second);
    for (size_t i = 0; i < dim_; ++i) gradients[row * dim_ + i] += residual[i];
  }
}

bool SparseErrorFeedback::Keep(uint64_t key, absl::Span<const float> rest) {
  const auto found = slots_.find(key);
  if (std::all_of(rest.begin(), rest.end(), [](float value) { return value == 0; })) {
    if (found != slots_.end()) {
      free_slots_.push_back(found->second);
      slots_.erase(found);
    }
    return true;
  }
  if (found != slots_.end()) {
    std::copy(rest.begin(), rest.end(), Row(found->second));
    return true;
  }
  if (slots_.size() >= max_rows_) return false;
  if (free_slots_.empty()) {
    free_slots_.push_back(residuals_.size() / dim_);
    residuals_.resize(residuals_.size() + dim_);
  }
  std::copy(rest.begin(), rest.end(), Row(free_slots_.back()));
  slots_.emplace(key, free_slots_.back());
  free_slots_.pop_back();
  return true;
}

absl::Span<const uint32_t> DenseErrorFeedback::Select(uint64_t first_row, double fraction,
                                                      absl::Span<float> gradients) {
  const size_t begin = first_row * dim_;
  assert(begin + gradients.size() <= residuals_.size());
  for (size_t i = 0; i < gradients.size(); ++i) gradients[i] += residuals_[begin + i];
  std::copy(gradients.begin(), gradients.end(), residuals_.begin() + begin);
  const absl::Span<const uint32_t> largest =
      selector_.Select(gradients, TopKCount(gradients.size(), fraction));
  for (const uint32_t position : largest) residuals_[begin + position] = 0;
  return largest;
}

}  // namespace paramd
