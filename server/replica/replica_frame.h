#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "common/base/buffer.h"
#include "common/wire/byte_reader.h"
#include "common/wire/operation.h"
#include "paramd/v1/parameter.pb.h"
#include "server/table/rows.h"
#include "server/table/shard.h"
#include "server/table/shard_state.h"

namespace paramd {

// One message of a replica stream (replica.proto) on its way out. May be sent several times.
struct ReplicaFrame {
  v1::Header header;
  Buffer keys;  // as header.key_codec says
  // In pieces, which `owner` keeps where they are.
  absl::InlinedVector<ByteReader::Piece, 2> values;
  std::shared_ptr<const void> owner;

  size_t bytes() const;
};

// What a primary did to one of its shards with a push.
struct PushedPart {
  uint32_t shard = 0;
  uint32_t piece = 0;  // of the step's pushes to it
  RowSet rows;
  ByteReader values;  // as operation.codec says
  const Applied* applied = nullptr;
};

// A push that was applied to these shards. The values are referred to where operation.owner keeps
// them, or copied when it does not.
ReplicaFrame PushFrame(const Operation& operation, uint64_t delay,
                       absl::Span<const PushedPart> parts);

// A synchronous step that was closed; takes its sum.
ReplicaFrame CloseFrame(uint32_t table, uint32_t shard, uint64_t step, uint64_t examples,
                        const ClosedStep& closed);

// Rows that a client has pulled, and that it is forgotten.
ReplicaFrame PulledFrame(const Operation& operation, uint32_t shard, const RowSet& rows,
                         uint64_t index);
ReplicaFrame ForgetFrame(uint32_t table, uint32_t shard, uint32_t client, uint64_t index);

// A shard, or what has changed of it, in messages of about `bytes` bytes.
std::vector<ReplicaFrame> SnapshotFrames(uint32_t table, uint32_t shard, uint32_t dim, bool sparse,
                                         const ShardState& state, size_t bytes = 1 << 20);

}  // namespace paramd
