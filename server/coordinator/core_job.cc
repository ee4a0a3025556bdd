// The part of CoordinatorCore that leads the job through its phases.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/exit_code.h"
#include "common/base/random.h"
#include "common/config/uses_stripes.h"
#include "common/routing/shard_of.h"
#include "server/coordinator/column_scales.h"
#include "server/coordinator/core.h"
#include "server/coordinator/keep_at_most.h"
#include "server/coordinator/shard_planner.h"
#include "server/coordinator/table_policies.h"

namespace paramd {
namespace {

constexpr absl::Duration kHistoryInterval = absl::Seconds(1);

uint32_t ShardCount(const v1::TableSpec& spec, uint32_t wanted) {
  return spec.kind() == v1::TableSpec::DENSE ? DenseShardCount(spec.rows(), wanted) : wanted;
}

}  // namespace

void CoordinatorCore::Proceed(absl::Duration now) {
  if (finished()) return;
  if (job_.phase() == v1::WAITING_FOR_MEMBERS) TryStart(now);
  ProceedWithCheckpoint(now);
  if (job_.phase() == v1::SAVING && !saving_) return EndJob(now);
  // A phase may end at once, so go on until nothing changes.
  while (job_.phase() == v1::MEASURING || job_.phase() == v1::TRAINING ||
         job_.phase() == v1::EVALUATING) {
    SpendTime(now);
    const double max_seconds = config_.training().max_seconds();
    if (max_seconds > 0 && running_time_ >= absl::Seconds(max_seconds)) {
      if (job_.phase() == v1::MEASURING) {
        return Finish(v1::FAILED,
                      absl::StrCat("training.max_seconds of ", max_seconds,
                                   " were over before the columns were measured, which comes "
                                   "before training; give it more"),
                      kExitFailure, now);
      }
      StopTraining(absl::StrCat("training.max_seconds of ", max_seconds));
    }
    if (job_.phase() == v1::TRAINING) {
      if (running_time_ - charted_at_ >= kHistoryInterval) AddHistoryPoint(now);
      // Also what a worker that was lost has left.
      if (!job_.stopped().empty()) work_.RemovePending();
      ScheduleEvaluation();
      TuneStaleness(now);
      stragglers_.Look(membership_.members(), work_.Trainers(), now);
    }
    HandOutWork();
    StartAttached();
    if (!work_.Of(job_.epoch()).AllDone()) return;
    // Unless the next epoch is under way, the parameters have to come to rest.
    if (!HasBegun(job_.epoch() + 1) &&
        (work_.HasEvaluation() || saving_ || !AllWorkersIdle() || !ViewApplied())) {
      return;
    }
    if (job_.phase() == v1::MEASURING) {
      EndMeasuring(now);
    } else if (job_.phase() == v1::TRAINING) {
      EndEpoch(now);
    } else {
      AfterEvaluation(now);
    }
  }
}

void CoordinatorCore::EndJob(absl::Duration now) {
  if (config_.has_checkpoint() && config_.checkpoint().at_end() && !checkpoint_.final_ended) return;
  if (!checkpoint_.problem.empty() && config_.output().model().empty()) {
    // There is nothing else to show for it.
    Finish(v1::FAILED,
           absl::StrCat("training went well, but its last checkpoint was not written: ",
                        checkpoint_.problem),
           kExitFailure, now);
    return;
  }
  Finish(v1::SUCCEEDED, "", kExitDone, now);
}

void CoordinatorCore::TryStart(absl::Duration now) {
  std::vector<Member*> servers = membership_.Live(v1::SHARD_HOST);
  std::vector<Member*> workers = membership_.Live(v1::WORKER);
  std::erase_if(servers, [](const Member* server) { return server->connection == 0; });
  std::erase_if(workers, [](const Member* worker) {
    return !worker->record.idle() || worker->connection == 0;
  });
  if (declared_.tables().empty() || servers.size() < config_.cluster().servers() ||
      workers.size() < config_.cluster().workers().min()) {
    return;
  }
  absl::StatusOr<std::vector<v1::TableSpec>> specs = WithPolicies(declared_, config_);
  if (!specs.ok()) {
    Finish(v1::FAILED, std::string(specs.status().message()), kExitBadConfig, now);
    return;
  }
  if (const absl::Status status = CheckInitialModel(*specs); !status.ok()) {
    Finish(v1::FAILED, absl::StrCat("model.init: ", status.message()), kExitBadConfig, now);
    return;
  }
  const bool restored = restored_from_ > 0;
  std::vector<std::vector<uint32_t>> placement;
  for (size_t i = 0; i < specs->size(); ++i) {
    // A table keeps its number of shards.
    placement.emplace_back(
        restored
            ? static_cast<uint32_t>(shard_map_.tables(static_cast<int>(i)).shard_servers_size())
            : ShardCount((*specs)[i], config_.sharding().shards_per_table()),
        0);
  }
  std::vector<uint32_t> server_ids;
  // As random as they are.
  uint64_t job = 0;
  for (const Member* server : servers) {
    server_ids.push_back(server->record.id());
    job ^= Mix64(server->record.incarnation());
    AddServer(*server);
  }
  placement = PlanShards(placement, server_ids);
  for (size_t i = 0; i < specs->size(); ++i) {
    v1::TablePlacement& table =
        restored ? *shard_map_.mutable_tables(static_cast<int>(i)) : *shard_map_.add_tables();
    *table.mutable_spec() = (*specs)[i];
    table.clear_shard_servers();
    for (const uint32_t server : placement[i]) table.add_shard_servers(server);
  }
  PlaceMissingBackups(!restored);
  shard_map_.set_job(job | 1);
  if (!restored) {
    *shard_map_.mutable_data() = declared_.data();
    if (!config_.model().init().empty()) SetScales(init_->scales);
  }
  shard_map_.set_epoch(shard_map_.epoch() + 1);
  job_.set_state(v1::RUNNING);
  BroadcastView();
  for (Member* worker : membership_.Live(v1::WORKER)) worker->admit_version = view_version_;
  checkpoint_.last_begun = now;
  if (restored) return GoOnFromCheckpoint(now);
  if (WantsScales(config_.data()) && shard_map_.data().scales().empty()) {
    StartMeasuring(now);
    return;
  }
  ChangePhase(v1::TRAINING, now);
  StartEpoch(1);
}

void CoordinatorCore::HandOutWork() {
  for (Member* worker : membership_.Live(v1::WORKER)) {
    if (!worker->record.idle() || worker->connection == 0 || !Admitted(*worker)) continue;
    if (worker->record.draining()) continue;
    if (const auto grant = TakeWork(*worker)) {
      worker->record.set_idle(false);
      if (grant->kind == v1::WorkGrant::TRAIN) {
        worker->record.set_starting(v1::MemberRecord::ATTACHING);
      }
      ++revision_;
      SendGrant(*worker, *grant);
    }
  }
}

std::optional<WorkQueue::Grant> CoordinatorCore::TakeWork(const Member& worker) {
  const uint32_t next = job_.epoch() + 1;
  if (!work_.HasPending() && job_.phase() == v1::TRAINING && next <= config_.data().epochs() &&
      !HasBegun(next) && !UsesStripes(config_) && !EvaluationFollows() && job_.stopped().empty()) {
    AddEpoch(next);
  }
  if (LeavesWorkToOthers(worker)) return std::nullopt;
  auto grant = work_.Take(worker.record.id());
  if (!grant.has_value() && MayHelpOthers(worker)) {
    grant = work_.TakeAsWell(worker.record.id(),
                             [this](uint32_t other) { return !stragglers_.Why(other).empty(); });
  }
  if (grant.has_value() && grant->kind == v1::WorkGrant::TRAIN) {
    const v1::PartitionPosition* const position = PositionOf(*grant);
    leases_.Grant(*grant, worker.record, position == nullptr ? 0 : position->batches());
  }
  return grant;
}

bool CoordinatorCore::LeavesWorkToOthers(const Member& worker) {
  if (job_.phase() != v1::TRAINING || UsesStripes(config_) || work_.HasEvaluation() ||
      stragglers_.Why(worker.record.id()).empty()) {
    return false;
  }
  const std::vector<Member*> workers = membership_.Live(v1::WORKER);
  const auto faster = std::count_if(workers.begin(), workers.end(), [&](const Member* other) {
    return other->connection != 0 && stragglers_.Why(other->record.id()).empty();
  });
  // Each of those soon asks for one.
  return work_.Pending() <= static_cast<size_t>(faster);
}

bool CoordinatorCore::MayHelpOthers(const Member& worker) const {
  return config_.training().straggler().backup() && job_.phase() == v1::TRAINING &&
         job_.stopped().empty() && !work_.HasEvaluation() &&
         stragglers_.Why(worker.record.id()).empty();
}

void CoordinatorCore::StartAttached() {
  const std::vector<Member*> workers = membership_.Live(v1::WORKER);
  for (const Member* worker : workers) {
    if (worker->record.starting() == v1::MemberRecord::ATTACHING) return;
  }
  for (Member* worker : workers) {
    if (worker->record.starting() != v1::MemberRecord::ATTACHED) continue;
    worker->record.set_starting(v1::MemberRecord::NOT_STARTING);
    ++revision_;
    SendStart(*worker);
  }
}

bool CoordinatorCore::HasBegun(uint32_t epoch) const { return work_.Of(epoch).items > 0; }

bool CoordinatorCore::IsLastEpoch() const {
  return job_.stopped().empty() ? job_.epoch() >= config_.data().epochs()
                                : !HasBegun(job_.epoch() + 1);
}

bool CoordinatorCore::EvaluationFollows() const {
  const uint32_t every = config_.data().eval_every();
  return !eval_.empty() && (IsLastEpoch() || (every > 0 && job_.epoch() % every == 0));
}

void CoordinatorCore::ScheduleEvaluation() {
  if (eval_.empty() || saving_ || work_.HasEvaluation() || !job_.stopped().empty()) return;
  if (work_.Of(job_.epoch()).AllDone() && EvaluationFollows()) return;
  if (!control_.TakeEvaluation(ExamplesSoFar())) return;
  work_.AddEvaluation(job_.epoch());
  ++revision_;
}

void CoordinatorCore::StopTraining(const std::string& why) {
  if (!job_.stopped().empty()) return;
  job_.set_stopped(why);
  ++revision_;
  for (const Member* worker : membership_.Live(v1::WORKER)) SendStopTraining(*worker);
}

void CoordinatorCore::SendStopTraining(const Member& worker) {
  v1::CoordinatorMessage stop;
  stop.mutable_stop_training();
  SendTo(worker, std::move(stop));
}

void CoordinatorCore::StartEpoch(uint32_t epoch) {
  job_.set_epoch(epoch);
  if (!HasBegun(epoch)) AddEpoch(epoch);
  ++revision_;
}

void CoordinatorCore::AddEpoch(uint32_t epoch) {
  const uint64_t seed =
      config_.data().shuffle() ? CounterRandom(config_.model().seed(), epoch, 0) | 1 : 0;
  // A stripe for every worker that can begin now.
  const std::vector<Member*> workers = membership_.Live(v1::WORKER);
  const auto ready = std::count_if(workers.begin(), workers.end(), [](const Member* worker) {
    return worker->record.idle() && worker->connection != 0;
  });
  const size_t items = UsesStripes(config_) ? std::max<size_t>(ready, 1) : train_.size();
  work_.Add(epoch, static_cast<uint32_t>(items), UsesStripes(config_) ? 0 : seed);
}

void CoordinatorCore::EndEpoch(absl::Duration now) {
  const WorkQueue::Totals totals = work_.Of(job_.epoch());
  finished_records_ += totals.records;
  job_.set_bad_records(job_.bad_records() + totals.bad_records);
  work_.Remove(job_.epoch());
  if (!RecordsAreGood(totals, now)) return;
  if (EvaluationFollows()) {
    ChangePhase(v1::EVALUATING, now);
    work_.AddEvaluation(job_.epoch());
    return;
  }
  AfterEvaluation(now);
}

bool CoordinatorCore::RecordsAreGood(const WorkQueue::Totals& pass, absl::Duration now) {
  const uint64_t records = pass.records, bad = pass.bad_records;
  const double allowed = config_.data().on_bad_record().max_fraction();
  if (bad > 0 && static_cast<double>(bad) > allowed * static_cast<double>(records + bad)) {
    Finish(v1::FAILED,
           absl::StrCat(bad, " of ", records + bad, " records are bad, more than ",
                        "data.on_bad_record.max_fraction = ", allowed,
                        " allows: ", absl::StrJoin(bad_record_examples_, "; ")),
           kExitBadData, now);
    return false;
  }
  if (records == 0 && job_.stopped().empty()) {
    Finish(v1::FAILED, "the training files hold no record", kExitBadData, now);
    return false;
  }
  return true;
}

void CoordinatorCore::AfterEvaluation(absl::Duration now) {
  if (!IsLastEpoch()) {
    ChangePhase(v1::TRAINING, now);
    StartEpoch(job_.epoch() + 1);
    return;
  }
  ChangePhase(v1::SAVING, now);
  if (config_.output().model().empty()) return EndJob(now);
  saving_ = true;
  actions_.push_back(SaveAction());
}

CoordinatorCore::Action CoordinatorCore::SaveAction() const {
  const std::string& path = config_.output().model();
  const std::string best = path + ".best";
  if (job_.phase() != v1::SAVING) return SaveModel{shard_map_, best};
  if (control_.state().best_saved()) return RenameModel{best, path};
  return SaveModel{shard_map_, path};
}

void CoordinatorCore::AddHistoryPoint(absl::Duration now) {
  SpendTime(now);
  const v1::JobStatus job = Status(now).job();
  v1::HistoryPoint& point = *job_.add_history();
  point.set_seconds(job.seconds());
  point.set_examples(job.examples());
  point.set_epoch(job.epoch());
  point.set_loss(job.loss());
  actions_.push_back(Record{point});
  KeepAtMost(kMostPoints, job_.mutable_history());
  charted_at_ = running_time_;
  // The time that was spent is stored with it.
  ++revision_;
}

void CoordinatorCore::Finish(v1::JobState state, const std::string& message, int exit_code,
                             absl::Duration now) {
  if (checkpoint_.stage != CheckpointStage::kNone) LeaveCheckpoint();
  ChangePhase(v1::DONE, now);
  job_.set_state(state);
  job_.set_message(message);
  job_.set_exit_code(exit_code);
  for (const Member& member : membership_.members()) SendTo(member, EndMessage());
}

v1::CoordinatorMessage CoordinatorCore::EndMessage() const {
  v1::CoordinatorMessage update;
  update.mutable_job()->set_state(job_.state());
  update.mutable_job()->set_message(job_.message());
  update.mutable_job()->set_exit_code(job_.exit_code());
  return update;
}

void CoordinatorCore::ChangePhase(v1::JobPhase phase, absl::Duration now) {
  SpendTime(now);
  if (job_.phase() == v1::TRAINING && phase != v1::TRAINING) AddHistoryPoint(now);
  if (auto_staleness_.has_value()) auto_staleness_->Pause();
  stragglers_.Pause();
  job_.set_phase(phase);
  ++revision_;
}

void CoordinatorCore::SpendTime(absl::Duration now) {
  const absl::Duration spent = now - counted_until_;
  if (job_.phase() == v1::TRAINING) training_time_ += spent;
  if (job_.phase() != v1::WAITING_FOR_MEMBERS && job_.phase() != v1::DONE) running_time_ += spent;
  counted_until_ = now;
}

// ---- helpers

bool CoordinatorCore::Admitted(const Member& worker) {
  if (view_version_ == 0) return false;
  for (const Member* server : membership_.Live(v1::SHARD_HOST)) {
    if (server->applied_version < worker.admit_version) return false;
  }
  return true;
}

bool CoordinatorCore::ViewApplied() {
  const std::vector<Member*> servers = membership_.Live(v1::SHARD_HOST);
  return std::all_of(servers.begin(), servers.end(), [&](const Member* server) {
    return server->applied_version >= view_version_;
  });
}

bool CoordinatorCore::AllWorkersIdle() {
  const std::vector<Member*> workers = membership_.Live(v1::WORKER);
  return std::all_of(workers.begin(), workers.end(),
                     [](const Member* worker) { return worker->record.idle(); });
}

void CoordinatorCore::SendGrant(const Member& worker, const WorkQueue::Grant& grant) {
  v1::CoordinatorMessage message;
  v1::WorkGrant& work = *message.mutable_work_grant();
  work.set_lease(grant.lease);
  work.set_epoch(grant.epoch);
  work.set_attempt(grant.attempt);
  work.set_kind(grant.kind);
  const v1::PartitionPosition* const position =
      grant.kind == v1::WorkGrant::TRAIN ? PositionOf(grant) : nullptr;
  if (position != nullptr) {
    work.set_skip_batches(position->batches());
    work.set_clock(position->clock());
    work.set_client(position->client());
    work.set_incarnation(position->incarnation());
  }
  if (grant.kind == v1::WorkGrant::EVALUATE) {
    for (const v1::Partition& file : eval_) *work.add_partitions() = file;
  } else if (grant.kind == v1::WorkGrant::TRAIN && UsesStripes(config_)) {
    for (const v1::Partition& file : train_) {
      v1::Partition& partition = *work.add_partitions();
      partition = file;
      partition.set_stripe(grant.partition);
      partition.set_stripes(work_.Of(grant.epoch).items);
    }
  } else {
    *work.add_partitions() = train_[grant.partition];
  }
  SendTo(worker, std::move(message));
}

void CoordinatorCore::SendTo(const Member& member, v1::CoordinatorMessage message) {
  if (member.connection == 0) return;
  actions_.push_back(Send{member.connection, std::move(message)});
}

v1::ClusterView CoordinatorCore::View() const {
  v1::ClusterView view;
  view.set_version(view_version_);
  *view.mutable_shard_map() = shard_map_;
  for (const Member& member : membership_.members()) {
    if (member.record.role() != v1::WORKER || !member.live()) continue;
    v1::WorkerMember& worker = *view.add_workers();
    worker.set_id(member.record.id());
    worker.set_incarnation(member.record.incarnation());
    worker.set_name(member.record.name());
    worker.set_training(!member.record.idle());
  }
  return view;
}

void CoordinatorCore::BroadcastView() {
  ++view_version_;
  ++revision_;
  v1::CoordinatorMessage message;
  *message.mutable_view() = View();
  for (const Member& member : membership_.members()) SendTo(member, message);
}

uint64_t CoordinatorCore::ExamplesSoFar() const {
  uint64_t examples =
      finished_records_ + work_.Of(job_.epoch()).records + work_.Of(job_.epoch() + 1).records;
  for (const Member& member : membership_.members()) {
    const uint64_t seen = member.worker_report.examples();
    if (member.live() && seen > member.completed_records) {
      examples += seen - member.completed_records;
    }
  }
  return finished() || job_.phase() != v1::TRAINING ? finished_records_ : examples;
}

double CoordinatorCore::Progress() const {
  if (job_.epochs() == 0 || job_.epoch() == 0) return 0;
  if (job_.phase() != v1::TRAINING) return static_cast<double>(job_.epoch()) / job_.epochs();
  // With an epoch behind it, it is known how many examples an epoch has.
  const double epochs_before = job_.epoch() - 1;
  double current;
  if (finished_records_ > 0) {
    const double per_epoch = static_cast<double>(finished_records_) / epochs_before;
    current = static_cast<double>(ExamplesSoFar() - finished_records_) / per_epoch;
  } else {
    const WorkQueue::Totals epoch = work_.Of(job_.epoch());
    current = static_cast<double>(epoch.completed) / static_cast<double>(epoch.items);
  }
  return (epochs_before + std::min(current, 1.0)) / job_.epochs();
}

}  // namespace paramd
