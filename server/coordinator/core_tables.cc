// The part of CoordinatorCore that changes tables of a running job.

#include <algorithm>

#include "server/coordinator/change_consistency.h"
#include "server/coordinator/core.h"

namespace paramd {

absl::StatusOr<v1::SetTableReply> CoordinatorCore::SetTable(const v1::SetTableRequest& request,
                                                            Actions* actions) {
  if (job_.state() != v1::RUNNING) {
    return absl::FailedPreconditionError("no job is running whose tables could be changed");
  }
  // The next step of the slowest worker is the first that nobody has begun under the old rule and
  // finished under the new one.
  uint64_t slowest = UINT64_MAX;
  for (const Member* worker : membership_.Live(v1::WORKER)) {
    if (!worker->record.idle()) slowest = std::min(slowest, worker->worker_report.clock());
  }
  const uint64_t from = slowest == UINT64_MAX ? 0 : slowest + 1;
  absl::StatusOr<v1::TableSpec> spec =
      ChangeConsistency(declared_, config_, shard_map_, request, from);
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

}  // namespace paramd
