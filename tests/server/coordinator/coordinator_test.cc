#include "server/coordinator/coordinator.h"

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/base/mutex.h"
#include "common/rpc/coordinator_addresses.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

// What etcd would hold, and whether it answers. Thread-safe.
class Shared {
 public:
  absl::StatusOr<Store::Value> Get() {
    MutexLock lock(mutex_);
    if (!error_.ok()) return Error();
    return value_;
  }
  absl::StatusOr<uint64_t> Swap(uint64_t expected_version, absl::string_view data) {
    MutexLock lock(mutex_);
    ++swaps_;
    changed_.NotifyAll();
    if (!error_.ok()) return Error();
    if (value_.version != expected_version) return absl::AbortedError("another version");
    value_ = {.version = expected_version + 1, .data = std::string(data)};
    return value_.version;
  }
  // From now on; OK: it answers.
  void Answer(absl::Status error) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
    swaps_ = 0;
  }
  void WaitForSwaps(int count) {
    MutexLock lock(mutex_);
    while (swaps_ < count) changed_.Wait(mutex_);
  }

 private:
  // One of its own each time: copies of a status count their number in Abseil, which the thread
  // sanitizer does not see into.
  absl::Status Error() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return absl::Status(error_.code(), error_.message());
  }

  mutable Mutex mutex_;
  CondVar changed_;
  Store::Value value_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  int swaps_ ABSL_GUARDED_BY(mutex_) = 0;
};

class SharedStore final : public Store {
 public:
  explicit SharedStore(Shared& shared) : shared_(shared) {}
  absl::StatusOr<Value> Get(absl::string_view) override { return shared_.Get(); }
  absl::StatusOr<uint64_t> CompareAndSwap(absl::string_view, uint64_t expected_version,
                                          absl::string_view data) override {
    return shared_.Swap(expected_version, data);
  }

 private:
  Shared& shared_;
};

// A member's end of a connection.
class Line final : public Coordinator::Connection {
 public:
  void Send(const v1::CoordinatorMessage& message) override {
    MutexLock lock(mutex_);
    welcomed_ |= message.has_welcome();
    if (message.has_job()) job_ = message.job();
    ++messages_;
    changed_.NotifyAll();
  }
  void Close(const absl::Status& status) override {
    MutexLock lock(mutex_);
    if (!closed_.has_value()) closed_ = status;
    changed_.NotifyAll();
  }
  void WaitForWelcome() {
    MutexLock lock(mutex_);
    while (!welcomed_) changed_.Wait(mutex_);
  }
  absl::Status WaitForClose() {
    MutexLock lock(mutex_);
    while (!closed_.has_value()) changed_.Wait(mutex_);
    return *closed_;
  }
  int messages() {
    MutexLock lock(mutex_);
    return messages_;
  }
  v1::JobUpdate job() {
    MutexLock lock(mutex_);
    return job_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool welcomed_ ABSL_GUARDED_BY(mutex_) = false;
  int messages_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::JobUpdate job_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> closed_ ABSL_GUARDED_BY(mutex_);
};

v1::MemberMessage Hello(const std::string& name) {
  v1::MemberMessage message;
  message.mutable_hello()->set_role(v1::WORKER);
  message.mutable_hello()->set_name(name);
  message.mutable_hello()->set_incarnation(7);
  return message;
}

// Starts coordinators over one store.
class Cluster {
 public:
  Cluster() {
    config_.mutable_cluster()->set_servers(1);
    config_.mutable_cluster()->mutable_workers()->set_min(1);
    config_.mutable_cluster()->mutable_workers()->set_max(2);
    config_.mutable_cluster()->mutable_heartbeat()->mutable_interval()->set_nanos(10'000'000);
    config_.mutable_cluster()->mutable_heartbeat()->mutable_lease()->set_seconds(60);
    config_.mutable_data()->add_train(dir_.Write("train", "1 1:1\n"));
    config_.mutable_data()->set_partitions_per_worker(1);
    config_.mutable_data()->set_epochs(1);
  }

  std::unique_ptr<Coordinator> Start(
      std::function<absl::Status()> leads = [] { return absl::OkStatus(); },
      std::optional<uint64_t> stood_by_since = std::nullopt) {
    // Where each listens makes no difference to the job.
    config_.mutable_cluster()->mutable_coordinator()->set_address("host:" +
                                                                  std::to_string(++started_));
    auto coordinator = Coordinator::Start(
        {.config = config_,
         .store = std::make_unique<SharedStore>(shared_),
         .save_model = [](const v1::ShardMap&, const std::string&) { return absl::OkStatus(); },
         .leads = std::move(leads),
         .stood_by_since = stood_by_since});
    REQUIRE(coordinator.ok());
    return *std::move(coordinator);
  }

  std::shared_ptr<Line> Join(Coordinator& coordinator, const std::string& name) {
    auto line = std::make_shared<Line>();
    coordinator.Receive(coordinator.Connect(line), Hello(name));
    return line;
  }

