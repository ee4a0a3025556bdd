// The part of CoordinatorCore that describes the cluster.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "server/coordinator/core.h"

namespace paramd {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

uint64_t FastestClock(const std::deque<Member>& members) {
  uint64_t fastest = 0;
  for (const Member& member : members) {
    if (member.live()) fastest = std::max(fastest, member.worker_report.clock());
  }
  return fastest;
}

v1::MemberStatus Describe(const Member& member, absl::Duration now, uint64_t fastest) {
  v1::MemberStatus status;
  status.set_id(member.record.id());
  status.set_name(member.record.name());
  status.set_address(member.record.address());
  status.set_host(member.record.host());
  status.set_pid(member.record.pid());
  status.set_state(member.state);
  status.set_draining(member.record.draining() && member.live());
  status.set_heartbeat_age_seconds(std::max(0.0, absl::ToDoubleSeconds(now - member.last_heard)));
  if (member.record.role() == v1::WORKER) {
    *status.mutable_worker() = member.worker_report;
    if (member.live()) status.set_behind(fastest - std::min(fastest, member.worker_report.clock()));
  } else {
    *status.mutable_server() = member.server_report;
    // For the coordinator.
    status.mutable_server()->clear_shards();
  }
  return status;
}

using Counts = google::protobuf::RepeatedField<uint64_t>;

void AddCounts(const Counts& counts, Counts* sums) {
  if (sums->size() < counts.size()) sums->Resize(counts.size(), 0);
  for (int i = 0; i < counts.size(); ++i) *sums->Mutable(i) += counts.Get(i);
}

// Rows, bytes and staleness of every table over all servers.
void AddTables(const v1::ShardMap& shard_map, const std::deque<Member>& members,
               v1::ClusterStatus* status) {
  for (const v1::TablePlacement& placement : shard_map.tables()) {
    v1::TableStatus& table = *status->add_tables();
    table.set_name(placement.spec().name());
    table.set_kind(placement.spec().kind());
    table.set_dim(placement.spec().dim());
    table.set_shards(placement.shard_servers_size());
    *table.mutable_consistency() = placement.spec().consistency();
    *table.mutable_optimizer() = placement.spec().optimizer();
    table.set_consistency_from(placement.spec().consistency_from());
  }
  for (const Member& member : members) {
    if (!member.live()) continue;
    for (const v1::TableReport& report : member.server_report.tables()) {
      if (report.table() >= static_cast<uint32_t>(status->tables_size())) continue;
      v1::TableStatus& table = *status->mutable_tables(report.table());
      table.set_rows(table.rows() + report.rows());
      table.set_bytes(table.bytes() + report.bytes());
      AddCounts(report.push_staleness(), table.mutable_push_staleness());
      AddCounts(report.pull_staleness(), table.mutable_pull_staleness());
      table.set_waited_seconds(std::max(table.waited_seconds(), report.waited_seconds()));
    }
  }
}

void AddShardCounts(const v1::ShardMap& shard_map, v1::ClusterStatus* status) {
  std::map<uint32_t, uint32_t> shards, backups;
  for (const v1::TablePlacement& table : shard_map.tables()) {
    for (const uint32_t server : table.shard_servers()) ++shards[server];
    for (const v1::ShardBackups& shard : table.backups()) {
      for (const v1::ShardBackup& backup : shard.backups()) ++backups[backup.server()];
    }
  }
  for (v1::MemberStatus& server : *status->mutable_servers()) {
    const uint32_t backup = backups[server.id()];
    server.set_shards(shards[server.id()] + backup);
    server.set_backup_shards(backup);
  }
}

void AddWaiting(const v1::ShardMap& shard_map, const std::deque<Member>& members,
                v1::ClusterStatus* status) {
  std::map<uint32_t, std::string> names;
  for (const Member& member : members) {
    if (member.record.role() == v1::WORKER) names[member.record.id()] = member.record.name();
  }
  for (const Member& member : members) {
    if (!member.live()) continue;
    for (const v1::WaitingPull& pull : member.server_report.waiting()) {
      if (pull.table() >= static_cast<uint32_t>(shard_map.tables_size())) continue;
      status->add_waiting(absl::StrCat(names[pull.client()], " at clock ", pull.clock(),
                                       " waits for ", names[pull.waits_for_client()], " at clock ",
                                       pull.waits_for_clock(), ", table ",
                                       shard_map.tables(pull.table()).spec().name()));
    }
  }
  std::sort(status->mutable_waiting()->begin(), status->mutable_waiting()->end());
  const auto end =
      std::unique(status->mutable_waiting()->begin(), status->mutable_waiting()->end());
  status->mutable_waiting()->erase(end, status->mutable_waiting()->end());
}

}  // namespace

