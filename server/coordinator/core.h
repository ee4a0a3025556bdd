#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "paramd/v1/admin.pb.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "paramd/v1/status.pb.h"
#include "server/coordinator/auto_staleness.h"
#include "server/coordinator/checkpoint_round.h"
#include "server/coordinator/lease_positions.h"
#include "server/coordinator/membership.h"
#include "server/coordinator/move_planner.h"
#include "server/coordinator/replica_planner.h"
#include "server/coordinator/shard_traffic.h"
#include "server/coordinator/stragglers.h"
#include "server/coordinator/training_control.h"
#include "server/coordinator/work_queue.h"

namespace paramd {

// What a job knows of the model in model.init.
struct InitialModel {
  std::vector<v1::TableSpec> tables;
  v1::Data::Scaling scaling = v1::Data::AS_IS;
  // Of its data; empty: their values were not changed.
  std::vector<v1::ColumnScale> scales;
};

// The coordinator's decisions: who is a member, where the shards are, who works on what, how the
// job goes. A state machine: every event returns the actions that follow from it; it knows neither
// time (it comes in), nor network, nor disk. Not thread-safe; `Coordinator` runs one.
//
// A job: WAITING_FOR_MEMBERS until `cluster.servers` shard hosts and the smallest number of workers
// are there and a worker has declared the tables; MEASURING the columns of the training files,
// where the configuration asks for it and model.init does not bring it; then TRAINING, epoch
// after epoch; after some epochs and after the last, EVALUATING on one worker; then SAVING; DONE.
// Workers run from one epoch into the next, at most one ahead, where nothing stands between the
// two. Before such an evaluation, before the model is saved, and between epochs in stripes, an
// epoch ends only when every partition is done and every worker is idle (so has left the clocks and
// all its pushes are acknowledged). An evaluation in an epoch (training.eval_examples) is done by a
// worker that is free while the others train. Training that is stopped (training.max_seconds,
// training.patience) hands out no more work; workers end the partitions that they have where they
// are, and what follows is as after the last epoch. A worker that is much slower than the others
// gets its next partition only when it has ended the one it works on, and none of the last ones.
class CoordinatorCore {
 public:
  struct Send {
    ConnectionId connection;
    v1::CoordinatorMessage message;
  };
  // Ends a stream with a status.
  struct Close {
    ConnectionId connection;
    absl::Status status;
  };
  // Save the model to a file now; OnModelSaved answers.
  struct SaveModel {
    v1::ShardMap shard_map;
    std::string path;
  };
  // Rename a file that SaveModel wrote; OnModelSaved answers.
  struct RenameModel {
    std::string from;
    std::string to;
  };
  // For the history of the run.
  struct Record {
    std::variant<v1::HistoryPoint, v1::Evaluation, v1::StalenessChoice> what;
  };
  // Begin a checkpoint; OnCheckpointBegun answers.
  struct BeginCheckpoint {};
  // Make a checkpoint of what was written; OnCheckpointCommitted answers.
  struct CommitCheckpoint {
    uint64_t number = 0;
    uint64_t parent = 0;  // that it adds to; 0: none
    v1::CheckpointPayload payload;
  };
  struct AbandonCheckpoint {
    uint64_t number = 0;
  };
  using Action = std::variant<Send, Close, SaveModel, RenameModel, Record, BeginCheckpoint,
                              CommitCheckpoint, AbandonCheckpoint>;
  using Actions = std::vector<Action>;

  // A new job over `train` partitions (with stripes: whole files) and `eval` files. `init`: of no
  // interest when model.init is not set; otherwise an error says why there is none.
  CoordinatorCore(v1::Config config, std::vector<v1::Partition> train,
                  std::vector<v1::Partition> eval, absl::Duration now,
                  absl::StatusOr<InitialModel> init = InitialModel());

  // Goes on from a state that was stored by a coordinator with the same configuration.
  CoordinatorCore(v1::Config config, const v1::CoordinatorState& stored,
                  std::vector<v1::Partition> eval, absl::Duration now);

