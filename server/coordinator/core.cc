#include "server/coordinator/core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "common/config/duration.h"
#include "server/coordinator/keep_at_most.h"

namespace paramd {
namespace {

// Shard hosts that may join a job that runs.
constexpr size_t kMostServers = 1024;
constexpr size_t kBadRecordExamples = 10;
// Leases for which a model is tried to be read from servers of which one is gone.
constexpr int kSavePatience = 10;

}  // namespace

CoordinatorCore::CoordinatorCore(v1::Config config, std::vector<v1::Partition> train,
                                 std::vector<v1::Partition> eval, absl::Duration now,
                                 absl::StatusOr<InitialModel> init)
    : config_(std::move(config)),
      train_(std::move(train)),
      eval_(std::move(eval)),
      init_(std::move(init)),
      membership_(ToDuration(config_.cluster().heartbeat().lease())),
      control_(config_.training(), {}),
      traffic_(TrafficWindow(config_)),
      stragglers_({.factor = config_.training().straggler().factor(),
                   .heartbeat = ToDuration(config_.cluster().heartbeat().interval()),
                   .batch_examples = config_.data().batch_size()}),
      counted_until_(now) {
  job_.set_state(v1::CREATED);
  job_.set_phase(v1::WAITING_FOR_MEMBERS);
  job_.set_epochs(config_.data().epochs());
}

CoordinatorCore::CoordinatorCore(v1::Config config, const v1::CoordinatorState& stored,
                                 std::vector<v1::Partition> eval, absl::Duration now)
    : CoordinatorCore(std::move(config), {stored.partitions().begin(), stored.partitions().end()},
                      std::move(eval), now) {
  for (const v1::MemberRecord& member : stored.members()) membership_.Restore(member, now);
  // Who was not admitted yet must wait for the servers again.
  for (Member& member : membership_.members()) member.admit_version = stored.view_version();
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
  *job_.mutable_staleness_choices() = stored.staleness_choices();
  declared_ = stored.declared();
  control_ = TrainingControl(config_.training(), stored.control());
  job_.set_stopped(stored.stopped());
  running_time_ = absl::Seconds(stored.running_seconds());
  training_time_ = absl::Seconds(stored.training_seconds());
  charted_at_ = running_time_;
  checkpoint_.last_begun = now;
  restored_from_ = stored.restored_from();
  last_checkpoint_ = stored.last_checkpoint();
  for (const v1::PartitionPosition& position : stored.positions()) {
    positions_[{position.epoch(), position.partition()}] = position;
  }
  for (Member* worker : membership_.Live(v1::WORKER)) {
    for (const WorkQueue::Grant& grant : work_.HeldBy(worker->record.id())) {
      const v1::PartitionPosition* const position = PositionOf(grant);
      leases_.Grant(grant, worker->record, position == nullptr ? 0 : position->batches());
    }
  }
  saving_ = stored.saving();
  if (saving_) actions_.push_back(SaveAction());
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
  *state.mutable_staleness_choices() = job_.staleness_choices();
  *state.mutable_declared() = declared_;
  *state.mutable_control() = control_.state();
  state.set_stopped(job_.stopped());
  state.set_saving(saving_);
  state.set_running_seconds(absl::ToDoubleSeconds(running_time_));
  state.set_training_seconds(absl::ToDoubleSeconds(training_time_));
  state.set_restored_from(restored_from_);
  state.set_last_checkpoint(last_checkpoint_);
  for (const auto& [place, position] : positions_) *state.add_positions() = position;
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
    member->has_reported = true;
    if (message.heartbeat().has_worker()) {
      member->worker_report = message.heartbeat().worker();
      for (const v1::LeasePosition& position : member->worker_report.positions()) {
        leases_.Report(member->record.id(), position);
      }
      const auto unheard = checkpoint_.unheard.find(member->record.id());
      if (unheard != checkpoint_.unheard.end() && --unheard->second == 0) {
        checkpoint_.unheard.erase(unheard);
      }
    }
    if (message.heartbeat().has_server()) {
      member->server_report = message.heartbeat().server();
      traffic_.Add(member->record.id(), member->server_report, now);
    }
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
  if (std::exchange(view_is_old_, false)) BroadcastView();
  MoveShards(now);
  if (std::exchange(save_again_, false) && saving_) actions_.push_back(SaveAction());
  Proceed(now);
  return TakeActions();
}

void CoordinatorCore::OnStall(absl::Duration gap) {
  for (Member& member : membership_.members()) member.last_heard += gap;
}

CoordinatorCore::Actions CoordinatorCore::OnModelSaved(const absl::Status& status,
                                                       absl::Duration now) {
  if (finished() || !saving_) return TakeActions();
  // A server that is gone has a successor soon.
  const bool gone = absl::IsUnavailable(status) || absl::IsCancelled(status);
  const bool has_successor = Replication() > 1 || shard_map_.epoch() > 1;
  if (gone && has_successor && !save_until_.has_value()) {
    save_until_ = now + kSavePatience * membership_.lease();
  }
  if (gone && save_until_.has_value() && now < *save_until_) {
    save_again_ = true;
    return TakeActions();
  }
  save_until_.reset();
  saving_ = false;
  ++revision_;
  if (!status.ok()) {
    Finish(v1::FAILED, absl::StrCat("the model was not saved: ", status.message()), kExitFailure,
           now);
  } else if (job_.phase() == v1::SAVING) {
    job_.set_model(config_.output().model());
    EndJob(now);
  } else {
    control_.BestSaved();
    Proceed(now);
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
    actions_.push_back(Send{connection, EndMessage()});
    actions_.push_back(Close{connection, absl::OkStatus()});
    return;
  }
  const size_t limit = hello.role() == v1::WORKER    ? config_.cluster().workers().max()
                       : job_.state() == v1::RUNNING ? kMostServers
                                                     : config_.cluster().servers();
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
    if (member.record.role() == v1::SHARD_HOST && job_.state() == v1::RUNNING) {
      AddServerToRunningJob(member);
    }
  } else if (view_version_ > 0) {
    v1::CoordinatorMessage view;
    *view.mutable_view() = View();
    SendTo(member, std::move(view));
    if (member.record.role() == v1::WORKER) RepeatAnswers(member);
    // It may not have been told to write.
    if (checkpoint_.stage == CheckpointStage::kWriting && round_->Wants(member.record.id()) &&
        member.record.role() == v1::SHARD_HOST) {
      RepeatCheckpoint();
    }
  }
  Proceed(now);
}

