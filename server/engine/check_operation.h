#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "common/wire/byte_reader.h"
#include "common/wire/operation.h"
#include "common/wire/value_codec.h"
#include "server/consistency/staleness_histogram.h"
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

// The part of an operation for one shard. Borrows the shard from its table, and the operation's
// keys and values.
struct ShardPart {
  uint32_t number = 0;
  uint32_t piece = 0;  // as Segment's
  Shard* shard = nullptr;
  RowSet rows;
  ByteReader values;  // push: its gradients, which can be decoded

  ValueShape shape() const {
    return {.rows = static_cast<uint32_t>(rows.count), .dim = shard->dim()};
  }
};

// A pull or push that a view allows. Keys and values are those of the operation. May be moved, but
// not copied.
struct CheckedOperation {
  // Shared, for the operation may outlast the view.
  std::shared_ptr<const Table> table;
  std::shared_ptr<TableStaleness> staleness;  // of the table
  std::vector<ShardPart> parts;
  std::vector<uint64_t> hashes;  // of all keys; the parts borrow them
  std::vector<bool> seen;        // shards, while it is checked
};

// Whether the operation's client is a member with this incarnation: FAILED_PRECONDITION.
// UNAVAILABLE: the operation is of a shard map that this server does not know yet.
absl::Status CheckSender(const View& view, const Operation& operation);

// That an ATTACH, ADVANCE or DETACH carries no rows and a clock that can be. INVALID_ARGUMENT.
absl::Status CheckControl(const Operation& operation);

// Everything else about a pull or push; replaces the content of `checked`, whose memory is used
// again. Takes no lock and changes nothing.
// NOT_FOUND: no such table or shard. UNAVAILABLE: this server is not a shard's primary.
// INVALID_ARGUMENT: a shard twice, rows
// outside of their shard, lengths that do not add up, keys that are not strictly ascending or
// belong to another shard, values that cannot be decoded or are not finite, a clock that cannot be,
// more rows or values than the limits.
absl::Status CheckRows(const View& view, const Operation& operation, const OperationLimits& limits,
                       CheckedOperation* checked);

}  // namespace paramd
