#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/wire/byte_reader.h"
#include "paramd/v1/parameter.pb.h"
#include "server/replica/backup_shard.h"

namespace paramd {

// Calls take(shard, operation) for every segment of a message of a replica stream, in order; what
// it gets is valid until it returns. `sparse`, `dim`: of the table. INVALID_ARGUMENT: the message
// makes no sense. The first error of `take` ends it.
absl::Status ForEachShardOperation(
    const v1::Header& header, ByteReader keys, ByteReader values, bool sparse, uint32_t dim,
    absl::FunctionRef<absl::Status(uint32_t shard, const ShardOperation& operation)> take);

}  // namespace paramd
