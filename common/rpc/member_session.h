#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/completion_loop.h"
#include "common/rpc/coordinator_addresses.h"
#include "paramd/v1/coordinator.grpc.pb.h"

namespace paramd {

// A daemon's membership in the cluster: says Hello, sends heartbeats, opens the stream again when
// it breaks, at the coordinator that leads by then, and repeats what was not handled. Thread-safe.
class MemberSession {
 public:
  struct Options {
    // Where the coordinator is, or those are of which one leads.
    CoordinatorAddresses coordinators;
    v1::Hello hello;
    // How long the coordinator may be out of reach before the session is given up: before the first
    // Welcome, and later. A coordinator that answers but stands by is not out of reach later on.
    absl::Duration join_timeout = absl::Minutes(1);
    absl::Duration away_timeout = absl::Minutes(1);
    Clock* clock = &Clock::System();
  };
  // Called from gRPC's threads and the session's own, one at a time for `on_message`; they must not
  // block.
  struct Callbacks {
    // Everything but Ack. Welcome comes again after each reconnect.
    std::function<void(const v1::CoordinatorMessage&)> on_message;
    // What the next heartbeat says.
    std::function<v1::Heartbeats()> report;
    // Once, when the session is over: refused or out of reach. Nothing is called after that.
    std::function<void(absl::Status)> on_ended;
  };

  MemberSession(Options options, Callbacks callbacks);
  // Begins to connect; callbacks come from now on. Once.
  void Start();
  // Leaves without a word; the coordinator notices at the end of the lease.
  ~MemberSession();

  // Delivers `message` exactly once as long as the session lives.
  void Send(v1::MemberMessage message);

  // Whether the member's lease is certainly not over: the coordinator has answered a heartbeat that
  // was sent less than a lease ago, or it is a coordinator that ended (its host refuses
  // connections), so that nobody is there to give the member's work to others. Cheap.
  bool HasLease() const;

  // Says goodbye and waits up to `timeout` until the coordinator has heard it.
  void Leave(const std::string& reason, absl::Duration timeout);

 private:
  using Stream = ClientStream<v1::MemberMessage, v1::CoordinatorMessage>;

  void Run();
  void Connect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Receive(uint64_t attempt, v1::CoordinatorMessage& message);
  void Closed(uint64_t attempt, const absl::Status& status);
  // What comes next after a stream ended as `status` says.
  void LookElsewhere(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendHeartbeat();
  // While the coordinator is away: a lease does not end where nobody can end it.
  void ExtendLease() ABSL_LOCKS_EXCLUDED(mutex_);
  // Gives the stream, and the connection below it, up when an answer is owed for half a lease.
  void CheckSilence() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Notes what the coordinator knows. An error: not what it should, it is another one's successor.
  absl::Status TakeWelcome(const v1::Welcome& welcome) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeReceived(uint64_t received) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(absl::Status status);

  const Options options_;
  const Callbacks callbacks_;
  CompletionLoop loop_{"member-rpc"};
  // Of the clock, in nanoseconds.
  std::atomic<int64_t> lease_end_{0};

  Mutex mutex_;
  CondVar changed_;
  CoordinatorAddresses coordinators_ ABSL_GUARDED_BY(mutex_);
  // On a connection of its own to the current one; null: to be made anew.
  std::unique_ptr<v1::CoordinatorService::Stub> stub_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);
  // Number of the current stream; what older ones say is not listened to.
  uint64_t attempt_ ABSL_GUARDED_BY(mutex_) = 0;
  bool welcomed_ ABSL_GUARDED_BY(mutex_) = false;
  bool ever_welcomed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  // The coordinator said that the job has ended: there is nothing to come back for.
  bool job_ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status last_error_ ABSL_GUARDED_BY(mutex_);
  // What the coordinator is known to have handled.
  uint64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t id_ ABSL_GUARDED_BY(mutex_) = 0;
  // Since when the coordinator owes an answer, and when the stream was last opened.
  std::optional<absl::Duration> waiting_since_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_attempt_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  absl::Duration lease_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(10);
  absl::Duration away_since_ ABSL_GUARDED_BY(mutex_);
  absl::Duration interval_ ABSL_GUARDED_BY(mutex_) = absl::Milliseconds(200);
  uint64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  // Sent and not acknowledged, by number.
  std::deque<v1::MemberMessage> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  // Streams that gRPC has not done with.
  int open_streams_ ABSL_GUARDED_BY(mutex_) = 0;

  std::optional<Thread> thread_;
};

}  // namespace paramd