  Actions OnMessage(ConnectionId connection, const v1::MemberMessage& message, absl::Duration now);
  Actions OnDisconnect(ConnectionId connection, absl::Duration now);
  // Call a few times in a lease.
  Actions OnTick(absl::Duration now);
  // The coordinator itself stood still for `gap`, which is not held against the members.
  void OnStall(absl::Duration gap);
  Actions OnModelSaved(const absl::Status& status, absl::Duration now);
  Actions OnCheckpointBegun(const absl::StatusOr<uint64_t>& number, absl::Duration now);
  Actions OnCheckpointCommitted(const absl::Status& status, absl::Duration now);
  // The operator ends the job.
  Actions OnAbort(const std::string& reason, absl::Duration now);

  // Changes how a table's pulls wait, as AdminService.SetTable says; `actions` are to be carried
  // out as those of an event.
  absl::StatusOr<v1::SetTableReply> SetTable(const v1::SetTableRequest& request, Actions* actions);

  // A checkpoint of the job as it is from now on is written as soon as it can be. It is there, or
  // has failed, when checkpoints_ended() is what is returned.
  uint64_t AskForCheckpoint();
  uint64_t checkpoints_ended() const { return checkpoint_.ended; }
  uint64_t last_checkpoint() const { return last_checkpoint_; }
  // Why the last one failed; empty: it did not.
  const std::string& checkpoint_problem() const { return checkpoint_.problem; }

  // A member is to give up its shards or its work and to leave, as AdminService.Drain says; as
  // above.
  absl::StatusOr<v1::DrainReply> Drain(const v1::DrainRequest& request, absl::Duration now,
                                       Actions* actions);
  // What is moved, and would be now.
  v1::ShardPlan DescribeMoves() const;

  bool finished() const { return job_.state() == v1::SUCCEEDED || job_.state() == v1::FAILED; }
  const v1::JobStatus& job() const { return job_; }
  v1::ClusterStatus Status(absl::Duration now) const;

  // What has to be stored before the actions of an event are carried out; `revision` grows with
  // every change of it.
  v1::CoordinatorState State() const;
  uint64_t revision() const { return revision_; }

 private:
  void HandleHello(ConnectionId connection, const v1::Hello& hello, absl::Duration now);
  // What a worker may have missed while its stream was broken.
  void RepeatAnswers(const Member& worker);
  void SendStart(const Member& worker);
  v1::CoordinatorMessage EndMessage() const;
  void SendNoWork(const Member& worker);
  void HandleNumbered(Member& member, const v1::MemberMessage& message, absl::Duration now);
  void HandleTables(Member& member, const v1::TableDeclaration& declaration, absl::Duration now);
  void HandleWorkDone(Member& member, const v1::WorkDone& done, absl::Duration now);
  void AddEvaluation(uint32_t epoch, const v1::Metrics& metrics, absl::Duration now);
  void Lose(Member& member, const std::string& why, absl::Duration now);
  // Servers that hold each shard, as the configuration says.
  uint32_t Replication() const;
  // ---- moves (core_moves.cc)
  static absl::Duration TrafficWindow(const v1::Config& config);
  // The live servers.
  std::vector<ServerPlace> Places() const;
  bool MayMove() const;
  // Begins moves, and drops what they leave behind; lets servers go that are empty.
  void MoveShards(absl::Duration now);
  // Whether it is time to look for moves: a server comes or is to leave, moves for balance go on,
  // or the servers were out of balance twice.
  bool MovesAreDue();
  void HandleShardsReleased(const Member& server, const v1::ShardsReleased& released);
  // Tells a member that was drained to end.
  void LetGo(Member& member, absl::Duration now);

