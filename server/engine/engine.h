#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/wire/operation.h"
#include "paramd/v1/coordinator.pb.h"
#include "paramd/v1/replica.pb.h"
#include "server/consistency/clock_tracker.h"
#include "server/engine/check_operation.h"
#include "server/engine/memory_guard.h"
#include "server/engine/parked_pulls.h"
#include "server/engine/step_ledger.h"
#include "server/engine/under_way.h"
#include "server/engine/view.h"
#include "server/replica/acknowledgement.h"
#include "server/replica/checkpointer.h"
#include "server/replica/log_keeper.h"
#include "server/replica/replica_filler.h"
#include "server/replica/replica_frame.h"
#include "server/replica/replica_link.h"
#include "server/table/table.h"

namespace paramd {

struct EngineOptions {
  OperationLimits limits;
  size_t max_parked_pulls = 65536;
  // Memory of the pulls that wait, and of their answers.
  uint64_t max_parked_bytes = uint64_t{1} << 30;
  // By which waiting is measured; outlives the engine.
  Clock* clock = &Clock::System();
  // Opens the way to a backup; required when the shard map has any.
  std::function<std::unique_ptr<ReplicaLink>(uint32_t server, const std::string& address)> connect;
  // Whether this server's lease is not over. Without one it acknowledges nothing by itself.
  std::function<bool()> has_lease = [] { return true; };
  // A backup has everything that was acknowledged, and will. From a thread of the engine's.
  std::function<void(const v1::ShardReplica&)> on_filled = [](const v1::ShardReplica&) {};
  // The shards are served here no longer, and the servers that follow them have everything that was
  // acknowledged. From any thread.
  std::function<void(const v1::ShardsReleased&)> on_released = [](const v1::ShardsReleased&) {};
  // Opens the log of this server's operations for the job, and gives what is in it to the visitor.
  using OpenLog = std::function<absl::StatusOr<std::unique_ptr<LogKeeper>>(
      uint64_t job, const RecordVisitor& visitor)>;
  // Pushes are acknowledged when the backup has them, too; otherwise at once.
  bool wait_for_backup = true;
  // Bytes that may wait for a backup before pushes are refused.
  uint64_t max_replica_bytes = uint64_t{256} << 20;
  uint64_t fill_bytes_per_second = uint64_t{64} << 20;
  MemoryGuard::Options memory;
};

// Sums since the start.
struct EngineCounters {
  uint64_t pushes = 0;      // acknowledged
  uint64_t pulls = 0;       // answered with rows
  uint64_t refused = 0;     // operations answered with an error, other than by Cancel
  uint64_t duplicates = 0;  // pushes that some shard had taken before
  uint64_t late = 0;        // pushes that came to some shard after their synchronous step closed
  uint64_t dropped = 0;     // steps of clients that came too late to count
};

// The core of a shard host: takes operations of clients as parameter.proto says, keeps the tables'
// shards and the clients' clocks. Knows no transport. Thread-safe.
//
//   Engine engine({});
//   engine.SetServerId(1);
//   engine.ApplyView(view);                      // whenever the coordinator sends one
//   engine.Handle(operation, [](Reply reply) { ... });
//
// Operations of one client are handed in one after the other, in the order it sent them.
//
// Locks, in the order they are taken: view_mutex_, mutex_, a shard's; links_mutex_ is taken last
// and alone. mutex_ is held for book-keeping only: rows are read and written under the shards'
// locks, after mutex_ is let go. Callbacks run under no lock.
//
// Synchronous steps. A step is finished when MinClock() is beyond it, and closed when its mean
// gradient is applied to all shards here; closed_ follows MinClock(). Pulls wait for closed_, so a
// pull of a step never sees a part of the step before. Whoever moves MinClock() closes the steps it
// finished, unless another thread is at it (closing_), which then goes on with these: steps close
// one after the other. While they do, nobody can apply anything to a later one.
//
// With b backup workers (Chen et al., "Revisiting distributed synchronous SGD", 2016, section 3) a
// step is finished when all clients but b are beyond it (FinishedSteps()). Its contributors are
// decided then, under mutex_, for all shards here: those who have finished it. Who finishes it
// later is dropped and goes on with the first step that is not decided.
//
// Replicas. A primary gives every operation that changed a shard to the shard's backups, and
// answers a push when those that count have it (ReplicaLink, Acknowledgement); of a synchronous
// table when the step is closed and they have that. Frames leave after the shard's lock is let go:
// backups put them in order by their indices.
//
// When a view makes this server the primary of more shards, their clients send again what was not
// answered, and say so by ADVANCE under the new epoch. Until all of them have (or left), pulls that
// go by clocks wait and no step is closed here: closed_ and the clocks speak of this server's own
// shards only. Then steps that were closed here and not there are closed on the new shards with the
// same contributors (recent_). A server that is new to a running job waits for all who train then
// in the same way, so that it knows all clocks before it is given shards.
//
// Moves. A shard that a view lets go to a backup is frozen: refused to clients, while steps are not
// closed, so that what it had of open steps is refused too and comes again. When its followers have
// all of it (ShardsReleased) the coordinator makes the backup the primary.
class Engine {
 public:
  explicit Engine(const EngineOptions& options);

