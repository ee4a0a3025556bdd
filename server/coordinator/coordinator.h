#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "paramd/v1/admin.pb.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "paramd/v1/status.pb.h"
#include "server/coordinator/checkpoint_files.h"
#include "server/coordinator/core.h"
#include "server/coordinator/history_file.h"
#include "server/coordinator/store.h"

namespace paramd {

// Runs a CoordinatorCore: one thread owns it, takes events in order, stores the state when it
// changed and only then carries the actions out. Thread-safe.
//
// Where another process may lead as well (Options.leads), nothing is carried out that is not
// stored. While that cannot be done, or it is not known who leads, the coordinator rests: members
// are sent away, which come back, and no lease runs. When somebody else has changed the state it is
// deposed: it changes nothing any more.
class Coordinator {
 public:
  // The coordinator's end of a member's stream. Both calls only queue.
  class Connection {
   public:
    virtual ~Connection() = default;
    virtual void Send(const v1::CoordinatorMessage& message) = 0;
    virtual void Close(const absl::Status& status) = 0;
  };

  struct Options {
    v1::Config config;
    std::unique_ptr<Store> store;
    // Writes the model to a file; called on a thread of its own.
    std::function<absl::Status(const v1::ShardMap&, const std::string& path)> save_model;
    // Of the configuration's checkpoint.dir; null: there is none.
    std::shared_ptr<CheckpointFiles> checkpoints;
    // Whether this process leads: OK; UNAVAILABLE: not known at the moment; ABORTED: not any more.
    // Empty: always, there is no other.
    std::function<absl::Status()> leads;
    // Largest version that a state had when this process began to stand by: a job that has ended
    // since is taken over, for its members to be told. Unset: ended jobs are of no interest.
    std::optional<uint64_t> stood_by_since;
    Clock* clock = &Clock::System();
  };

  // Looks at the data files and at the stored state: goes on with a job that was running, otherwise
  // begins a new one. INVALID_ARGUMENT, NOT_FOUND: the data. FAILED_PRECONDITION: a job with
  // another configuration is stored as running. UNAVAILABLE: the store.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Start(Options options);
  ~Coordinator();

  // A new stream; its messages follow under the id that comes back. `connection` is shared because
  // actions may be under way when the stream ends.
  ConnectionId Connect(std::shared_ptr<Connection> connection);
  void Receive(ConnectionId id, v1::MemberMessage message);
  void Disconnect(ConnectionId id);

  // Ends the job as failed.
  void Abort(const std::string& reason);

  // Ends every stream after what was said on it, and waits up to `timeout` until they are gone.
  void CloseConnections(absl::Duration timeout);

  v1::ClusterStatus Status();

  // As CoordinatorCore; blocks until the change is stored and sent to everybody. UNAVAILABLE: the
  // coordinator rests, it is not known whether the change will hold.
  absl::StatusOr<v1::SetTableReply> SetTable(const v1::SetTableRequest& request);
  absl::StatusOr<v1::DrainReply> Drain(const v1::DrainRequest& request);

  // As CoordinatorCore.
  v1::ShardPlan PlanShards();

  // Writes a checkpoint; blocks until it is whole, or has failed. FAILED_PRECONDITION: the
  // configuration has no checkpoint.dir, or no job is running. INTERNAL: why it was not written.
  absl::StatusOr<v1::SaveCheckpointReply> SaveCheckpoint();

  // Blocks until the job has ended and its end is stored, then says how; nothing when the
  // coordinator was deposed, or after Shutdown, before that.
  std::optional<v1::JobStatus> WaitUntilFinished();

  // Why the coordinator rests or was deposed; empty: it works.
  std::string rests();

  // Stops deciding, and leaves the job as it is stored. Also done by the destructor.
  void Shutdown();

 private:
  using Event = std::function<CoordinatorCore::Actions(absl::Duration now)>;

  Coordinator(Options options, std::unique_ptr<CoordinatorCore> core, uint64_t stored_version,
              absl::StatusOr<std::unique_ptr<HistoryFile>> history, bool restored);

  // Whether the event will be handled; not after Shutdown.
  bool Post(Event event);
  // Has the core answered something, on the coordinator's thread.
  template <typename Answer>
  Answer Ask(std::function<Answer(absl::Duration now)> ask);
  // Has the core changed something, and waits until that is stored and sent.
  template <typename Reply>
  absl::StatusOr<Reply> Change(
      std::function<absl::StatusOr<Reply>(absl::Duration now, CoordinatorCore::Actions*)> change);
  void Run();
  // One write to the store serves all events that have come meanwhile.
  void Handle(const std::deque<Event>& events);
  void TellFinished();
  // Whether what was decided may be carried out now. Stores the state if it changed.
  bool Settle();
  absl::Status LeadsAndStored();
  void Rest(const absl::Status& why);
  void Resume();
  // Stores the state if it changed, or when nothing was stored since the start or a rest: whoever
  // led before is then refused by the store.
  absl::Status Persist();
  void Perform(CoordinatorCore::Action& action);
  void Perform(const CoordinatorCore::Send& send);
  void Perform(const CoordinatorCore::Close& close);
  void Perform(const CoordinatorCore::SaveModel& save);
  void Perform(const CoordinatorCore::RenameModel& rename);
  void Perform(const CoordinatorCore::Record& record);
  void Perform(const CoordinatorCore::BeginCheckpoint& begin);
  void Perform(const CoordinatorCore::CommitCheckpoint& commit);
  void Perform(const CoordinatorCore::AbandonCheckpoint& abandon);
  // Tells those who wait for a checkpoint what became of it.
  void TellCheckpoints();
  // Null: the stream is gone.
  std::shared_ptr<Connection> Find(ConnectionId id);
  // Runs `save` on a thread of its own; the core hears what became of it.
  void Save(std::function<absl::Status()> save);

  const Options options_;
  const absl::Duration tick_;

  // The coordinator's thread only.
  std::unique_ptr<CoordinatorCore> core_;
  uint64_t stored_version_;
  // Of the core; unset: to be stored in any case.
  std::optional<uint64_t> stored_revision_;
  // Waits for Settle.
  CoordinatorCore::Actions actions_;
  std::optional<absl::Duration> resting_since_;
  // When the store is asked again.
  absl::Duration settle_at_ = -absl::InfiniteDuration();
  bool deposed_ = false;
  std::optional<Thread> saver_;
  // Works on the files of a checkpoint.
  std::optional<Thread> checkpointer_;
  // The job began with a checkpoint that somebody wished for, which is to be forgotten when that is
  // stored.
  bool restored_ = false;
  // Null: nobody asked for one, or it cannot be opened.
  std::unique_ptr<HistoryFile> history_;

  Mutex mutex_;
  CondVar changed_;
  std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
  ConnectionId last_connection_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<ConnectionId, std::shared_ptr<Connection>> connections_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;  // deposed
  std::string rests_ ABSL_GUARDED_BY(mutex_);
  // Of the last write to each; empty: it went well.
  std::string store_problem_ ABSL_GUARDED_BY(mutex_);
  std::string history_problem_ ABSL_GUARDED_BY(mutex_);
  std::optional<v1::JobStatus> result_ ABSL_GUARDED_BY(mutex_);
  // Of the core.
  struct Checkpoints {
    uint64_t ended = 0;
    uint64_t last = 0;
    std::string problem;
  };
  Checkpoints checkpoints_ ABSL_GUARDED_BY(mutex_);

  Thread thread_;
};

}  // namespace paramd
