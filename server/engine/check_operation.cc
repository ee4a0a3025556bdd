#include "server/engine/check_operation.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

// Steps are counted one by one; a clock from here on comes from a broken client.
constexpr uint64_t kClockEnd = uint64_t{1} << 62;
// As does a gradient over more examples: sums of them and their product with values stay finite.
constexpr uint64_t kMaxExamples = uint64_t{1} << 32;

absl::Status CheckClock(const Operation& operation) {
  if (operation.examples > kMaxExamples) {
    return absl::InvalidArgumentError(
        absl::StrCat(operation.examples, " examples in one push cannot be"));
  }
  if (operation.clock < kClockEnd) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("clock ", operation.clock, " cannot be"));
}

absl::Status CheckLength(const char* what, uint64_t length, uint64_t expected) {
  if (length == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("lengths do not add up: ", length, " ", what, " instead of ", expected));
}

// Finds the shards of the segments and returns the number of rows.
absl::StatusOr<uint64_t> FindShards(const View& view, const Operation& operation,
                                    CheckedOperation* checked) {
  if (operation.table >= view.tables.size()) {
    return absl::NotFoundError(absl::StrCat("there is no table ", operation.table));
  }
  checked->table = view.tables[operation.table];
  checked->staleness = view.staleness[operation.table];
  const Table& table = *checked->table;
  checked->seen.assign(table.shards(), false);
  uint64_t rows = 0;
  for (const Segment& segment : operation.segments) {
    if (segment.shard >= table.shards()) {
      return absl::NotFoundError(absl::StrCat("table ", table.spec().name(), " has no shard ",
                                              segment.shard, ", it has ", table.shards()));
    }
    Shard* const shard = view.ServedShard(operation.table, segment.shard);
    if (shard == nullptr) {
      return absl::UnavailableError(absl::StrCat("table ", table.spec().name(), ": shard ",
                                                 segment.shard, " is not served here in epoch ",
                                                 view.epoch));
    }
    if (checked->seen[segment.shard]) {
      return absl::InvalidArgumentError(absl::StrCat("shard ", segment.shard, " comes twice"));
    }
    checked->seen[segment.shard] = true;
    checked->parts.push_back({.number = segment.shard,
                              .piece = segment.piece,
                              .shard = shard,
                              .rows = {.count = segment.rows, .first_row = segment.first_row}});
    rows += segment.rows;
  }
  return rows;
}

// Gives the parts their values. The limits have been kept.
absl::Status TakePartValues(const Operation& operation, CheckedOperation* checked) {
  ByteReader values = operation.values;
  for (ShardPart& part : checked->parts) {
    ASSIGN_OR_RETURN(part.values, TakeValues(operation.codec, part.shape(), &values));
  }
  if (values.remaining() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("lengths do not add up: ", values.remaining(), " bytes behind the last value"));
}

}  // namespace

absl::Status CheckSender(const View& view, const Operation& operation) {
  // Also of a server that has just begun: the client may be known by then.
  if (operation.epoch > view.epoch) {
    return absl::UnavailableError(absl::StrCat("the operation is for epoch ", operation.epoch,
                                               ", the shard map has epoch ", view.epoch));
  }
  if (!view.IsMember(operation.client, operation.incarnation)) {
    return absl::FailedPreconditionError(absl::StrCat("client ", operation.client, " (incarnation ",
                                                      operation.incarnation,
                                                      ") is not a member of the cluster"));
  }
  return absl::OkStatus();
}

absl::Status CheckControl(const Operation& operation) {
  if (!operation.segments.empty() || !operation.keys.empty() || operation.values.remaining() > 0) {
    return absl::InvalidArgumentError("only pulls and pushes have rows");
  }
  return CheckClock(operation);
}

absl::Status CheckRows(const View& view, const Operation& operation, const OperationLimits& limits,
                       CheckedOperation* checked) {
  checked->table = nullptr;
  checked->parts.clear();
  RETURN_IF_ERROR(CheckClock(operation));
  const bool push = operation.kind == OperationKind::kPush;
  if (push && operation.segments.empty()) return CheckControl(operation);
  if (!push && operation.codec == ValueCodec::kTopK) {
    return absl::InvalidArgumentError("top_k is for pushes");
  }
  ASSIGN_OR_RETURN(const uint64_t rows, FindShards(view, operation, checked));
  const uint64_t values = rows * checked->table->spec().dim();
  if (rows > limits.max_rows || values > limits.max_values) {
    return absl::InvalidArgumentError(absl::StrCat(rows, " rows, ", values, " values: at most ",
                                                   limits.max_rows, " rows and ", limits.max_values,
                                                   " values go into one operation"));
  }
  const bool sparse = checked->table->sparse();
  RETURN_IF_ERROR(CheckLength("keys", operation.keys.size(), sparse ? rows : 0));
  if (push) {
    RETURN_IF_ERROR(TakePartValues(operation, checked));
  } else {
    RETURN_IF_ERROR(CheckLength("bytes of values", operation.values.remaining(), 0));
  }
  checked->hashes.resize(operation.keys.size());
  uint64_t next_key = 0;
  for (ShardPart& part : checked->parts) {
    if (sparse) part.rows.keys = operation.keys.subspan(next_key, part.rows.count);
    RETURN_IF_ERROR(part.shard->CheckRows(&part.rows, checked->hashes.data() + next_key));
    next_key += part.rows.keys.size();
  }
  return absl::OkStatus();
}

}  // namespace paramd
