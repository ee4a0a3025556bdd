#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/wire/operation.h"
#include "server/engine/view.h"
#include "server/table/rows.h"
#include "server/table/table.h"

namespace paramd {

// Largest operation that is accepted; both can only be exceeded by a client that does not cut its
// operations.
struct OperationLimits {
  uint64_t max_rows = uint64_t{1} << 24;
  uint64_t max_values = uint64_t{1} << 28;  // rows x dim
};

// The part of an operation for one shard. Borrows the shard from its table, and the keys.
struct ShardPart {
  Shard* shard = nullptr;
  RowSet rows;
};

// A pull or push that a view allows. Keys and values are those of the operation.
struct CheckedOperation {
  // Shared, for the operation may outlast the view.
  std::shared_ptr<const Table> table;
  std::vector<ShardPart> parts;
  uint64_t values = 0;  // rows x dim of all parts
};

// Whether the operation's client is a member with this incarnation, and (for a pull, or a push that
// has segments) its epoch is the view's. FAILED_PRECONDITION.
absl::Status CheckSender(const View& view, const Operation& operation);

// That an ATTACH, ADVANCE or DETACH carries no rows and a clock that can be. INVALID_ARGUMENT.
absl::Status CheckControl(const Operation& operation);

// Everything else about a pull or push. Takes no lock and changes nothing.
// NOT_FOUND: no such table, or a shard that lives elsewhere. INVALID_ARGUMENT: a shard twice, rows
// outside of their shard, lengths that do not add up, keys that are not strictly ascending or
// belong to another shard, a value that is not finite, a clock that cannot be, more rows or values
// than the limits.
absl::StatusOr<CheckedOperation> CheckRows(const View& view, const Operation& operation,
                                           const OperationLimits& limits);

}  // namespace paramd