void CoordinatorCore::RepeatAnswers(const Member& worker) {
  if (!job_.stopped().empty()) SendStopTraining(worker);
  for (const WorkQueue::Grant& grant : work_.HeldBy(worker.record.id())) SendGrant(worker, grant);
  for (const uint64_t lease : work_.RevokedOf(worker.record.id())) SendRevoke(worker, lease);
  if (worker.record.idle()) return;
  // It may wait for the answer to its last request, or for the start. If not, these answer nothing.
  if (worker.record.refused_request() > 0) SendNoWork(worker);
  if (worker.record.starting() == v1::MemberRecord::NOT_STARTING) SendStart(worker);
}

void CoordinatorCore::SendStart(const Member& worker) {
  v1::CoordinatorMessage start;
  start.mutable_start();
  SendTo(worker, std::move(start));
}

void CoordinatorCore::SendNoWork(const Member& worker) {
  v1::CoordinatorMessage none;
  none.mutable_no_work()->set_request(worker.record.refused_request());
  SendTo(worker, std::move(none));
}

void CoordinatorCore::HandleNumbered(Member& member, const v1::MemberMessage& message,
                                     absl::Duration now) {
  switch (message.message_case()) {
    case v1::MemberMessage::kTables:
      HandleTables(member, message.tables(), now);
      break;
    case v1::MemberMessage::kViewApplied:
      member.applied_version = std::max(member.applied_version, message.view_applied().version());
      if (member.applied_version >= view_version_) ForgetLoads(member);
      break;
    case v1::MemberMessage::kWorkRequest:
      // A straggler does one after the other.
      if (job_.phase() == v1::TRAINING && Admitted(member) && !member.record.draining() &&
          stragglers_.Why(member.record.id()).empty()) {
        if (const auto grant = TakeWork(member)) {
          SendGrant(member, *grant);
          break;
        }
      }
      member.record.set_refused_request(message.work_request().request());
      SendNoWork(member);
      break;
    case v1::MemberMessage::kIdle:
      // Who is idle holds nothing.
      work_.Release(member.record.id());
      leases_.Release(member.record.id());
      member.record.set_idle(true);
      member.record.set_starting(v1::MemberRecord::NOT_STARTING);
      if (member.record.draining()) {
        LetGo(member, now);
      } else if (shard_map_.epoch() > 1) {
        // A server that shards came to may wait for it.
        BroadcastView();
      }
      break;
    case v1::MemberMessage::kAttached:
      member.record.set_starting(v1::MemberRecord::ATTACHED);
      break;
    case v1::MemberMessage::kWorkDone:
      HandleWorkDone(member, message.work_done(), now);
      break;
    case v1::MemberMessage::kFailure:
      // What fails because the job has ended says nothing about it.
      if (finished()) break;
      Finish(v1::FAILED, absl::StrCat(member.Describe(), ": ", message.failure().message()),
             message.failure().exit_code(), now);
      break;
    case v1::MemberMessage::kHeldLog:
      HandleHeldLog(member, message.held_log());
      break;
    case v1::MemberMessage::kCheckpointWritten:
      HandleCheckpointWritten(member, message.checkpoint_written(), now);
      break;
    case v1::MemberMessage::kReplicasFilled:
      HandleReplicasFilled(member, message.replicas_filled());
      break;
    case v1::MemberMessage::kShardsReleased:
      HandleShardsReleased(member, message.shards_released());
      break;
    case v1::MemberMessage::kGoodbye:
      member.state = v1::MemberStatus::LEFT;
      Lose(member, message.goodbye().reason(), now);
      break;
    default:
      break;
  }
}