  // Answers the pulls that still wait with CANCELLED. No other call is under way.
  ~Engine();

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // This server's id, by which it finds itself in shard maps. Once, before the first view.
  void SetServerId(uint32_t id) ABSL_LOCKS_EXCLUDED(mutex_, links_mutex_);

  // Takes over a view: makes the shards that are placed here for the first time, keeps those that
  // are here already; clients that are not members any more leave the clocks (their waiting pulls
  // are refused, others may go on). Pulls that wait under an earlier epoch are refused. A view that
  // is not newer than the last one is ignored.
  // FAILED_PRECONDITION: no server id yet. INVALID_ARGUMENT, RESOURCE_EXHAUSTED: as View::Make;
  // nothing was changed.
  absl::Status ApplyView(const v1::ClusterView& message) ABSL_LOCKS_EXCLUDED(view_mutex_, mutex_);

  // Takes a message of the replica stream of server `primary`. OK: all of it is here, or the shard
  // has another backup now, which the primary will hear of. FAILED_PRECONDITION: `primary` is a
  // shard's primary no longer; what is for its other shards was taken. UNAVAILABLE: of an epoch
  // that is not known here yet. INVALID_ARGUMENT: it makes no sense.
  absl::Status TakeReplicated(uint32_t primary, const v1::Header& header, ByteReader keys,
                              ByteReader values) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends everything that goes out to backups; nobody is answered any more who waits for them.
  // Before what on_filled and has_lease use goes.
  void StopReplicating() ABSL_LOCKS_EXCLUDED(view_mutex_, links_mutex_);

  // Whether no rows may be added.
  bool MemoryIsFull() const { return memory_.level() == MemoryLevel::kFull; }

  // Of all shards here.
  v1::ShardDigests ShardDigests() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether some shards have backups: frames refer to the bytes of operations after Handle has
  // returned (Operation::owner).
  bool replicates() const { return replicates_.load(std::memory_order_relaxed); }

  // As the configuration says, which comes after the engine. Before the first view. `held`: what
  // the log holds; a view that makes this server the primary of such a shard has it read from
  // there.
  void SetReplication(bool wait_for_backup, uint64_t fill_bytes_per_second);
  void SetLog(EngineOptions::OpenLog open_log, const v1::HeldLog& held);

  // Where checkpoints are, as the configuration says. Before the first view.
  void SetCheckpoints(const std::string& folder, int zstd_level) ABSL_LOCKS_EXCLUDED(mutex_);

