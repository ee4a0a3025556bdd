#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/wire/frame.h"
#include "common/wire/value_codec.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/client/gradient_encoder.h"
#include "worker/client/kept_rows.h"
#include "worker/client/row_plan.h"

namespace paramd {

// The configuration has no codec that is not known.
inline ValueCodec CodecOf(v1::Codec::Values values) {
  return FromProto(values).value_or(ValueCodec::kF32);
}

// What a client knows of one table. Not thread-safe, but for `kept`.
struct ClientTable {
 public:
  ClientTable(const v1::TableSpec& table, uint64_t row_cache_bytes)
      : spec(table),
        pull(CodecOf(table.pull().values())),
        encoder(table),
        kept(table, row_cache_bytes) {}

  // From now on rows are planned for this placement.
  void SetPlacement(uint32_t index, const v1::TablePlacement& placement,
                    const RowPlanner::Options& options) {
    planner_.emplace(index, placement, options);
    if (spec.kind() == v1::TableSpec::DENSE) {
      dense_plan_ = std::make_shared<const RowPlan>(planner_->PlanDense());
    }
  }

  RowPlanner& planner() { return *planner_; }
  // Null: the table is sparse.
  const std::shared_ptr<const RowPlan>& dense_plan() const { return dense_plan_; }

  const v1::TableSpec spec;
  const ValueCodec pull;
  GradientEncoder encoder;
  KeptRows kept;
  // Of sparse tables; those that nobody else has are used again.
  std::vector<std::shared_ptr<RowPlan>> plans;

 private:
  std::optional<RowPlanner> planner_;
  std::shared_ptr<const RowPlan> dense_plan_;
};

}  // namespace paramd
