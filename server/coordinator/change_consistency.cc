#include "server/coordinator/change_consistency.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "server/consistency/policy.h"
#include "server/coordinator/table_policies.h"

namespace paramd {
namespace {

// As v1::Consistency says of staleness and staleness_max.
constexpr uint32_t kMaxStaleness = 1000000;
constexpr uint32_t kDefaultStaleness = 4;
constexpr uint32_t kDefaultStalenessMax = 32;

bool CanBeChanged(v1::Consistency::Mode mode) {
  return mode == v1::Consistency::ASP || mode == v1::Consistency::SSP;
}

std::string NameOf(v1::Consistency::Mode mode) {
  return absl::AsciiStrToLower(v1::Consistency::Mode_Name(mode));
}

absl::StatusOr<v1::Consistency> Changed(const v1::TableSpec& spec,
                                        const v1::SetTableRequest& request) {
  v1::Consistency consistency = spec.consistency();
  if (!CanBeChanged(consistency.mode())) {
    return absl::FailedPreconditionError(
        absl::StrCat("table ", spec.name(), " has consistency.mode ", NameOf(consistency.mode()),
                     ", which cannot be changed while a job runs; asp and ssp can"));
  }
  if (request.mode() != v1::Consistency::MODE_UNSPECIFIED) {
    if (!CanBeChanged(request.mode())) {
      return absl::InvalidArgumentError(
          absl::StrCat("consistency.mode: a running job can go over to asp and ssp, not to ",
                       NameOf(request.mode())));
    }
    if (consistency.mode() == v1::Consistency::ASP && request.mode() == v1::Consistency::SSP) {
      consistency.mutable_staleness()->set_steps(kDefaultStaleness);
      consistency.set_staleness_max(kDefaultStalenessMax);
    }
    consistency.set_mode(request.mode());
  }
  if (!request.has_staleness()) return consistency;
  if (consistency.mode() != v1::Consistency::SSP) {
    return absl::InvalidArgumentError(
        absl::StrCat("consistency.staleness: is for mode ssp, and table ", spec.name(), " has ",
                     NameOf(consistency.mode()), "; set consistency.mode=ssp too"));
  }
  if (request.staleness().auto_()) {
    // From what it is now.
    consistency.mutable_staleness()->set_auto_(true);
    consistency.mutable_staleness()->set_steps(
        WithinLimits(consistency, consistency.staleness().steps()));
    return consistency;
  }
  if (request.staleness().steps() > kMaxStaleness) {
    return absl::InvalidArgumentError(absl::StrCat("consistency.staleness: wants 0 to ",
                                                   kMaxStaleness, ", not ",
                                                   request.staleness().steps()));
  }
  *consistency.mutable_staleness() = request.staleness();
  return consistency;
}

// The configuration as if every table had been given the consistency that it has now.
v1::Config WithTables(v1::Config config, const v1::ShardMap& shard_map) {
  for (const v1::TablePlacement& placement : shard_map.tables()) {
    const v1::TableSpec& spec = placement.spec();
    auto* const tables = config.mutable_tables();
    auto table = std::find_if(tables->begin(), tables->end(),
                              [&](const v1::Table& t) { return t.name() == spec.name(); });
    v1::Table& own = table == tables->end() ? *tables->Add() : *table;
    own.set_name(spec.name());
    *own.mutable_consistency() = spec.consistency();
  }
  return config;
}

// The table with another consistency from clock `from` on; before that what held so far.
v1::TableSpec WithConsistency(v1::TableSpec spec, const v1::Consistency& consistency,
                              uint64_t from) {
  // Of a change that has not taken effect yet nothing is left.
  if (from > spec.consistency_from()) *spec.mutable_consistency_before() = spec.consistency();
  *spec.mutable_consistency() = consistency;
  spec.set_consistency_from(from);
  return spec;
}

}  // namespace

absl::StatusOr<v1::TableSpec> ChangeConsistency(const v1::TableDeclaration& declared,
                                                const v1::Config& config,
                                                const v1::ShardMap& shard_map,
                                                const v1::SetTableRequest& request, uint64_t from) {
  v1::ShardMap changed = shard_map;
  auto* const tables = changed.mutable_tables();
  const auto found = std::find_if(tables->begin(), tables->end(), [&](const auto& table) {
    return table.spec().name() == request.table();
  });
  if (found == tables->end()) {
    return absl::NotFoundError(
        absl::StrCat("there is no table '", request.table(), "'; there are ",
                     absl::StrJoin(changed.tables(), ", ", [](std::string* out, const auto& table) {
                       out->append(table.spec().name());
                     })));
  }
  v1::TableSpec& spec = *found->mutable_spec();
  ASSIGN_OR_RETURN(const v1::Consistency consistency, Changed(spec, request));
  spec = WithConsistency(std::move(spec), consistency, from);
  ASSIGN_OR_RETURN(const std::vector<v1::TableSpec> specs,
                   WithPolicies(declared, WithTables(config, changed)));
  *spec.mutable_pull() = specs[found - tables->begin()].pull();
  return spec;
}

v1::ShardMap WithBound(const v1::TableDeclaration& declared, const v1::Config& config,
                       v1::ShardMap shard_map, uint32_t steps, uint64_t from) {
  for (v1::TablePlacement& table : *shard_map.mutable_tables()) {
    v1::Consistency consistency = table.spec().consistency();
    const uint32_t within = WithinLimits(consistency, steps);
    if (!HasAutoStaleness(consistency) || within == consistency.staleness().steps()) continue;
    consistency.mutable_staleness()->set_steps(within);
    *table.mutable_spec() = WithConsistency(table.spec(), consistency, from);
  }
  // What suits one bound suits every other.
  const absl::StatusOr<std::vector<v1::TableSpec>> specs =
      WithPolicies(declared, WithTables(config, shard_map));
  for (size_t i = 0; specs.ok() && i < specs->size(); ++i) {
    v1::TableSpec& spec = *shard_map.mutable_tables(static_cast<int>(i))->mutable_spec();
    if (HasAutoStaleness(spec.consistency())) *spec.mutable_pull() = (*specs)[i].pull();
  }
  return shard_map;
}

}  // namespace paramd