  // Writes the shards that this server is the primary of to its files of a checkpoint, and gives
  // one that was under way up. With request.step, when so many steps are closed or no client is
  // attached. `done` is called from another thread, or before the return; not after
  // StopReplicating.
  using CheckpointDone = std::function<void(const v1::CheckpointWritten& written)>;
  void WriteCheckpoint(const v1::WriteCheckpoint& request, CheckpointDone done)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Gives the rows of a table that live here saved values, as Table::Load does. After the first
  // view and before any push.
  void LoadTable(uint32_t table, absl::Span<const uint64_t> keys, absl::Span<const float> values)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes an operation and calls `done` (or a copy of it) exactly once: before it returns, or, for
  // a pull that has to wait, later from whichever thread lets it go on. What `operation` borrows is
  // not used after the return. The reply's status is one of those that parameter.proto names; with
  // an error, nothing was changed.
  void Handle(const Operation& operation, const ReplyCallback& done) ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether the client is a member with this incarnation, by the last view.
  bool IsMember(uint32_t client, uint64_t incarnation) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Answers the client's waiting pulls with CANCELLED; its connection is gone. The client stays in
  // the clocks: it may come back.
  void Cancel(uint32_t client, uint64_t incarnation) ABSL_LOCKS_EXCLUDED(mutex_);

  // Every row of a shard. NOT_FOUND: no such table, or a shard that is not here. UNAVAILABLE: it is
  // here no longer, or the epoch is not known yet.
  absl::StatusOr<ShardSnapshot> ReadShard(uint32_t table, uint32_t shard, uint64_t epoch) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // For the coordinator's status.
  v1::ServerReport Report() const ABSL_LOCKS_EXCLUDED(mutex_);

  EngineCounters Counters() const;

  // XXH3 of the state of all shards here, the smallest clock and the number of waiting pulls.
  uint64_t Digest() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // An operation's sender was looked at.
  struct Admission {
    Reply reply;  // without values; its status says whether the operation may go on
    std::shared_ptr<const View> view;
    uint64_t closed = 0;       // closed_ at the time
    uint64_t fastest = 0;      // MaxClock() at the time
    bool holds_pulls = false;  // HoldsPulls() at the time
  };

  // Steps to close on the shards of a view; every step before `clock` is closed then.
  struct Closing {
    std::shared_ptr<const View> view;
    uint64_t clock = 0;
    std::vector<FinishedStep> steps;
    // Has to have the shards before they change; null: nothing has.
    std::shared_ptr<Checkpointer> checkpoint;
  };

  // Whether the client may do this now: CheckSender, and that it is attached where it has to be.
  absl::Status Admit(const Operation& operation) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A reply with Admit's status.
  Reply NewReply(const Operation& operation) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Admission Begin(const Operation& operation) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Counts an error, and calls back.
  void Finish(const Reply& reply, const ReplyCallback& done);

  Reply AttachOrAdvance(const Operation& operation) ABSL_LOCKS_EXCLUDED(mutex_);
  Reply Detach(const Operation& operation) ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether there is room for what a push or pull takes, here and at the backups:
  // RESOURCE_EXHAUSTED says what is short and what to do. `slow`: it is short, and its answer is to
  // wait.
  absl::Status CheckRoom(const Operation& operation, const CheckedOperation& checked, bool* slow)
      ABSL_LOCKS_EXCLUDED(links_mutex_);
  // The callback with answers other than refusals held back for as long as the memory says.
  ReplyCallback Slowed(const ReplyCallback& done);
  absl::Status CheckBackups(const Operation& operation, const CheckedOperation& checked)
      ABSL_LOCKS_EXCLUDED(links_mutex_);
  // Memory, and what a person should know of it and of the backups.
  void AddPressure(v1::ServerReport* report) const ABSL_LOCKS_EXCLUDED(links_mutex_);
  std::string NameOf(uint32_t server) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(links_mutex_);