v1::ClusterStatus CoordinatorCore::Status(absl::Duration now) const {
  v1::ClusterStatus status;
  status.set_cluster(config_.cluster().name());
  status.set_epoch(shard_map_.epoch());
  status.set_view_version(view_version_);
  const uint64_t fastest = FastestClock(membership_.members());
  const bool training = job_.phase() == v1::TRAINING;
  size_t live_workers = 0;
  double rate = 0;
  double loss_weight = 0;
  double loss = 0;
  for (const Member& member : membership_.members()) {
    const bool is_worker = member.record.role() == v1::WORKER;
    *(is_worker ? status.add_workers() : status.add_servers()) = Describe(member, now, fastest);
    const bool lost = member.state == v1::MemberStatus::LOST;
    if (!finished() && (lost || member.state == v1::MemberStatus::DISCONNECTED)) {
      status.add_problems(absl::StrCat(member.Describe(),
                                       lost ? " is lost: its lease is over" : " is disconnected"));
    }
    for (const std::string& problem : member.server_report.problems()) {
      if (member.live()) status.add_problems(absl::StrCat(member.Describe(), ": ", problem));
    }
    if (!is_worker || !member.live()) continue;
    if (training) {
      status.mutable_workers(status.workers_size() - 1)
          ->set_straggler(stragglers_.Why(member.record.id()));
    }
    ++live_workers;
    const double worker_rate = member.worker_report.examples_per_second();
    rate += worker_rate;
    if (!std::isnan(member.worker_report.recent_loss()) && worker_rate > 0) {
      loss += member.worker_report.recent_loss() * worker_rate;
      loss_weight += worker_rate;
    }
  }
  AddTables(shard_map_, membership_.members(), &status);
  AddShardCounts(shard_map_, &status);
  AddWaiting(shard_map_, membership_.members(), &status);
  AddReplicas(&status);
  AddCheckpoint(now, &status);

  v1::JobStatus& job = *status.mutable_job();
  job = job_;
  const absl::Duration uncounted = now - counted_until_;
  const bool running = job_.state() == v1::RUNNING;
  const double training_seconds =
      absl::ToDoubleSeconds(training_time_ + (training ? uncounted : absl::ZeroDuration()));
  const bool in_partitions = training || job_.phase() == v1::MEASURING;
  job.set_partitions(in_partitions ? work_.Of(job_.epoch()).items : 0);
  job.set_partitions_done(in_partitions ? work_.Of(job_.epoch()).completed : 0);
  job.set_examples(ExamplesSoFar());
  job.set_progress(job_.state() == v1::SUCCEEDED ? 1 : Progress());
  job.set_seconds(
      absl::ToDoubleSeconds(running_time_ + (running ? uncounted : absl::ZeroDuration())));
  job.set_eta_seconds(running && job.progress() > 0
                          ? training_seconds * (1 - job.progress()) / job.progress()
                          : kUnknown);
  job.set_examples_per_second(training ? rate
                              : training_seconds > 0
                                  ? static_cast<double>(job.examples()) / training_seconds
                                  : 0);
  const v1::Training& settings = config_.training();
  if (settings.patience() > 0 || settings.keep_best()) {
    job.set_best_evaluation(control_.state().best());
  }
  job.set_loss(loss_weight > 0 ? loss / loss_weight : kUnknown);

  if (job_.state() == v1::FAILED)
    status.add_problems(absl::StrCat("the job failed: ", job_.message()));
  if (job_.state() == v1::RUNNING && live_workers == 0) {
    status.add_problems("no worker is alive; the job waits for one to join");
  }
  return status;
}

}  // namespace paramd