  // Gives shards without a backup one. Returns whether there were any.
  bool PlaceMissingBackups(bool filled);
  void AddServer(const Member& server);
  // A server that is gone and comes back with its disk, it is hoped.
  void WaitFor(const v1::ServerMember& server);
  void AddServerToRunningJob(const Member& server);
  // Its backups take over; the job fails when some shard has none.
  void LoseServer(const Member& server, const std::string& why, absl::Duration now);
  // A server that was lost may have come back with what is on its disk.
  void HandleHeldLog(const Member& server, const v1::HeldLog& held);
  // Shards of a lost server that it never served, for it was gone before it heard that it should:
  // the server before it has them on disk.
  void GiveBackUnserved(const Member& server);
  void HandleReplicasFilled(const Member& server, const v1::ReplicasFilled& filled);
  void AddReplicas(v1::ClusterStatus* status) const;
  bool AllSynchronous() const;
  bool CheckpointIsDue(absl::Duration now) const;
  void ProceedWithCheckpoint(absl::Duration now);
  void HandleCheckpointWritten(const Member& server, const v1::CheckpointWritten& written,
                               absl::Duration now);
  // Gives up the checkpoint that is under way.
  void LeaveCheckpoint();
  // Once more, from the beginning.
  void RepeatCheckpoint();
  void FailCheckpoint(const std::string& why, absl::Duration now);
  void EndCheckpoint(const std::string& problem);
  void AddCheckpoint(absl::Duration now, v1::ClusterStatus* status) const;
  // How far a partition was when the job was restored; null: it had not begun.
  const v1::PartitionPosition* PositionOf(const WorkQueue::Grant& grant) const;
  // Shards that nobody holds go to the servers that live, which read them from the last checkpoint.
  // False: there is no server.
  bool LoadLostShards();
  // The server has read the shards that it was to read.
  void ForgetLoads(const Member& server);
  // The phase that the restored job was in.
  void GoOnFromCheckpoint(absl::Duration now);
  // Training is over and the model, if any, saved.
  void EndJob(absl::Duration now);
  // Whatever can go on now goes on: starts the job, hands out work, ends epochs.
  void Proceed(absl::Duration now);
  void TryStart(absl::Duration now);
  // Whether model.init suits the tables of the model and the data.
  absl::Status CheckInitialModel(const std::vector<v1::TableSpec>& specs) const;
  void SetScales(const std::vector<v1::ColumnScale>& scales);
  void StartMeasuring(absl::Duration now);
  void EndMeasuring(absl::Duration now);
  void HandOutWork();
  // Lets those that are attached begin, once nobody is on the way.
  void StartAttached();
  // Work for a worker, from the next epoch when this one has none left and needs no end first.
  std::optional<WorkQueue::Grant> TakeWork(const Member& worker);
  // Whether the worker is so slow that what is left of the epoch is better done by others.
  bool LeavesWorkToOthers(const Member& worker);
  // Whether the worker, for whom nothing is left of the epoch, does what stragglers do as well.
  bool MayHelpOthers(const Member& worker) const;
  void Revoke(const WorkQueue::Revoked& revoked);
  void SendRevoke(const Member& worker, uint64_t lease);
  // Whether there is work of this epoch, done or not.
  bool HasBegun(uint32_t epoch) const;
  // Whether this is the last epoch, or, when training was stopped, the last one that has begun.
  bool IsLastEpoch() const;
  // Whether an evaluation stands between this epoch and what follows it.
  bool EvaluationFollows() const;
  // An evaluation in this epoch, if it is time for one.
  void ScheduleEvaluation();
  // Ends training before its epochs do.
  void StopTraining(const std::string& why);
  void SendStopTraining(const Member& worker);
  void AddEpoch(uint32_t epoch);
  void StartEpoch(uint32_t epoch);
  void EndEpoch(absl::Duration now);
  // Ends the job when a pass over the training files found too many bad records, or none.
  bool RecordsAreGood(const WorkQueue::Totals& pass, absl::Duration now);
  void AfterEvaluation(absl::Duration now);
  // What has to be done for the model file that is under way.
  Action SaveAction() const;
  // Where training is, for the history.
  void AddHistoryPoint(absl::Duration now);
  void Finish(v1::JobState state, const std::string& message, int exit_code, absl::Duration now);
  void ChangePhase(v1::JobPhase phase, absl::Duration now);
  // Counts the time of the current phase up to `now`.
  void SpendTime(absl::Duration now);

