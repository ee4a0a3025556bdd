#include "common/rpc/member_session.h"

#include <catch2/catch.hpp>

#include "common/base/random.h"
#include "common/rpc/daemon_server.h"
#include "server/coordinator/coordinator.h"
#include "server/coordinator/coordinator_service.h"
#include "server/coordinator/file_store.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

// A coordinator that listens, waits for one worker, and has one small file to train on.
class Host {
 public:
  Host() {
    config_.mutable_cluster()->set_servers(1);
    config_.mutable_cluster()->mutable_workers()->set_min(1);
    config_.mutable_cluster()->mutable_workers()->set_max(1);
    config_.mutable_cluster()->mutable_heartbeat()->mutable_interval()->set_nanos(10'000'000);
    config_.mutable_cluster()->mutable_heartbeat()->mutable_lease()->set_seconds(60);
    config_.mutable_data()->add_train(dir_.Write("train", "1 1:1\n"));
    config_.mutable_data()->set_partitions_per_worker(1);
    config_.mutable_data()->set_epochs(1);
    config_.mutable_transport()->set_max_message(1 << 20);
    Start("127.0.0.1:0");
  }

  void Start(const std::string& address) {
    auto coordinator = Coordinator::Start(
        {.config = config_,
         .store = *FileStore::Open(dir_.File("state")),
         .save_model = [](const v1::ShardMap&, const std::string&) { return absl::OkStatus(); }});
    REQUIRE(coordinator.ok());
    coordinator_ = *std::move(coordinator);
    service_ = std::make_unique<CoordinatorServiceImpl>([this] { return Find(); });
    auto daemon =
        DaemonServer::Start({.listen = address,
                             .services = {service_.get()},
                             .daemon_status = [] { return v1::DaemonStatus(); },
                             .cluster_status = [this] { return coordinator_->Status(); }});
    REQUIRE(daemon.ok());
    daemon_ = *std::move(daemon);
  }

  // Only the transport: members have to connect again.
  void RestartListening() {
    const std::string address = daemon_->address();
    daemon_.reset();
    service_ = std::make_unique<CoordinatorServiceImpl>([this] { return Find(); });
    auto daemon =
        DaemonServer::Start({.listen = address, .services = {service_.get()}, .daemon_status = [] {
                               return v1::DaemonStatus();
                             }});
    REQUIRE(daemon.ok());
    daemon_ = *std::move(daemon);
  }

  const std::string& address() const { return daemon_->address(); }
  Coordinator& coordinator() { return *coordinator_; }

 private:
  absl::StatusOr<std::shared_ptr<Coordinator>> Find() const { return coordinator_; }

  TempDir dir_;
  v1::Config config_;
  std::shared_ptr<Coordinator> coordinator_;
  std::unique_ptr<CoordinatorServiceImpl> service_;
  std::unique_ptr<DaemonServer> daemon_;
};

// A session and what it heard.
class Member {
 public:
  Member(const std::string& address, v1::Role role, const std::string& name,
         absl::Duration join_timeout = absl::Minutes(1))
      : session_(MakeOptions(address, role, name, join_timeout),
                 {.on_message = [this](const v1::CoordinatorMessage& message) { Take(message); },
                  .report = [] { return v1::Heartbeats(); },
                  .on_ended =
                      [this](absl::Status status) {
                        MutexLock lock(mutex_);
                        ended_ = std::move(status);
                        changed_.NotifyAll();
                      }}) {
    session_.Start();
  }

  void WaitForWelcomes(int count) {
    MutexLock lock(mutex_);
    while (welcomes_ < count) changed_.Wait(mutex_);
  }
  v1::JobUpdate WaitForJob() {
    MutexLock lock(mutex_);
    while (job_.state() == v1::JOB_STATE_UNSPECIFIED) changed_.Wait(mutex_);
    return job_;
  }
  absl::Status WaitForEnd() {
    MutexLock lock(mutex_);
    while (ended_.ok()) changed_.Wait(mutex_);
    return ended_;
  }
  v1::ClusterView WaitForView() {
    MutexLock lock(mutex_);
    while (view_.version() == 0) changed_.Wait(mutex_);
    return view_;
  }
  v1::WorkGrant WaitForGrant() {
    MutexLock lock(mutex_);
    while (grant_.lease() == 0) changed_.Wait(mutex_);
    return grant_;
  }
  MemberSession& session() { return session_; }

