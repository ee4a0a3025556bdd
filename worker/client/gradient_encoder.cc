#include "worker/client/gradient_encoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/math/gather.h"
#include "common/rpc/messages.h"
#include "common/wire/frame.h"
#include "common/wire/segment.h"
#include "common/wire/top_k.h"
#include "common/wire/value_encoder.h"

namespace paramd {
namespace {

// Memory for what top_k holds back of a sparse table.
constexpr size_t kMaxResidualBytes = size_t{1} << 30;

// The rows of a sparse table in the part's order.
void GatherRows(const RowPlan& plan, const RowPlan::Part& part, const float* gradients,
                float* out) {
  const size_t dim = plan.dim;
  const absl::Span<const uint32_t> order = plan.order_of(part);
  if (dim == 1) return Gather(gradients, order, out);
  for (const uint32_t row : order) {
    std::memcpy(out, gradients + row * dim, dim * sizeof(float));
    out += dim;
  }
}

ValueShape ShapeOf(const RowPlan& plan, const Segment& segment) {
  return {.rows = segment.rows, .dim = plan.dim};
}

ValueSlices OneSlice(Buffer buffer) {
  const size_t size = buffer.size();
  return {SliceOf(std::move(buffer), 0, size)};
}

}  // namespace

GradientEncoder::GradientEncoder(const v1::TableSpec& spec)
    // The configuration has no unknown codecs.
    : codec_(FromProto(spec.push().values()).value_or(ValueCodec::kF32)),
      fraction_(spec.push().fraction()) {
  if (codec_ != ValueCodec::kTopK) return;
  if (spec.kind() == v1::TableSpec::DENSE) {
    dense_feedback_.emplace(spec.rows(), spec.dim());
  } else {
    sparse_feedback_.emplace(spec.dim(), kMaxResidualBytes / (spec.dim() * sizeof(float)));
  }
}

ValueSlices GradientEncoder::Encode(const RowPlan& plan, const RowPlan::Part& part,
                                    const Buffer& gradients, uint64_t seed) {
  if (codec_ == ValueCodec::kTopK) return SelectLargest(plan, part, gradients.floats());
  if (codec_ != ValueCodec::kF32) return Round(plan, part, gradients.floats(), seed);
  if (!plan.sparse) return Refer(plan, part, gradients);
  Buffer encoded(size_t{part.rows} * plan.dim * sizeof(float));
  GatherRows(plan, part, gradients.floats(), encoded.floats());
  return OneSlice(std::move(encoded));
}

template <typename Visit>
void GradientEncoder::ForEachSegment(const RowPlan& plan, const RowPlan::Part& part,
                                     const float* gradients, const float* gathered,
                                     const Visit& visit) {
  for (const Segment& segment : plan.segments_of(part)) {
    const size_t size = ShapeOf(plan, segment).size();
    const float* const values = plan.sparse ? gathered : gradients + segment.first_row * plan.dim;
    visit(segment, absl::MakeConstSpan(values, size));
    if (plan.sparse) gathered += size;
  }
}

ValueSlices GradientEncoder::Refer(const RowPlan& plan, const RowPlan::Part& part,
                                   const Buffer& gradients) const {
  ValueSlices slices;
  for (const Segment& segment : plan.segments_of(part)) {
    slices.push_back(SliceOf(gradients, segment.first_row * plan.dim * sizeof(float),
                             ShapeOf(plan, segment).size() * sizeof(float)));
  }
  return slices;
}

ValueSlices GradientEncoder::Round(const RowPlan& plan, const RowPlan::Part& part,
                                   const float* gradients, uint64_t seed) {
  if (plan.sparse) {
    gathered_.resize(size_t{part.rows} * plan.dim);
    GatherRows(plan, part, gradients, gathered_.data());
  }
  size_t bytes = 0;
  for (const Segment& segment : plan.segments_of(part)) {
    bytes += EncodedSize(codec_, ShapeOf(plan, segment));
  }
  Buffer encoded(bytes);
  uint8_t* at = encoded.data();
  // Each segment rounds by a seed of its own.
  seed <<= 16;
  ForEachSegment(plan, part, gradients, gathered_.data(),
                 [&](const Segment& segment, absl::Span<const float> values) {
                   EncodeValues(codec_, ShapeOf(plan, segment), values, seed++, at);
                   at += EncodedSize(codec_, ShapeOf(plan, segment));
                 });
  return OneSlice(std::move(encoded));
}

ValueSlices GradientEncoder::SelectLargest(const RowPlan& plan, const RowPlan::Part& part,
                                           const float* gradients) {
  // Residuals are added to a copy.
  gathered_.resize(size_t{part.rows} * plan.dim);
  if (plan.sparse) {
    GatherRows(plan, part, gradients, gathered_.data());
  } else {
    float* next = gathered_.data();
    ForEachSegment(plan, part, gradients, nullptr,
                   [&](const Segment&, absl::Span<const float> values) {
                     next = std::copy(values.begin(), values.end(), next);
                   });
  }
  positions_.clear();
  kept_.clear();
  size_t bytes = 0;
  absl::Span<float> left = absl::MakeSpan(gathered_);
  absl::Span<const uint64_t> keys;
  if (plan.sparse) keys = plan.keys_of(part);
  for (const Segment& segment : plan.segments_of(part)) {
    const ValueShape shape = ShapeOf(plan, segment);
    const absl::Span<float> values = left.first(shape.size());
    const absl::Span<const uint32_t> selected =
        plan.sparse ? sparse_feedback_->Select(keys.first(segment.rows), fraction_, values)
                    : dense_feedback_->Select(segment.first_row, fraction_, values);
    positions_.insert(positions_.end(), selected.begin(), selected.end());
    kept_.push_back(selected.size());
    bytes += EncodedSize(codec_, shape, selected.size());
    left.remove_prefix(shape.size());
    if (plan.sparse) keys.remove_prefix(segment.rows);
  }
  Buffer encoded(bytes);
  uint8_t* at = encoded.data();
  absl::Span<const float> values = gathered_;
  absl::Span<const uint32_t> positions = positions_;
  for (size_t i = 0; i < kept_.size(); ++i) {
    const ValueShape shape = ShapeOf(plan, plan.segments_of(part)[i]);
    EncodeTopK(values.first(shape.size()), positions.first(kept_[i]), at);
    at += EncodedSize(codec_, shape, kept_[i]);
    values.remove_prefix(shape.size());
    positions.remove_prefix(kept_[i]);
  }
  return OneSlice(std::move(encoded));
}

}  // namespace paramd
