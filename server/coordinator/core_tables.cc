// The part of CoordinatorCore that changes tables of a running job.

#include <algorithm>

#include "server/consistency/policy.h"
#include "server/coordinator/change_consistency.h"
#include "server/coordinator/core.h"

namespace paramd {
namespace {

constexpr int kMostChoices = 100;

}  // namespace

absl::StatusOr<v1::SetTableReply> CoordinatorCore::SetTable(const v1::SetTableRequest& request,
                                                            Actions* actions) {
  if (job_.state() != v1::RUNNING) {
    return absl::FailedPreconditionError("no job is running whose tables could be changed");
  }
  absl::StatusOr<v1::TableSpec> spec =
      ChangeConsistency(declared_, config_, shard_map_, request, NextClock());
  if (!spec.ok()) return spec.status();
  for (v1::TablePlacement& table : *shard_map_.mutable_tables()) {
    if (table.spec().name() == spec->name()) *table.mutable_spec() = *spec;
  }
  BroadcastView();
  *actions = TakeActions();
  v1::SetTableReply reply;
  *reply.mutable_consistency() = spec->consistency();
  reply.set_from(spec->consistency_from());
  reply.set_view_version(view_version_);
  return reply;
}

uint64_t CoordinatorCore::NextClock() {
  uint64_t slowest = UINT64_MAX;
  for (const Member* worker : membership_.Live(v1::WORKER)) {
    if (!worker->record.idle()) slowest = std::min(slowest, worker->worker_report.clock());
  }
  return slowest == UINT64_MAX ? 0 : slowest + 1;
}

void CoordinatorCore::TuneStaleness(absl::Duration now) {
  const auto& tables = shard_map_.tables();
  if (std::none_of(tables.begin(), tables.end(), [](const auto& table) {
        return HasAutoStaleness(table.spec().consistency());
      })) {
    auto_staleness_.reset();
    return;
  }
  if (!auto_staleness_.has_value()) {
    auto_staleness_.emplace(shard_map_, config_);
  }
  std::optional<v1::StalenessChoice> choice =
      auto_staleness_->Look(shard_map_, membership_.members(), now);
  if (!choice.has_value()) return;
  shard_map_ = WithBound(declared_, config_, shard_map_, choice->steps(), NextClock());
  BroadcastView();
  choice->set_seconds(absl::ToDoubleSeconds(running_time_));
  *job_.add_staleness_choices() = *choice;
  if (job_.staleness_choices_size() > kMostChoices)
    job_.mutable_staleness_choices()->DeleteSubrange(0, 1);
  actions_.push_back(Record{*std::move(choice)});
}

}  // namespace paramd