void CoordinatorCore::HandleTables(Member& member, const v1::TableDeclaration& declaration,
                                   absl::Duration now) {
  if (declared_.tables().empty()) {
    declared_ = declaration;
    return;
  }
  if (declared_.SerializeAsString() == declaration.SerializeAsString()) return;
  if (restored_from_ > 0 && job_.state() == v1::CREATED) {
    Finish(
        v1::FAILED,
        absl::StrCat("checkpoint ", restored_from_, " holds other tables than ", member.Describe(),
                     " declares; start with the model and the data that it ", "was trained with"),
        kExitBadConfig, now);
    return;
  }
  actions_.push_back(Close{member.connection,
                           absl::FailedPreconditionError(absl::StrCat(
                               member.Describe(),
                               " declares other tables than the workers before it; check that it "
                               "reads the same data files and runs the same version"))});
  member.state = v1::MemberStatus::LEFT;
  member.connection = 0;
}

void CoordinatorCore::HandleWorkDone(Member& member, const v1::WorkDone& done, absl::Duration now) {
  if (work_.EndRevoked(done.lease(), member.record.id())) {
    // It trained on them, but they are no part of the epoch.
    member.completed_records += done.records();
    return;
  }
  const std::optional<WorkQueue::Completion> completion = work_.Complete(done, member.record.id());
  if (!completion.has_value()) return;
  const WorkQueue::Grant& grant = completion->grant;
  if (grant.kind == v1::WorkGrant::TRAIN) {
    leases_.Complete(done);
    if (completion->revoked.has_value()) Revoke(*completion->revoked);
    if (checkpoint_.stage == CheckpointStage::kNone) leases_.Prune();
    positions_.erase({grant.epoch, grant.partition});
  }
  if (grant.kind == v1::WorkGrant::EVALUATE) {
    AddEvaluation(grant.epoch, done.metrics(), now);
    return;
  }
  if (grant.kind == v1::WorkGrant::TRAIN) member.completed_records += done.records();
  for (const std::string& example : done.bad_record_examples()) {
    if (bad_record_examples_.size() < kBadRecordExamples) bad_record_examples_.push_back(example);
  }
}

void CoordinatorCore::Revoke(const WorkQueue::Revoked& revoked) {
  leases_.Revoke(revoked.lease);
  for (const Member* worker : membership_.Live(v1::WORKER)) {
    if (worker->record.id() == revoked.worker) SendRevoke(*worker, revoked.lease);
  }
}

void CoordinatorCore::SendRevoke(const Member& worker, uint64_t lease) {
  v1::CoordinatorMessage message;
  message.mutable_revoke_lease()->set_lease(lease);
  SendTo(worker, std::move(message));
}

void CoordinatorCore::AddEvaluation(uint32_t epoch, const v1::Metrics& metrics,
                                    absl::Duration now) {
  SpendTime(now);
  const bool best = control_.Add(metrics);
  v1::Evaluation& evaluation = *job_.add_evaluations();
  evaluation.set_epoch(epoch);
  *evaluation.mutable_metrics() = metrics;
  evaluation.set_examples(ExamplesSoFar());
  evaluation.set_seconds(absl::ToDoubleSeconds(running_time_));
  evaluation.set_number(control_.state().evaluations());
  actions_.push_back(Record{evaluation});
  KeepAtMost(kMostPoints, job_.mutable_evaluations());
  if (best && config_.training().keep_best()) {
    saving_ = true;
    actions_.push_back(SaveAction());
  }
  if (control_.OutOfPatience()) {
    StopTraining(absl::StrCat(config_.training().patience(),
                              " evaluations in a row were no better than evaluation ",
                              control_.state().best(), " (training.patience)"));
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
  if (member.record.role() == v1::SHARD_HOST) return LoseServer(member, why, now);
  work_.Release(member.record.id());
  leases_.Release(member.record.id());
  if (view_version_ > 0) BroadcastView();
}

CoordinatorCore::Actions CoordinatorCore::TakeActions() { return std::exchange(actions_, {}); }

}  // namespace paramd
