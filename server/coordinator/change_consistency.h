#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "paramd/v1/admin.pb.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// The table that `request` names, as it is under `shard_map` but with the consistency that the
// request asks for, from clock `from` on. Modes asp and ssp can be changed into one another. Pure.
// NOT_FOUND: no such table. FAILED_PRECONDITION: its mode cannot be changed. INVALID_ARGUMENT: a
// value that cannot be, or does not go with the table's other settings.
absl::StatusOr<v1::TableSpec> ChangeConsistency(const v1::TableDeclaration& declared,
                                                const v1::Config& config,
                                                const v1::ShardMap& shard_map,
                                                const v1::SetTableRequest& request, uint64_t from);

// The shard map when tables whose staleness is auto have the bound `steps`, or what of their limits
// is nearest to it, from clock `from` on. Pure.
v1::ShardMap WithBound(const v1::TableDeclaration& declared, const v1::Config& config,
                       v1::ShardMap shard_map, uint32_t steps, uint64_t from);

}  // namespace paramd
