// The part of CoordinatorCore that has checkpoints written, and begins with them.

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/duration.h"
#include "common/config/uses_stripes.h"
#include "server/coordinator/core.h"
#include "server/coordinator/shard_planner.h"

namespace paramd {
namespace {

// After one that failed the next one is tried so much later, or after checkpoint.every.
constexpr absl::Duration kTryAgain = absl::Seconds(10);
// Steps that servers may go on before a synchronous checkpoint, at first and at most.
constexpr uint64_t kLeastMargin = 8;
constexpr uint64_t kMostMargin = uint64_t{1} << 20;

}  // namespace

bool CoordinatorCore::AllSynchronous() const {
  const auto& tables = shard_map_.tables();
  return std::all_of(tables.begin(), tables.end(), [](const v1::TablePlacement& table) {
    return table.spec().consistency().mode() == v1::Consistency::BSP;
  });
}

uint64_t CoordinatorCore::AskForCheckpoint() {
  checkpoint_.asked = true;
  return checkpoint_.ended + (checkpoint_.stage == CheckpointStage::kNone ? 1 : 2);
}

bool CoordinatorCore::CheckpointIsDue(absl::Duration now) const {
  if (!config_.has_checkpoint() || checkpoint_.stage != CheckpointStage::kNone) return false;
  const bool phase =
      job_.phase() == v1::TRAINING || job_.phase() == v1::EVALUATING || job_.phase() == v1::SAVING;
  if (job_.state() != v1::RUNNING || !phase || saving_) return false;
  if (now < checkpoint_.not_before) return false;
  if (job_.phase() == v1::SAVING) {
    return config_.checkpoint().at_end() && !checkpoint_.final_ended;
  }
  if (checkpoint_.asked) return true;
  const absl::Duration every = ToDuration(config_.checkpoint().every());
  return every > absl::ZeroDuration() && now - checkpoint_.last_begun >= every;
}

void CoordinatorCore::ProceedWithCheckpoint(absl::Duration now) {
  if (CheckpointIsDue(now) && ViewApplied() && shard_map_.lost_servers().empty()) {
    checkpoint_.stage = CheckpointStage::kBeginning;
    checkpoint_.asked = false;
    checkpoint_.is_final = job_.phase() == v1::SAVING;
    checkpoint_.last_begun = now;
    actions_.push_back(BeginCheckpoint{});
  }
  if (checkpoint_.stage == CheckpointStage::kWriting && round_->AllWritten()) {
    if (!round_->error().empty()) return FailCheckpoint(round_->error(), now);
    if (!round_->CheckFiles(shard_map_).ok()) return RepeatCheckpoint();
    checkpoint_.stage = CheckpointStage::kPositions;
    for (const Member* worker : membership_.Live(v1::WORKER)) {
      // The first one may have been on its way already.
      if (!worker->record.idle()) checkpoint_.unheard[worker->record.id()] = 2;
    }
  }
  if (checkpoint_.stage != CheckpointStage::kPositions) return;
  std::erase_if(checkpoint_.unheard, [&](const auto& entry) {
    const auto& members = membership_.members();
    return std::none_of(members.begin(), members.end(), [id = entry.first](const Member& member) {
      return member.record.role() == v1::WORKER && member.record.id() == id && member.live();
    });
  });
  if (!checkpoint_.unheard.empty()) return;
  absl::StatusOr<v1::CheckpointPayload> payload = round_->Payload(leases_, UsesStripes(config_));
  if (!payload.ok()) return RepeatCheckpoint();
  checkpoint_.stage = CheckpointStage::kCommitting;
  checkpoint_.bytes = 0;
  for (const v1::CheckpointFile& file : payload->files()) checkpoint_.bytes += file.bytes();
  actions_.push_back(CommitCheckpoint{checkpoint_.number, checkpoint_.parent, *std::move(payload)});
}

CoordinatorCore::Actions CoordinatorCore::OnCheckpointBegun(const absl::StatusOr<uint64_t>& number,
                                                            absl::Duration now) {
  if (checkpoint_.stage != CheckpointStage::kBeginning) return TakeActions();
  if (!number.ok()) {
    FailCheckpoint(std::string(number.status().message()), now);
    return TakeActions();
  }
  checkpoint_.number = *number;
  checkpoint_.stage = CheckpointStage::kWriting;
  if (!ViewApplied() || !shard_map_.lost_servers().empty() || finished()) {
    RepeatCheckpoint();
    return TakeActions();
  }
  const bool full = last_checkpoint_ == 0 || checkpoint_.since_full == 0 ||
                    checkpoint_.since_full >= config_.checkpoint().full_every();
  checkpoint_.parent = full ? 0 : last_checkpoint_;
  uint64_t step = 0;
  if (AllSynchronous()) {
    for (const Member* worker : membership_.Live(v1::WORKER)) {
      step = std::max(step, worker->worker_report.clock());
    }
    step += checkpoint_.margin;
  }
  leases_.Prune();
  round_.emplace(State(), leases_, step, now);
  v1::CoordinatorMessage message;
  v1::WriteCheckpoint& write = *message.mutable_write_checkpoint();
  write.set_number(*number);
  write.set_folder(config_.checkpoint().dir());
  write.set_since(checkpoint_.parent);
  write.set_step(step);
  for (const Member* server : membership_.Live(v1::SHARD_HOST)) {
    if (round_->Wants(server->record.id())) SendTo(*server, message);
  }
  return TakeActions();
}

void CoordinatorCore::HandleCheckpointWritten(const Member& server,
                                              const v1::CheckpointWritten& written,
                                              absl::Duration now) {
  if (checkpoint_.stage != CheckpointStage::kWriting || written.number() != checkpoint_.number) {
    return;
  }
  if (!written.error().empty() && written.step() > 0 && checkpoint_.margin < kMostMargin) {
    // Steps are done faster than they were thought to be.
    checkpoint_.margin *= 2;
    return RepeatCheckpoint();
  }
  round_->Take(server.record.id(), written);
  if (!round_->error().empty()) {
    FailCheckpoint(absl::StrCat(server.Describe(), ": ", round_->error()), now);
  }
}

CoordinatorCore::Actions CoordinatorCore::OnCheckpointCommitted(const absl::Status& status,
                                                                absl::Duration now) {
  if (checkpoint_.stage != CheckpointStage::kCommitting) return TakeActions();
  if (!status.ok()) {
    FailCheckpoint(std::string(status.message()), now);
    return TakeActions();
  }
  last_checkpoint_ = checkpoint_.number;
  checkpoint_.since_full = checkpoint_.parent == 0 ? 1 : checkpoint_.since_full + 1;
  checkpoint_.whole_at = now;
  checkpoint_.seconds = absl::ToDoubleSeconds(now - round_->begun());
  checkpoint_.whole_bytes = checkpoint_.bytes;
  checkpoint_.margin = std::max(kLeastMargin, checkpoint_.margin / 2);
  ++revision_;
  EndCheckpoint("");
  Proceed(now);
  return TakeActions();
}

void CoordinatorCore::LeaveCheckpoint() {
  if (checkpoint_.stage == CheckpointStage::kWriting ||
      checkpoint_.stage == CheckpointStage::kPositions) {
    actions_.push_back(AbandonCheckpoint{checkpoint_.number});
  }
  checkpoint_.stage = CheckpointStage::kNone;
  checkpoint_.unheard.clear();
  round_.reset();
}

void CoordinatorCore::RepeatCheckpoint() {
  LeaveCheckpoint();
  checkpoint_.asked = true;
}

void CoordinatorCore::FailCheckpoint(const std::string& why, absl::Duration now) {
  LeaveCheckpoint();
  // What servers have copied was of this one.
  checkpoint_.since_full = 0;
  const absl::Duration every = ToDuration(config_.checkpoint().every());
  checkpoint_.not_before =
      now + (every > absl::ZeroDuration() ? std::min(every, kTryAgain) : kTryAgain);
  EndCheckpoint(why);
}

void CoordinatorCore::EndCheckpoint(const std::string& problem) {
  checkpoint_.stage = CheckpointStage::kNone;
  round_.reset();
  checkpoint_.problem = problem;
  ++checkpoint_.ended;
  checkpoint_.final_ended |= checkpoint_.is_final;
}

void CoordinatorCore::AddCheckpoint(absl::Duration now, v1::ClusterStatus* status) const {
  if (!config_.has_checkpoint()) return;
  v1::CheckpointStatus& checkpoint = *status->mutable_checkpoint();
  checkpoint.set_number(last_checkpoint_);
  if (checkpoint_.whole_at.has_value()) {
    checkpoint.set_age_seconds(absl::ToDoubleSeconds(now - *checkpoint_.whole_at));
    checkpoint.set_seconds(checkpoint_.seconds);
    checkpoint.set_bytes(checkpoint_.whole_bytes);
  }
  checkpoint.set_writing(checkpoint_.stage != CheckpointStage::kNone);
  checkpoint.set_problem(checkpoint_.problem);
  checkpoint.set_restored_from(restored_from_);
  if (!checkpoint_.problem.empty()) {
    status->add_problems(absl::StrCat(
        "the last checkpoint was not written: ", checkpoint_.problem,
        last_checkpoint_ > 0 ? absl::StrCat("; checkpoint ", last_checkpoint_, " is whole")
                             : "; there is none"));
  }
}

// ---- beginning with one

const v1::PartitionPosition* CoordinatorCore::PositionOf(const WorkQueue::Grant& grant) const {
  const auto found = positions_.find({grant.epoch, grant.partition});
  return found == positions_.end() ? nullptr : &found->second;
}

bool CoordinatorCore::LoadLostShards() {
  std::vector<uint32_t> servers;
  std::set<uint32_t> live;
  for (const Member* server : membership_.Live(v1::SHARD_HOST)) {
    live.insert(server->record.id());
    if (!server->record.draining()) servers.push_back(server->record.id());
  }
  if (servers.empty()) return false;
  std::vector<std::vector<uint32_t>> placement;
  for (const v1::TablePlacement& table : shard_map_.tables()) {
    placement.emplace_back(table.shard_servers().begin(), table.shard_servers().end());
    for (uint32_t& server : placement.back()) {
      if (!live.contains(server)) server = 0;
    }
  }
  const std::vector<std::vector<uint32_t>> planned = PlanShards(placement, servers);
  for (int t = 0; t < shard_map_.tables_size(); ++t) {
    v1::TablePlacement& table = *shard_map_.mutable_tables(t);
    for (int shard = 0; shard < table.shard_servers_size(); ++shard) {
      const auto at = static_cast<size_t>(shard);
      if (placement[static_cast<size_t>(t)][at] != 0) continue;
      table.set_shard_servers(shard, planned[static_cast<size_t>(t)][at]);
      auto& loads = *table.mutable_loads();
      loads.erase(std::remove_if(loads.begin(), loads.end(),
                                 [&](const v1::ShardLoad& load) {
                                   return load.shard() == static_cast<uint32_t>(shard);
                                 }),
                  loads.end());
      v1::ShardLoad& load = *table.add_loads();
      load.set_shard(static_cast<uint32_t>(shard));
      load.set_checkpoint(last_checkpoint_);
      if (shard < table.backups_size()) table.mutable_backups(shard)->clear_backups();
    }
  }
  // Those that were waited for have nothing any more that is missing.
  auto& lost = *shard_map_.mutable_lost_servers();
  auto& members = *shard_map_.mutable_servers();
  members.erase(std::remove_if(members.begin(), members.end(),
                               [&](const v1::ServerMember& member) {
                                 return std::find(lost.begin(), lost.end(), member.id()) !=
                                        lost.end();
                               }),
                members.end());
  lost.Clear();
  return true;
}

void CoordinatorCore::ForgetLoads(const Member& server) {
  for (v1::TablePlacement& table : *shard_map_.mutable_tables()) {
    auto& loads = *table.mutable_loads();
    const auto end = std::remove_if(loads.begin(), loads.end(), [&](const v1::ShardLoad& load) {
      return table.shard_servers(static_cast<int>(load.shard())) == server.record.id();
    });
    if (end == loads.end()) continue;
    loads.erase(end, loads.end());
    ++revision_;
  }
}

void CoordinatorCore::GoOnFromCheckpoint(absl::Duration now) {
  if (work_.Of(job_.epoch()).items > 0) {
    ChangePhase(v1::TRAINING, now);
  } else if (work_.HasEvaluation()) {
    ChangePhase(v1::EVALUATING, now);
  } else {
    AfterEvaluation(now);
  }
}

}  // namespace paramd
