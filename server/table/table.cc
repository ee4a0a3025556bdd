#include "server/table/table.h"

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/routing/hash_keys.h"
#include "common/routing/shard_of.h"
#include "server/optimizer/create_optimizer.h"
#include "server/table/dense_shard.h"
#include "server/table/sparse_shard.h"

namespace paramd {
namespace {

absl::Status CheckSpec(const v1::TableSpec& spec, size_t shards) {
  const auto invalid = [&](const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat("table ", spec.name(), ": ", what...));
  };
  if (spec.name().empty()) return invalid("it has no name");
  if (spec.kind() != v1::TableSpec::DENSE && spec.kind() != v1::TableSpec::SPARSE) {
    return invalid("unknown kind ", static_cast<int>(spec.kind()));
  }
  if (spec.dim() == 0) return invalid("dim is 0");
  if (shards == 0) return invalid("it has no shards");
  if (shards > std::numeric_limits<uint32_t>::max()) return invalid("too many shards");
  const v1::Consistency::Mode mode = spec.consistency().mode();
  if (mode == v1::Consistency::MODE_UNSPECIFIED || !v1::Consistency::Mode_IsValid(mode)) {
    return invalid("unknown consistency mode ", static_cast<int>(mode));
  }
  if (spec.kind() == v1::TableSpec::SPARSE) {
    return spec.rows() == 0 ? absl::OkStatus() : invalid("a sparse table has a number of rows");
  }
  if (spec.rows() < shards) return invalid("more shards than rows");
  // Leaves room for the size in bytes, with state, in 64 bits.
  if (spec.rows() > (uint64_t{1} << 56) / spec.dim()) return invalid("too many rows");
  return absl::OkStatus();
}

// A shard's part of the rules of its table.
RowRules RulesOf(const v1::Rows& rows, uint32_t shards) {
  RowRules rules;
  rules.min_count = std::max(rows.min_count(), 1u);
  rules.sketch_bytes = rows.sketch() / shards;
  rules.ttl = rows.ttl();
  if (rows.max_rows() > 0) rules.max_rows = std::max<uint64_t>(rows.max_rows() / shards, 1);
  if (rows.decay_every() > 0) {
    rules.decay = rows.decay();
    rules.decay_every = rows.decay_every();
  }
  return rules;
}

// The spec without what may be changed on a running cluster: how pulls wait under asp and ssp.
std::string FixedPart(v1::TableSpec spec) {
  const v1::Consistency::Mode mode = spec.consistency().mode();
  if (mode == v1::Consistency::ASP || mode == v1::Consistency::SSP) {
    spec.clear_consistency();
    spec.clear_consistency_before();
    spec.clear_consistency_from();
    spec.mutable_pull()->clear_max_age();
  }
  return spec.SerializeAsString();
}

std::shared_ptr<Shard> MakeShard(const v1::TableSpec& spec, uint32_t shard, uint32_t shards,
                                 std::shared_ptr<const Optimizer> optimizer) {
  const Initializer initializer = {.seed = spec.seed(),
                                   .table = Initializer::HashOfName(spec.name()),
                                   .scale = static_cast<float>(spec.initial_scale())};
  if (spec.kind() == v1::TableSpec::SPARSE) {
    return std::make_shared<SparseShard>(shard, shards, spec.dim(), initializer,
                                         std::move(optimizer), RulesOf(spec.rows_kept(), shards));
  }
  return std::make_shared<DenseShard>(RowsOfShard(spec.rows(), shards, shard), spec.dim(),
                                      initializer, std::move(optimizer));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Table>> Table::Create(const v1::TableSpec& spec,
                                                           const std::vector<bool>& here,
                                                           const Table* previous) {
  RETURN_IF_ERROR(CheckSpec(spec, here.size()));
  if (previous != nullptr &&
      (previous->shards() != here.size() || FixedPart(previous->spec()) != FixedPart(spec))) {
    return absl::InvalidArgumentError(
        absl::StrCat("table ", spec.name(), ": it differs from table ", previous->spec().name(),
                     ", which has this index already"));
  }
  std::shared_ptr<Table> table(new Table);
  table->spec_ = spec;
  if (previous != nullptr) {
    table->optimizer_ = previous->optimizer_;
  } else {
    ASSIGN_OR_RETURN(table->optimizer_, CreateOptimizer(spec.optimizer()));
  }
  table->shards_.resize(here.size());
  const uint32_t shards = table->shards();
  try {
    for (uint32_t i = 0; i < shards; ++i) {
      if (!here[i]) continue;
      if (previous != nullptr) table->shards_[i] = previous->shards_[i];
      if (table->shards_[i]) continue;
      table->shards_[i] = MakeShard(spec, i, shards, table->optimizer_);
    }
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("table ", spec.name(), ": no memory"));
  } catch (const std::length_error&) {
    return absl::ResourceExhaustedError(absl::StrCat("table ", spec.name(), ": no memory"));
  }
  return table;
}

void Table::Load(absl::Span<const uint64_t> keys, absl::Span<const float> values) const {
  if (sparse()) return LoadSparse(keys, values);
  for (uint32_t i = 0; i < shards(); ++i) {
    if (!shards_[i]) continue;
    const RowRange range = RowsOfShard(spec_.rows(), shards(), i);
    shards_[i]->Load({.count = range.end - range.begin, .first_row = range.begin},
                     values.data() + range.begin * spec_.dim());
  }
}

void Table::LoadSparse(absl::Span<const uint64_t> keys, absl::Span<const float> values) const {
  std::vector<uint64_t> hashes(keys.size());
  HashKeys(keys, hashes.data());
  // What is of one shard.
  struct Part {
    std::vector<uint64_t> keys, hashes;
    std::vector<float> values;
  };
  std::vector<Part> parts(shards_.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const uint32_t shard = ShardOfHash(hashes[i], shards());
    if (!shards_[shard]) continue;
    parts[shard].keys.push_back(keys[i]);
    parts[shard].hashes.push_back(hashes[i]);
    const float* const row = values.data() + i * spec_.dim();
    parts[shard].values.insert(parts[shard].values.end(), row, row + spec_.dim());
  }
  for (uint32_t i = 0; i < shards(); ++i) {
    const Part& part = parts[i];
    if (part.keys.empty()) continue;
    shards_[i]->Load({.count = part.keys.size(), .keys = part.keys, .hashes = part.hashes},
                     part.values.data());
  }
}

ShardSize Table::Size() const {
  ShardSize total;
  for (const std::shared_ptr<Shard>& shard : shards_) {
    if (shard) total += shard->Size();
  }
  return total;
}

ShardSize Table::ServedSize() const {
  ShardSize total;
  for (const std::shared_ptr<Shard>& shard : shards_) {
    if (shard && shard->serving()) total += shard->Size();
  }
  return total;
}

}  // namespace paramd