  void Push(const Operation& operation, const ReplyCallback& done) ABSL_LOCKS_EXCLUDED(mutex_);
  // Gives the parts of a push, `staleness` steps behind the fastest client, to their shards, of the
  // view of this epoch.
  absl::Status Deliver(uint64_t epoch, const Operation& operation, const CheckedOperation& checked,
                       uint64_t staleness, const std::shared_ptr<Acknowledgement>& acknowledgement)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Sends the parts of a push that was applied to whom they are for.
  void ShipPush(const Operation& operation, uint64_t staleness, absl::Span<const ShardPart> parts,
                absl::Span<const Applied> applied,
                const std::shared_ptr<Acknowledgement>& acknowledgement);
  // Waits for what the targets were sent before.
  void WaitForTargets(uint64_t epoch, absl::Span<const Applied> applied,
                      const std::shared_ptr<Acknowledgement>& acknowledgement);
  using StepAnswers = std::vector<std::shared_ptr<Acknowledgement>>;
  // Answers to pushes for steps before `step`.
  StepAnswers TakeAnswersBefore(uint64_t step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // They go when all backups have what was sent so far.
  void WhenAllTaken(uint64_t epoch, const StepAnswers& answers) ABSL_LOCKS_EXCLUDED(links_mutex_);
  // Sends a frame about one shard to its targets.
  void Ship(const ReplicaTargets& targets, const ReplicaFrame& frame,
            const std::shared_ptr<Acknowledgement>& acknowledgement);
  // Sends a frame under the epoch of the view.
  void SendTo(ReplicaLink& link, ReplicaFrame frame,
              std::shared_ptr<Acknowledgement> acknowledgement);
  // Null: it is none of this server's backups (any more).
  std::shared_ptr<ReplicaLink> LinkTo(uint32_t server) ABSL_LOCKS_EXCLUDED(links_mutex_);
  bool Waits(const ReplicaTarget& target) const {
    return target.waits &&
           (target.server == kLogTarget || wait_for_backup_.load(std::memory_order_relaxed));
  }
  // Closes a step on the shards here, and tells their backups; answers whose pushes it is made of
  // go with that.
  void Close(const View& view, const FinishedStep& step);
  // Steps that were closed here, or before this server was there, for shards that come here.
  std::vector<FinishedStep> ClosedSteps(uint64_t clock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether clients have yet to send again what others have not answered.
  bool AwaitsClients() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether pulls that go by clocks wait, for closed_ does not hold of all shards here.
  bool HoldsPulls() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return catch_up_ || AwaitsClients();
  }
  // Links, targets and fillings as the view says.
  void ConnectBackups(const v1::ClusterView& message, const View& view)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(view_mutex_) ABSL_LOCKS_EXCLUDED(mutex_, links_mutex_);
  // Reads the shards that the view brings back from the log, and has the log hold all that this
  // server is the primary of. Whether shards came back.
  absl::StatusOr<bool> OpenLogFor(const v1::ClusterView& message, const View& before,
                                  const View& view) ABSL_EXCLUSIVE_LOCKS_REQUIRED(view_mutex_);
  void LogShards(const View& view) ABSL_EXCLUSIVE_LOCKS_REQUIRED(view_mutex_);
  // Reads the shards that the view has this server begin with from checkpoints. Whether there are
  // any.
  absl::StatusOr<bool> LoadShards(const v1::ClusterView& message, const View& before,
                                  const View& view) ABSL_EXCLUSIVE_LOCKS_REQUIRED(view_mutex_);
  // Lets the checkpoint that is to be written have the shards as they are now, if it is time.
  void BeginCheckpointIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndCheckpoint(v1::CheckpointWritten written, const ShardIndices& indices,
                     const CheckpointDone& done) ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for the thread that is closing steps, and lets nobody close any until LetStepsGo; whoever
  // holds them up sees to it that they are settled afterwards.
  void HoldSteps() ABSL_LOCKS_EXCLUDED(mutex_);
  void LetStepsGo() ABSL_LOCKS_EXCLUDED(mutex_);
  // Serves the shards no longer that the view lets go; says so when their followers have
  // everything. While steps are held up.
  void Freeze(const v1::ClusterView& message, const View& before, const View& view)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(view_mutex_) ABSL_LOCKS_EXCLUDED(mutex_, links_mutex_);
  // Serves shards again that were to go and stay. Whether there are any.
  bool ServeAgain(const View& before, const View& view) ABSL_EXCLUSIVE_LOCKS_REQUIRED(view_mutex_);
  // A new backup has everything that was sent: says so, of synchronous tables when the steps are
  // closed that had begun by then.
  void ReportFilled(const v1::ShardReplica& replica) ABSL_LOCKS_EXCLUDED(mutex_);
  void ReportFilledSteps() ABSL_LOCKS_EXCLUDED(mutex_, links_mutex_);
  // Lets go of servers that are backups of this one no longer.
  void ReleaseLinks(const v1::ClusterView& message) ABSL_LOCKS_EXCLUDED(links_mutex_);
  // Every step before it is finished by all that it waits for. Never goes back.
  uint64_t FinishedSteps() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The client has finished the operation's step.
  void FinishStep(const Operation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void Pull(const Operation& operation, const ReplyCallback& done) ABSL_LOCKS_EXCLUDED(mutex_);
  // Answers, parks or refuses a pull that owns its keys.
  void Resume(PendingPull pull) ABSL_LOCKS_EXCLUDED(mutex_);
  // Reads the rows and calls back. The reply's other fields are set.
  void Answer(const Operation& operation, const CheckedOperation& checked, Reply reply,
              const ReplyCallback& done) ABSL_LOCKS_EXCLUDED(mutex_);
  void Answer(const PendingPull& pull) {
    Answer(pull.operation, pull.checked, pull.reply, pull.done);
  }

  // Closes the steps that are finished and answers the pulls that may go on then. To be called
  // whenever FinishedSteps() may have moved.
  void Settle() ABSL_LOCKS_EXCLUDED(mutex_);
  // The next steps to close, which is up to the caller then. Nothing when there are none (then the
  // pulls that may go on are moved to `ready`) or another thread is at it.
  std::optional<Closing> BeginClosing(std::vector<PendingPull>* ready) ABSL_LOCKS_EXCLUDED(mutex_);
  void EndClosing(const Closing& closing) ABSL_LOCKS_EXCLUDED(mutex_);
  // After Settle: waits for the thread that is closing steps, if it is another one. Who has left
  // the clocks, or seen another leave, may then rely on the steps behind being applied.
  void WaitUntilClosed() ABSL_LOCKS_EXCLUDED(mutex_);

  // Drops what a client that leaves has pushed for steps that it did not finish.
  void DiscardUnfinished(const View& view, uint32_t client) ABSL_LOCKS_EXCLUDED(mutex_);
  // Drops what the client has pulled. Whoever leaves is out of the clocks.
  void ForgetPulled(const View& view, uint32_t client);
  // ApplyView under view_mutex_. Returns the waiting pulls, which the view may not allow any more
  // or may let go on; nothing: the view is not newer than the last one.
  absl::StatusOr<std::optional<std::vector<PendingPull>>> Install(const v1::ClusterView& message)
      ABSL_LOCKS_EXCLUDED(view_mutex_, mutex_);

  const EngineOptions options_;
  // Answers that it holds may come until all else is gone.
  MemoryGuard memory_;

  std::atomic<uint64_t> pushes_{0};
  std::atomic<uint64_t> pulls_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> duplicates_{0};
  std::atomic<uint64_t> late_{0};
  std::atomic<uint64_t> dropped_{0};

  // Held while a view is taken over, so that views come one after the other.
  Mutex view_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);

  mutable Mutex mutex_;
  std::optional<uint32_t> server_id_ ABSL_GUARDED_BY(mutex_);
  // Swapped whole. Shared with the operations under way.
  std::shared_ptr<const View> view_ ABSL_GUARDED_BY(mutex_);
  ClockTracker clocks_ ABSL_GUARDED_BY(mutex_);
  StepLedger ledger_ ABSL_GUARDED_BY(mutex_);
  ParkedPulls parked_ ABSL_GUARDED_BY(mutex_);
  uint64_t closed_ ABSL_GUARDED_BY(mutex_) = 0;   // every step before it is closed
  uint64_t decided_ ABSL_GUARDED_BY(mutex_) = 0;  // every step before it has its contributors
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  CondVar closed_changed_;  // closed_ grew
  // Under which epoch clients have last said that everything was sent again, and under which they
  // have to.
  absl::flat_hash_map<uint32_t, uint64_t> sent_again_ ABSL_GUARDED_BY(mutex_);
  // 0: all have said so.
  uint64_t awaited_epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  // Clients that are to say so and are not attached here yet: this server was not there before.
  absl::flat_hash_set<uint32_t> awaited_clients_ ABSL_GUARDED_BY(mutex_);
  // Shards came to this server: steps that were closed here may be open there, until all of them
  // have been closed.
  bool catch_up_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<FinishedStep> recent_ ABSL_GUARDED_BY(mutex_);
  // What clients say of steps that they finished before they were here.
  StepLedger before_ ABSL_GUARDED_BY(mutex_);
  std::string checkpoint_folder_ ABSL_GUARDED_BY(mutex_);
  int checkpoint_level_ ABSL_GUARDED_BY(mutex_) = 1;
  // The last one. Steps that are to be closed before it begins, then those that were.
  enum class CheckpointState { kOver, kWaits, kBegun };
  std::shared_ptr<Checkpointer> checkpoint_ ABSL_GUARDED_BY(mutex_);
  CheckpointState checkpoint_state_ ABSL_GUARDED_BY(mutex_) = CheckpointState::kOver;
  uint64_t checkpoint_step_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of the shards in the last checkpoints, by their numbers.
  std::map<uint64_t, ShardIndices> checkpoint_indices_ ABSL_GUARDED_BY(mutex_);
  // Answers to pushes for steps that are open, which go when the step has reached the backups.
  std::multimap<uint64_t, std::shared_ptr<Acknowledgement>> step_answers_ ABSL_GUARDED_BY(mutex_);

  // Backups that are reported when every step before this one is closed.
  std::multimap<uint64_t, v1::ShardReplica> filled_later_ ABSL_GUARDED_BY(mutex_);

  // What changes shards, until it is sent to their backups.
  UnderWay under_way_;
  std::atomic<bool> replicates_{false};
  // Of the last view whose targets the shards have.
  std::atomic<uint64_t> epoch_{0};
  std::atomic<bool> wait_for_backup_;
  std::atomic<uint64_t> fill_bytes_per_second_;
  mutable Mutex links_mutex_;
  std::map<uint32_t, std::shared_ptr<ReplicaLink>> links_ ABSL_GUARDED_BY(links_mutex_);
  uint32_t self_ ABSL_GUARDED_BY(links_mutex_) = 0;
  // Of all servers of the last view.
  std::map<uint32_t, std::string> server_names_ ABSL_GUARDED_BY(links_mutex_);
  // Also in links_; null: there is none.
  std::shared_ptr<OperationLogLink> log_link_ ABSL_GUARDED_BY(links_mutex_);
  // Made with the first view that has backups. Its tasks hold links: those are released first.
  std::unique_ptr<ReplicaFiller> filler_ ABSL_GUARDED_BY(view_mutex_);
  EngineOptions::OpenLog open_log_ ABSL_GUARDED_BY(view_mutex_);
  v1::HeldLog held_ ABSL_GUARDED_BY(view_mutex_);
  std::unique_ptr<LogKeeper> log_ ABSL_GUARDED_BY(view_mutex_);
};

}  // namespace paramd