 private:
  static MemberSession::Options MakeOptions(const std::string& address, v1::Role role,
                                            const std::string& name, absl::Duration join_timeout) {
    v1::Hello hello;
    hello.set_role(role);
    hello.set_name(name);
    hello.set_incarnation(RandomIncarnation());
    hello.set_address("127.0.0.1:1");
    return {.coordinators = *CoordinatorAddresses::Parse(address),
            .hello = hello,
            .join_timeout = join_timeout};
  }

  void Take(const v1::CoordinatorMessage& message) {
    MutexLock lock(mutex_);
    welcomes_ += message.has_welcome();
    if (message.has_view()) view_ = message.view();
    if (message.has_job()) job_ = message.job();
    if (message.has_work_grant()) grant_ = message.work_grant();
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  int welcomes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);
  v1::ClusterView view_ ABSL_GUARDED_BY(mutex_);
  v1::JobUpdate job_ ABSL_GUARDED_BY(mutex_);
  v1::WorkGrant grant_ ABSL_GUARDED_BY(mutex_);
  MemberSession session_;
};

v1::MemberMessage Tables() {
  v1::MemberMessage message;
  v1::TableSpec& spec = *message.mutable_tables()->add_tables();
  spec.set_name("w");
  spec.set_kind(v1::TableSpec::SPARSE);
  spec.set_dim(1);
  return message;
}

v1::MemberMessage Idle() {
  v1::MemberMessage message;
  message.mutable_idle();
  return message;
}

TEST_CASE("members join, get work, and what they send arrives once also over a broken stream") {
  Host host;
  Member server(host.address(), v1::SHARD_HOST, "s");
  Member worker(host.address(), v1::WORKER, "w");
  server.WaitForWelcomes(1);
  worker.WaitForWelcomes(1);
  worker.session().Send(Tables());
  worker.session().Send(Idle());
  const v1::ClusterView view = worker.WaitForView();
  CHECK(view.workers_size() == 1);

  host.RestartListening();
  // Sent while there is no stream.
  v1::MemberMessage applied;
  applied.mutable_view_applied()->set_version(server.WaitForView().version());
  server.session().Send(applied);
  worker.WaitForWelcomes(2);
  server.WaitForWelcomes(2);
  const v1::WorkGrant grant = worker.WaitForGrant();
  CHECK(grant.kind() == v1::WorkGrant::TRAIN);
  v1::MemberMessage done;
  done.mutable_work_done()->set_lease(grant.lease());
  done.mutable_work_done()->set_records(1);
  worker.session().Send(done);
  worker.session().Send(Idle());
  CHECK(host.coordinator().WaitUntilFinished()->state() == v1::SUCCEEDED);
  CHECK(host.coordinator().Status().job().examples() == 1);
}

TEST_CASE("a refusal ends the session with its reason") {
  Host host;
  Member first(host.address(), v1::WORKER, "w");
  first.WaitForWelcomes(1);
  Member second(host.address(), v1::WORKER, "w");
  CHECK(second.WaitForEnd().code() == absl::StatusCode::kAlreadyExists);
  Member third(host.address(), v1::WORKER, "w3");
  CHECK(third.WaitForEnd().code() == absl::StatusCode::kResourceExhausted);
}

TEST_CASE("a coordinator that is not there ends the session after the time to join") {
  Member member("127.0.0.1:1", v1::WORKER, "w", absl::Milliseconds(300));
  const absl::Status status = member.WaitForEnd();
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(status.message()).find("127.0.0.1:1") != std::string::npos);
}

TEST_CASE("leaving is heard by the coordinator") {
  Host host;
  Member worker(host.address(), v1::WORKER, "w");
  worker.WaitForWelcomes(1);
  worker.session().Leave("stopped", absl::Seconds(10));
  const v1::ClusterStatus status = host.coordinator().Status();
  CHECK(status.workers(0).state() == v1::MemberStatus::LEFT);
}

TEST_CASE("stopping the coordinator in the middle tells the members how the job ended") {
  Host host;
  host.coordinator().Abort("stopped by SIGTERM");
  CHECK(host.coordinator().WaitUntilFinished()->message() == "stopped by SIGTERM");
  Member late(host.address(), v1::WORKER, "late");
  CHECK(late.WaitForJob().message() == "stopped by SIGTERM");
}

}  // namespace
}  // namespace paramd