  // The next step of the slowest worker: the first that nobody has begun under the rules so far and
  // finishes under new ones.
  uint64_t NextClock();
  // Chooses the bound of tables whose staleness is auto.
  void TuneStaleness(absl::Duration now);

  bool Admitted(const Member& worker);
  bool AllWorkersIdle();
  // Every server has closed the steps of the workers that went.
  bool ViewApplied();
  void SendGrant(const Member& worker, const WorkQueue::Grant& grant);
  void SendTo(const Member& member, v1::CoordinatorMessage message);
  void BroadcastView();
  v1::ClusterView View() const;
  double Progress() const;
  uint64_t ExamplesSoFar() const;
  Actions TakeActions();

  const v1::Config config_;
  std::vector<v1::Partition> train_;
  const std::vector<v1::Partition> eval_;
  const absl::StatusOr<InitialModel> init_;
  Membership membership_;
  WorkQueue work_;
  TrainingControl control_;
  v1::TableDeclaration declared_;
  v1::ShardMap shard_map_;
  uint64_t view_version_ = 0;
  // A shard whose backup took over with the view `version`, from a server that may have it on disk.
  struct Promotion {
    int table;
    int shard;
    v1::ServerMember before;
    uint64_t version;
  };
  std::vector<Promotion> promotions_;
  // Backups were filled since it was sent; more may follow soon.
  bool view_is_old_ = false;
  ShardTraffic traffic_;
  // The last plan had moves.
  bool balancing_ = false;
  // It would have had some when all servers had last reported their traffic.
  bool out_of_balance_ = false;
  // state, message, exit_code, phase, epoch, evaluations, bad_records, model, history and stopped
  // are kept in place.
  v1::JobStatus job_;
  // A model file is being written: of the best evaluation, or, in SAVING, the one of the job.
  bool saving_ = false;
  // It could not be read, as a server is gone: tried again until the time comes.
  bool save_again_ = false;
  std::optional<absl::Duration> save_until_;
  // While some table's staleness is auto.
  std::optional<AutoStaleness> auto_staleness_;
  Stragglers stragglers_;
  uint64_t finished_records_ = 0;
  std::vector<std::string> bad_record_examples_;
  // Spent in TRAINING and since the job began running, up to counted_until_.
  absl::Duration training_time_;
  absl::Duration running_time_;
  absl::Duration counted_until_;
  // running_time_ of the last point of the history.
  absl::Duration charted_at_;
  LeasePositions leases_;
  // Of a restored job, by epoch and partition: how far partitions were.
  std::map<std::pair<uint32_t, uint32_t>, v1::PartitionPosition> positions_;
  uint64_t restored_from_ = 0;
  uint64_t last_checkpoint_ = 0;
  enum class CheckpointStage { kNone, kBeginning, kWriting, kPositions, kCommitting };
  struct CheckpointProgress {
    CheckpointStage stage = CheckpointStage::kNone;
    uint64_t number = 0;
    uint64_t parent = 0;
    uint64_t bytes = 0;
    // Workers that have not said where they are since everything was written.
    std::map<uint32_t, int> unheard;  // and how many reports are wanted of them
    bool asked = false;
    absl::Duration last_begun;
    absl::Duration not_before = -absl::InfiniteDuration();
    uint64_t ended = 0;       // whole or failed
    uint64_t since_full = 0;  // of the last full one and those that add to it
    uint64_t margin = 8;      // steps from the fastest worker to a synchronous checkpoint
    std::optional<absl::Duration> whole_at;
    double seconds = 0;
    uint64_t whole_bytes = 0;
    std::string problem;
    bool is_final = false;
    bool final_ended = false;
  };
  CheckpointProgress checkpoint_;
  std::optional<CheckpointRound> round_;
  uint64_t revision_ = 0;
  Actions actions_;
};

}  // namespace paramd
