#include "server/engine/check_operation.h"

#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

// Steps are counted one by one; a clock from here on comes from a broken client.
constexpr uint64_t kClockEnd = uint64_t{1} << 62;

absl::Status CheckClock(const Operation& operation) {
  if (operation.clock < kClockEnd) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("clock ", operation.clock, " cannot be"));
}

absl::Status CheckLength(const char* what, uint64_t length, uint64_t expected) {
  if (length == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("lengths do not add up: ", length, " ", what, " instead of ", expected));
}

// An exponent of all ones is infinite or NaN. One pass without branches, for the vector unit.
bool AllFinite(absl::Span<const float> values) {
  uint32_t bad = 0;
  for (const float value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    bad |= (bits & 0x7f800000) == 0x7f800000;
  }
  return bad == 0;
}

// Finds the shards and the rows' number; keys are left out.
absl::StatusOr<CheckedOperation> FindShards(const View& view, const Operation& operation) {
  if (operation.table >= view.tables.size()) {
    return absl::NotFoundError(absl::StrCat("there is no table ", operation.table));
  }
  CheckedOperation checked = {.table = view.tables[operation.table]};
  checked.parts.reserve(operation.segments.size());
  std::vector<bool> seen(checked.table->shards());
  for (const Segment& segment : operation.segments) {
    if (segment.shard >= checked.table->shards() ||
        checked.table->shard(segment.shard) == nullptr) {
      return absl::NotFoundError(absl::StrCat("table ", checked.table->spec().name(), ": shard ",
                                              segment.shard, " is not here"));
    }
    if (seen[segment.shard]) {
      return absl::InvalidArgumentError(absl::StrCat("shard ", segment.shard, " comes twice"));
    }
    seen[segment.shard] = true;
    checked.parts.push_back({.shard = checked.table->shard(segment.shard),
                             .rows = {.count = segment.rows, .first_row = segment.first_row}});
    checked.values += uint64_t{segment.rows};
  }
  return checked;
}

}  // namespace

absl::Status CheckSender(const View& view, const Operation& operation) {
  if (!view.IsMember(operation.client, operation.incarnation)) {
    return absl::FailedPreconditionError(absl::StrCat("client ", operation.client, " (incarnation ",
                                                      operation.incarnation,
                                                      ") is not a member of the cluster"));
  }
  const bool has_epoch = operation.kind == OperationKind::kPull ||
                         (operation.kind == OperationKind::kPush && !operation.segments.empty());
  if (has_epoch && operation.epoch != view.epoch) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the operation is for epoch ", operation.epoch, ", the shard map has epoch ", view.epoch));
  }
  return absl::OkStatus();
}

absl::Status CheckControl(const Operation& operation) {
  if (!operation.segments.empty() || !operation.keys.empty() || !operation.values.empty()) {
    return absl::InvalidArgumentError("only pulls and pushes have rows");
  }
  return CheckClock(operation);
}

absl::StatusOr<CheckedOperation> CheckRows(const View& view, const Operation& operation,
                                           const OperationLimits& limits) {
  RETURN_IF_ERROR(CheckClock(operation));
  const bool push = operation.kind == OperationKind::kPush;
  if (push && operation.segments.empty()) {
    RETURN_IF_ERROR(CheckControl(operation));
    return CheckedOperation();
  }
  ASSIGN_OR_RETURN(CheckedOperation checked, FindShards(view, operation));
  const uint64_t rows = checked.values;
  checked.values *= checked.table->spec().dim();
  if (rows > limits.max_rows || checked.values > limits.max_values) {
    return absl::InvalidArgumentError(
        absl::StrCat(rows, " rows, ", checked.values, " values: at most ", limits.max_rows,
                     " rows and ", limits.max_values, " values go into one operation"));
  }
  RETURN_IF_ERROR(CheckLength("keys", operation.keys.size(), checked.table->sparse() ? rows : 0));
  RETURN_IF_ERROR(CheckLength("values", operation.values.size(), push ? checked.values : 0));
  uint64_t next_key = 0;
  for (ShardPart& part : checked.parts) {
    if (checked.table->sparse()) {
      part.rows.keys = operation.keys.subspan(next_key, part.rows.count);
      next_key += part.rows.count;
    }
    RETURN_IF_ERROR(part.shard->CheckRows(part.rows));
  }
  if (!AllFinite(operation.values)) {
    return absl::InvalidArgumentError("a gradient is NaN or infinite");
  }
  return checked;
}

}  // namespace paramd
