#pragma once

#include <grpcpp/support/slice.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "common/base/buffer.h"
#include "common/wire/error_feedback.h"
#include "common/wire/value_codec.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/client/row_plan.h"

namespace paramd {

// The encoded values of an operation.
using ValueSlices = absl::InlinedVector<grpc::Slice, 2>;

// Writes the gradients of one table as its `push` says; holds back what top_k leaves out of them.
// Not thread-safe: it keeps scratch memory.
class GradientEncoder {
 public:
  explicit GradientEncoder(const v1::TableSpec& spec);

  ValueCodec codec() const { return codec_; }

  // The part's rows of `gradients`, float32[plan.rows][dim], one segment after the other. float32
  // of a dense table is not copied: the slices keep `gradients` alive. `seed` decides how int8
  // rounds; it is another one for every operation.
  ValueSlices Encode(const RowPlan& plan, const RowPlan::Part& part, const Buffer& gradients,
                     uint64_t seed);

 private:
  // Calls visit(segment, its values) for the part's segments; `gathered`: where a sparse table's
  // are.
  template <typename Visit>
  static void ForEachSegment(const RowPlan& plan, const RowPlan::Part& part, const float* gradients,
                             const float* gathered, const Visit& visit);

  ValueSlices Refer(const RowPlan& plan, const RowPlan::Part& part, const Buffer& gradients) const;
  ValueSlices Round(const RowPlan& plan, const RowPlan::Part& part, const float* gradients,
                    uint64_t seed);
  ValueSlices SelectLargest(const RowPlan& plan, const RowPlan::Part& part, const float* gradients);

  const ValueCodec codec_;
  const double fraction_;
  // top_k: one of them.
  std::optional<SparseErrorFeedback> sparse_feedback_;
  std::optional<DenseErrorFeedback> dense_feedback_;
  // Scratch memory: values in the part's order; the positions that top_k keeps, within their
  // segments, and how many each segment has.
  std::vector<float> gathered_;
  std::vector<uint32_t> positions_;
  std::vector<size_t> kept_;
};

}  // namespace paramd