  Shared& shared() { return shared_; }

 private:
  TempDir dir_;
  v1::Config config_;
  Shared shared_;
  int started_ = 0;
};

TEST_CASE("nothing is said that is not stored, and members are sent away until it can be") {
  Cluster cluster;
  const auto coordinator = cluster.Start();
  cluster.Join(*coordinator, "a")->WaitForWelcome();
  cluster.shared().Answer(absl::UnavailableError("etcd is away"));
  const auto line = cluster.Join(*coordinator, "b");
  CHECK(IsStandingBy(line->WaitForClose()));
  CHECK(line->messages() == 0);
  CHECK(coordinator->rests().find("etcd is away") != std::string::npos);
  const v1::ClusterStatus status = coordinator->Status();
  REQUIRE(status.problems_size() > 0);
  bool told = false;
  for (const std::string& problem : status.problems()) {
    told |= problem.find("etcd is away") != std::string::npos;
  }
  CHECK(told);

  // It is tried again by itself.
  cluster.shared().WaitForSwaps(2);
  cluster.shared().Answer(absl::OkStatus());
  while (!coordinator->rests().empty()) {
  }
  cluster.Join(*coordinator, "b")->WaitForWelcome();
}

TEST_CASE("who does not know whether it leads rests without asking the store") {
  Cluster cluster;
  Mutex mutex;
  absl::Status leads;
  const auto coordinator = cluster.Start([&] {
    MutexLock lock(mutex);
    return leads;
  });
  const auto line = cluster.Join(*coordinator, "a");
  line->WaitForWelcome();
  {
    MutexLock lock(mutex);
    leads = absl::UnavailableError("the lease was not renewed");
  }
  CHECK(IsStandingBy(line->WaitForClose()));
  {
    MutexLock lock(mutex);
    leads = absl::OkStatus();
  }
  while (!coordinator->rests().empty()) {
  }
  cluster.Join(*coordinator, "a")->WaitForWelcome();
}

TEST_CASE("a successor's first write deposes the one before it, which changes nothing any more") {
  Cluster cluster;
  const auto first = cluster.Start();
  cluster.Join(*first, "a")->WaitForWelcome();
  const auto second = cluster.Start();
  cluster.Join(*second, "b")->WaitForWelcome();
  const Store::Value before = *cluster.shared().Get();
  // A change of its own: another one joins.
  const auto line = cluster.Join(*first, "c");
  CHECK(IsStandingBy(line->WaitForClose()));
  CHECK_FALSE(first->WaitUntilFinished().has_value());
  CHECK(line->messages() == 0);
  CHECK(cluster.shared().Get()->version == before.version);
  first->Abort("stopped by SIGTERM");
  CHECK_FALSE(first->WaitUntilFinished().has_value());
  CHECK(cluster.shared().Get()->version == before.version);
}

TEST_CASE("who lost its term is deposed before it writes") {
  Cluster cluster;
  const auto coordinator = cluster.Start([] { return absl::AbortedError("the key was lost"); });
  CHECK_FALSE(coordinator->WaitUntilFinished().has_value());
  CHECK(cluster.shared().Get()->version == 0);
}

TEST_CASE("the only coordinator goes on when it cannot store, and says so") {
  Cluster cluster;
  const auto coordinator = cluster.Start({});
  cluster.shared().Answer(absl::UnavailableError("the disk is full"));
  cluster.Join(*coordinator, "a")->WaitForWelcome();
  CHECK(coordinator->rests().empty());
  const v1::ClusterStatus status = coordinator->Status();
  REQUIRE(status.problems_size() == 1);
  CHECK(status.problems(0).find("the disk is full") != std::string::npos);
}

TEST_CASE("a job that has ended while one stood by is told to its members; an older one is not") {
  Cluster cluster;
  {
    const auto first = cluster.Start();
    first->Abort("stopped by SIGTERM");
    CHECK(first->WaitUntilFinished()->state() == v1::FAILED);
  }
  const uint64_t version = cluster.shared().Get()->version;
  SECTION("ended meanwhile") {
    const auto second = cluster.Start([] { return absl::OkStatus(); }, version - 1);
    CHECK(second->WaitUntilFinished()->message() == "stopped by SIGTERM");
    const auto line = cluster.Join(*second, "a");
    CHECK(line->WaitForClose().ok());
    CHECK(line->job().message() == "stopped by SIGTERM");
  }
  SECTION("ended before") {
    const auto second = cluster.Start([] { return absl::OkStatus(); }, version);
    cluster.Join(*second, "a")->WaitForWelcome();
  }
}

TEST_CASE("what is asked after the end has an answer") {
  Cluster cluster;
  const auto coordinator = cluster.Start();
  coordinator->Shutdown();
  CHECK(coordinator->Status().workers_size() == 0);
  CHECK(coordinator->SetTable({}).status().code() == absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace paramd
