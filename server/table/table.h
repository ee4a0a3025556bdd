#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "paramd/v1/coordinator.pb.h"
#include "server/table/shard.h"

namespace paramd {

// The part of a table that lives on one server. Immutable, but for what its shards hold;
// thread-safe.
class Table {
 public:
  // `here`: for every shard of the table whether it lives on this server. Shards that `previous`
  // (may be null; the same table under an earlier shard map) has are shared with it, others begin
  // with initial values.
  // INVALID_ARGUMENT: the spec makes no sense, or differs from previous' in anything but how
  // pulls wait under asp and ssp.
  // RESOURCE_EXHAUSTED: no memory for the shards.
  static absl::StatusOr<std::shared_ptr<const Table>> Create(const v1::TableSpec& spec,
                                                             const std::vector<bool>& here,
                                                             const Table* previous);

  const v1::TableSpec& spec() const { return spec_; }
  bool sparse() const { return spec_.kind() == v1::TableSpec::SPARSE; }
  bool synchronous() const { return spec_.consistency().mode() == v1::Consistency::BSP; }

  // Number of shards of the table on all servers.
  uint32_t shards() const { return static_cast<uint32_t>(shards_.size()); }

  // Null when the shard lives elsewhere. `shard` < shards().
  Shard* shard(uint32_t shard) const { return shards_[shard].get(); }
  const std::shared_ptr<Shard>& shared_shard(uint32_t shard) const { return shards_[shard]; }

  // Gives the rows that live here saved values, as Shard::Load does. `values`: float32[rows][dim].
  // Sparse: of `keys`, strictly ascending; dense: of every row of the table, `keys` is empty.
  void Load(absl::Span<const uint64_t> keys, absl::Span<const float> values) const;

  // Sum over the shards here, and of those that serve clients.
  ShardSize Size() const;
  ShardSize ServedSize() const;

 private:
  Table() = default;
  void LoadSparse(absl::Span<const uint64_t> keys, absl::Span<const float> values) const;

  v1::TableSpec spec_;
  // Shared with the versions of this table under other shard maps, which operations that began
  // under those still use.
  std::shared_ptr<const Optimizer> optimizer_;
  std::vector<std::shared_ptr<Shard>> shards_;
};

}  // namespace paramd
