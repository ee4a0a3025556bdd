#include "server/coordinator/core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "common/base/exit_code.h"
#include "common/base/random.h"
#include "common/config/duration.h"
#include "common/routing/shard_of.h"
#include "server/coordinator/shard_planner.h"
#include "server/coordinator/table_policies.h"

namespace paramd {
namespace {

constexpr size_t kBadRecordExamples = 10;

uint32_t ShardCount(const v1::TableSpec& spec, uint32_t wanted) {
  return spec.kind() == v1::TableSpec::DENSE ? DenseShardCount(spec.rows(), wanted) : wanted;
}

}  // namespace

CoordinatorCore::CoordinatorCore(v1::Config config, std::vector<v1::Partition> train,
                                 std::vector<v1::Partition> eval, absl::Duration now)
    : config_(std::move(config)),
      train_(std::move(train)),
      eval_(std::move(eval)),
      membership_(ToDuration(config_.cluster().heartbeat().lease())),
      phase_began_(now) {
  job_.set_state(v1::CREATED);
  job_.set_phase(v1::WAITING_FOR_MEMBERS);
  job_.set_epochs(config_.data().epochs());
}

CoordinatorCore::CoordinatorCore(v1::Config config, const v1::CoordinatorState& stored,
                                 std::vector<v1::Partition> eval, absl::Duration now)
    : CoordinatorCore(std::move(config), {stored.partitions().begin(), stored.partitions().end()},
                      std::move(eval), now) {
  for (const v1::MemberRecord& member : stored.members()) membership_.Restore(member, now);
  membership_.server_ids = stored.server_ids();
  membership_.worker_ids = stored.worker_ids();
  work_ = WorkQueue(stored.work());
  shard_map_ = stored.shard_map();
  view_version_ = stored.view_version();
  job_.set_state(stored.state());
  job_.set_message(stored.message());
  job_.set_exit_code(stored.exit_code());
  job_.set_phase(stored.phase());
  job_.set_epoch(stored.epoch());
  *job_.mutable_evaluations() = stored.evaluations();
  job_.set_bad_records(stored.bad_records());
  finished_records_ = stored.records();
  for (const v1::TablePlacement& table : shard_map_.tables()) {
    v1::TableSpec& spec = *declared_.add_tables();
    spec = table.spec();
    spec.clear_consistency();
    spec.clear_optimizer();
    spec.clear_seed();
  }
  if (job_.phase() == v1::SAVING) actions_.push_back(SaveModel{shard_map_});
}

v1::CoordinatorState CoordinatorCore::State() const {
  v1::CoordinatorState state;
  state.set_state(job_.state());
  state.set_message(job_.message());
  state.set_exit_code(job_.exit_code());
  state.set_view_version(view_version_);
  *state.mutable_shard_map() = shard_map_;
  for (const Member& member : membership_.members()) {
    if (member.live()) *state.add_members() = member.record;
  }
  state.set_server_ids(membership_.server_ids);
  state.set_worker_ids(membership_.worker_ids);
  state.set_phase(job_.phase());
  state.set_epoch(job_.epoch());
  for (const v1::Partition& partition : train_) *state.add_partitions() = partition;
  *state.mutable_work() = work_.state();
  *state.mutable_evaluations() = job_.evaluations();
  state.set_records(finished_records_);
  state.set_bad_records(job_.bad_records());
  return state;
}

// ---- events

CoordinatorCore::Actions CoordinatorCore::OnMessage(ConnectionId connection,
                                                    const v1::MemberMessage& message,
                                                    absl::Duration now) {
  if (message.has_hello()) {
    HandleHello(connection, message.hello(), now);
    return TakeActions();
  }
  Member* member = membership_.Find(connection);
  if (member == nullptr || !member->live()) {
    actions_.push_back(
        Close{connection, absl::FailedPreconditionError("the lease of this member is over")});
    return TakeActions();
  }
  member->last_heard = now;
  if (message.has_heartbeat()) {
    if (message.heartbeat().has_worker()) member->worker_report = message.heartbeat().worker();
    if (message.heartbeat().has_server()) member->server_report = message.heartbeat().server();
    v1::CoordinatorMessage ack;
    ack.mutable_ack()->set_received(member->record.received());
    SendTo(*member, std::move(ack));
  } else if (message.number() > member->record.received()) {
    member->record.set_received(message.number());
    ++revision_;
    HandleNumbered(*member, message, now);
  }
  Proceed(now);
  return TakeActions();
}

CoordinatorCore::Actions CoordinatorCore::OnDisconnect(ConnectionId connection, absl::Duration) {
  if (Member* member = membership_.Find(connection); member != nullptr) {
    member->connection = 0;
    // When the job has ended, members go as they should.
    if (member->live()) {
      member->state = finished() ? v1::MemberStatus::LEFT : v1::MemberStatus::DISCONNECTED;
    }
  }
  return TakeActions();
}

CoordinatorCore::Actions CoordinatorCore::OnTick(absl::Duration now) {
  for (Member* member : membership_.Expire(now)) {
    Lose(*member,
         absl::StrCat("no heartbeat for its lease of ", absl::FormatDuration(membership_.lease())),
         now);
  }
  Proceed(now);
  return TakeActions();
}

CoordinatorCore::Actions CoordinatorCore::OnModelSaved(const absl::Status& status,
                                                       absl::Duration now) {
  if (job_.phase() != v1::SAVING) return TakeActions();
  if (status.ok()) {
    job_.set_model(config_.output().model());
    Finish(v1::SUCCEEDED, "", kExitDone, now);
  } else {
    Finish(v1::FAILED, absl::StrCat("the model was not saved: ", status.message()), kExitFailure,
           now);
  }
  return TakeActions();
}

CoordinatorCore::Actions CoordinatorCore::OnAbort(const std::string& reason, absl::Duration now) {
  if (!finished()) Finish(v1::FAILED, reason, kExitFailure, now);
  return TakeActions();
}

void CoordinatorCore::HandleHello(ConnectionId connection, const v1::Hello& hello,
                                  absl::Duration now) {
  if (finished()) {
    actions_.push_back(Close{connection, absl::FailedPreconditionError("the job has ended")});
    return;
  }
  const size_t limit =
      hello.role() == v1::WORKER ? config_.cluster().workers().max() : config_.cluster().servers();
  absl::StatusOr<Membership::Joined> joined = membership_.Join(hello, connection, limit, now);
  if (!joined.ok()) {
    actions_.push_back(Close{connection, joined.status()});
    return;
  }
  Member& member = *joined->member;
  if (joined->old_connection != 0) {
    actions_.push_back(
        Close{joined->old_connection, absl::AbortedError("this member has a newer connection")});
  }
  v1::CoordinatorMessage welcome;
  welcome.mutable_welcome()->set_id(member.record.id());
  *welcome.mutable_welcome()->mutable_heartbeat_interval() =
      config_.cluster().heartbeat().interval();
  *welcome.mutable_welcome()->mutable_lease() = config_.cluster().heartbeat().lease();
  *welcome.mutable_welcome()->mutable_config() = config_;
  welcome.mutable_welcome()->set_received(member.record.received());
  SendTo(member, std::move(welcome));
  if (joined->is_new) {
    ++revision_;
    if (joined->replaced != nullptr) {
      Lose(*joined->replaced, "its process ended and was started again", now);
    }
    if (member.record.role() == v1::WORKER && view_version_ > 0) {
      BroadcastView();
      member.admit_version = view_version_;
    }
  } else if (view_version_ > 0) {
    v1::CoordinatorMessage view;
    *view.mutable_view() = View();
    SendTo(member, std::move(view));
    if (member.record.role() == v1::WORKER) RepeatAnswers(member);
  }
  Proceed(now);
}

void CoordinatorCore::RepeatAnswers(const Member& worker) {
  for (const WorkQueue::Grant& grant : work_.HeldBy(worker.record.id())) SendGrant(worker, grant);
  // It may wait for the answer to a request. If not, this answers none.
  if (!worker.record.idle()) SendNoWork(worker);
}

void CoordinatorCore::SendNoWork(const Member& worker) {
  v1::CoordinatorMessage none;
  none.mutable_no_work();
  SendTo(worker, std::move(none));
}

void CoordinatorCore::HandleNumbered(Member& member, const v1::MemberMessage& message,
                                     absl::Duration now) {
  switch (message.message_case()) {
    case v1::MemberMessage::kTables:
      HandleTables(member, message.tables());
      break;
    case v1::MemberMessage::kViewApplied:
      member.applied_version = std::max(member.applied_version, message.view_applied().version());
      break;
    case v1::MemberMessage::kWorkRequest:
      if (job_.phase() == v1::TRAINING && Admitted(member)) {
        if (const auto grant = work_.Take(member.record.id())) {
          SendGrant(member, *grant);
          break;
        }
      }
      SendNoWork(member);
      break;
    case v1::MemberMessage::kIdle:
      member.record.set_idle(true);
      break;
    case v1::MemberMessage::kWorkDone:
      HandleWorkDone(member, message.work_done());
      break;
    case v1::MemberMessage::kFailure:
      Finish(v1::FAILED, absl::StrCat(member.Describe(), ": ", message.failure().message()),
             message.failure().exit_code(), now);
      break;
    case v1::MemberMessage::kGoodbye:
      member.state = v1::MemberStatus::LEFT;
      Lose(member, message.goodbye().reason(), now);
      break;
    default:
      break;
  }
}

void CoordinatorCore::HandleTables(Member& member, const v1::TableDeclaration& declaration) {
  if (declared_.tables().empty()) {
    declared_ = declaration;
    return;
  }
  if (declared_.SerializeAsString() == declaration.SerializeAsString()) return;
  actions_.push_back(Close{member.connection,
                           absl::FailedPreconditionError(absl::StrCat(
                               member.Describe(),
                               " declares other tables than the workers before it; check that it "
                               "reads the same data files and runs the same version"))});
  member.state = v1::MemberStatus::LEFT;
  member.connection = 0;
}

void CoordinatorCore::HandleWorkDone(Member& member, const v1::WorkDone& done) {
  if (!work_.Complete(done.lease(), member.record.id(), done.records(), done.bad_records())) return;
  if (job_.phase() == v1::EVALUATING) {
    v1::Evaluation& evaluation = *job_.add_evaluations();
    evaluation.set_epoch(job_.epoch());
    *evaluation.mutable_metrics() = done.metrics();
    return;
  }
  member.completed_records += done.records();
  for (const std::string& example : done.bad_record_examples()) {
    if (bad_record_examples_.size() < kBadRecordExamples) bad_record_examples_.push_back(example);
  }
}

void CoordinatorCore::Lose(Member& member, const std::string& why, absl::Duration now) {
  ++revision_;
  if (member.connection != 0) {
    const bool left = member.state == v1::MemberStatus::LEFT;
    actions_.push_back(Close{member.connection, left ? absl::OkStatus()
                                                     : absl::FailedPreconditionError(
                                                           "the lease of this member is over")});
    member.connection = 0;
  }
  if (finished()) return;
  if (member.record.role() == v1::SHARD_HOST) {
    if (job_.state() == v1::RUNNING) {
      Finish(v1::FAILED,
             absl::StrCat(member.Describe(), " was lost (", why,
                          ") and the parameters it held with it; start the job again"),
             kExitFailure, now);
    }
    return;
  }
  work_.Release(member.record.id());
  if (view_version_ > 0) BroadcastView();
}

// ---- the job

void CoordinatorCore::Proceed(absl::Duration now) {
  if (finished()) return;
  if (job_.phase() == v1::WAITING_FOR_MEMBERS) TryStart(now);
  // A phase may end at once, so go on until nothing changes.
  while (job_.phase() == v1::TRAINING || job_.phase() == v1::EVALUATING) {
    HandOutWork();
    if (!work_.AllDone() || !AllWorkersIdle()) return;
    if (job_.phase() == v1::TRAINING) {
      EndEpoch(now);
    } else {
      AfterEvaluation(now);
    }
  }
}

void CoordinatorCore::TryStart(absl::Duration now) {
  const std::vector<Member*> servers = membership_.Live(v1::SHARD_HOST);
  const std::vector<Member*> workers = membership_.Live(v1::WORKER);
  if (declared_.tables().empty() || servers.size() < config_.cluster().servers() ||
      workers.size() < config_.cluster().workers().min()) {
    return;
  }
  absl::StatusOr<std::vector<v1::TableSpec>> specs = WithPolicies(declared_, config_);
  if (!specs.ok()) {
    Finish(v1::FAILED, std::string(specs.status().message()), kExitBadConfig, now);
    return;
  }
  std::vector<std::vector<uint32_t>> placement;
  for (const v1::TableSpec& spec : *specs) {
    placement.emplace_back(ShardCount(spec, config_.sharding().shards_per_table()), 0);
  }
  std::vector<uint32_t> server_ids;
  for (const Member* server : servers) {
    server_ids.push_back(server->record.id());
    v1::ServerMember& entry = *shard_map_.add_servers();
    entry.set_id(server->record.id());
    entry.set_name(server->record.name());
    entry.set_address(server->record.address());
  }
  placement = PlanShards(placement, server_ids);
  for (size_t i = 0; i < specs->size(); ++i) {
    v1::TablePlacement& table = *shard_map_.add_tables();
    *table.mutable_spec() = (*specs)[i];
    for (const uint32_t server : placement[i]) table.add_shard_servers(server);
  }
  shard_map_.set_epoch(shard_map_.epoch() + 1);
  job_.set_state(v1::RUNNING);
  BroadcastView();
  for (Member* worker : workers) worker->admit_version = view_version_;
  ChangePhase(v1::TRAINING, now);
  StartEpoch(1);
}

void CoordinatorCore::HandOutWork() {
  for (Member* worker : membership_.Live(v1::WORKER)) {
    if (!work_.HasPending()) return;
    if (!worker->record.idle() || worker->connection == 0 || !Admitted(*worker)) continue;
    if (const auto grant = work_.Take(worker->record.id())) {
      worker->record.set_idle(false);
      ++revision_;
      SendGrant(*worker, *grant);
    }
  }
}

void CoordinatorCore::StartEpoch(uint32_t epoch) {
  job_.set_epoch(epoch);
  const uint64_t seed =
      config_.data().shuffle() ? CounterRandom(config_.model().seed(), epoch, 0) | 1 : 0;
  work_.Start(static_cast<uint32_t>(train_.size()), seed);
  ++revision_;
}

void CoordinatorCore::EndEpoch(absl::Duration now) {
  const uint64_t records = work_.Records();
  const uint64_t bad = work_.BadRecords();
  finished_records_ += records;
  job_.set_bad_records(job_.bad_records() + bad);
  work_.Start(0, 0);
  const double allowed = config_.data().on_bad_record().max_fraction();
  if (bad > 0 && static_cast<double>(bad) > allowed * static_cast<double>(records + bad)) {
    Finish(v1::FAILED,
           absl::StrCat(bad, " of ", records + bad, " records are bad, more than ",
                        "data.on_bad_record.max_fraction = ", allowed,
                        " allows: ", absl::StrJoin(bad_record_examples_, "; ")),
           kExitBadData, now);
    return;
  }
  if (records == 0) {
    Finish(v1::FAILED, "the training files hold no record", kExitBadData, now);
    return;
  }
  const bool last = job_.epoch() >= config_.data().epochs();
  const uint32_t every = config_.data().eval_every();
  if (!eval_.empty() && (last || (every > 0 && job_.epoch() % every == 0))) {
    ChangePhase(v1::EVALUATING, now);
    work_.Start(1, 0);
    ++revision_;
    return;
  }
  AfterEvaluation(now);
}

void CoordinatorCore::AfterEvaluation(absl::Duration now) {
  if (job_.epoch() < config_.data().epochs()) {
    ChangePhase(v1::TRAINING, now);
    StartEpoch(job_.epoch() + 1);
    return;
  }
  if (config_.output().model().empty()) {
    Finish(v1::SUCCEEDED, "", kExitDone, now);
    return;
  }
  ChangePhase(v1::SAVING, now);
  actions_.push_back(SaveModel{shard_map_});
}

void CoordinatorCore::Finish(v1::JobState state, const std::string& message, int exit_code,
                             absl::Duration now) {
  ChangePhase(v1::DONE, now);
  job_.set_state(state);
  job_.set_message(message);
  job_.set_exit_code(exit_code);
  v1::CoordinatorMessage update;
  update.mutable_job()->set_state(state);
  update.mutable_job()->set_message(message);
  update.mutable_job()->set_exit_code(exit_code);
  for (const Member& member : membership_.members()) SendTo(member, update);
}

void CoordinatorCore::ChangePhase(v1::JobPhase phase, absl::Duration now) {
  const absl::Duration spent = now - phase_began_;
  if (job_.phase() == v1::TRAINING) training_time_ += spent;
  if (job_.phase() != v1::WAITING_FOR_MEMBERS && job_.phase() != v1::DONE) running_time_ += spent;
  phase_began_ = now;
  job_.set_phase(phase);
  ++revision_;
}

// ---- helpers

bool CoordinatorCore::Admitted(const Member& worker) {
  if (view_version_ == 0) return false;
  for (const Member* server : membership_.Live(v1::SHARD_HOST)) {
    if (server->applied_version < worker.admit_version) return false;
  }
  return true;
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
  work.set_epoch(job_.epoch());
  work.set_attempt(grant.attempt);
  if (job_.phase() == v1::EVALUATING) {
    work.set_kind(v1::WorkGrant::EVALUATE);
    for (const v1::Partition& file : eval_) *work.add_partitions() = file;
  } else {
    work.set_kind(v1::WorkGrant::TRAIN);
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
  uint64_t examples = finished_records_ + work_.Records();
  for (const Member& member : membership_.members()) {
    const uint64_t seen = member.worker_report.examples();
    if (member.live() && seen > member.completed_records) {
      examples += seen - member.completed_records;
    }
  }
  return finished() || job_.phase() != v1::TRAINING ? finished_records_ : examples;
}

double CoordinatorCore::Progress() const {
  if (job_.epochs() == 0 || train_.empty() || job_.epoch() == 0) return 0;
  if (job_.phase() != v1::TRAINING) return static_cast<double>(job_.epoch()) / job_.epochs();
  // With an epoch behind it, it is known how many examples an epoch has.
  const double epochs_before = job_.epoch() - 1;
  double current;
  if (finished_records_ > 0) {
    const double per_epoch = static_cast<double>(finished_records_) / epochs_before;
    current = static_cast<double>(ExamplesSoFar() - finished_records_) / per_epoch;
  } else {
    current = static_cast<double>(work_.Count(v1::WorkItem::COMPLETED)) /
              static_cast<double>(train_.size());
  }
  return (epochs_before + std::min(current, 1.0)) / job_.epochs();
}

CoordinatorCore::Actions CoordinatorCore::TakeActions() { return std::exchange(actions_, {}); }

}  // namespace paramd
