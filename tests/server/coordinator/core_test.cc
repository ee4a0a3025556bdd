#include "server/coordinator/core.h"

#include <catch2/catch.hpp>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"

namespace paramd {
namespace {

constexpr absl::Duration kLease = absl::Seconds(3);

v1::Config ConfigOf(uint32_t servers, uint32_t workers, uint32_t epochs = 1) {
  v1::Config config;
  config.mutable_cluster()->set_name("test");
  config.mutable_cluster()->set_servers(servers);
  config.mutable_cluster()->mutable_workers()->set_min(workers);
  config.mutable_cluster()->mutable_workers()->set_max(workers + 2);
  config.mutable_cluster()->mutable_heartbeat()->mutable_lease()->set_seconds(3);
  config.mutable_transport()->set_max_message(1 << 20);
  config.mutable_sharding()->set_shards_per_table(8);
  config.mutable_consistency()->set_mode(v1::Consistency::SSP);
  config.mutable_optimizer()->set_type(v1::Optimizer::FTRL);
  config.mutable_data()->set_epochs(epochs);
  config.mutable_data()->mutable_on_bad_record()->set_max_fraction(0.1);
  return config;
}

std::vector<v1::Partition> PartitionsOf(int count) {
  std::vector<v1::Partition> partitions(count);
  for (int i = 0; i < count; ++i) partitions[i].set_file(absl::StrCat("part", i));
  return partitions;
}

// Plays members against a core and keeps what it says to them.
class Cluster {
 public:
  Cluster(v1::Config config, int partitions, int eval_files = 0)
      : config_(std::move(config)),
        eval_(PartitionsOf(eval_files)),
        core_(config_, PartitionsOf(partitions), eval_, now_) {}

  // Puts a core in the place of this one, from what it stored.
  void Restart() {
    core_ = CoordinatorCoreHolder(config_, core().State(), eval_, now_);
    closed_.clear();
  }

  ConnectionId Join(v1::Role role, const std::string& name, uint64_t incarnation = 1) {
    const ConnectionId connection = ++connections_;
    v1::MemberMessage message;
    message.mutable_hello()->set_role(role);
    message.mutable_hello()->set_name(name);
    message.mutable_hello()->set_incarnation(incarnation);
    message.mutable_hello()->set_address(name + ":1");
    Take(core().OnMessage(connection, message, now_));
    return connection;
  }

  // Joins, declares a table and is idle.
  ConnectionId Worker(const std::string& name) {
    const ConnectionId connection = Join(v1::WORKER, name);
    v1::MemberMessage tables;
    v1::TableSpec& spec = *tables.mutable_tables()->add_tables();
    spec.set_name("weights");
    spec.set_kind(v1::TableSpec::SPARSE);
    spec.set_dim(1);
    Send(connection, tables);
    Idle(connection);
    return connection;
  }

  void Send(ConnectionId connection, v1::MemberMessage message) {
    message.set_number(++numbers_[connection]);
    Take(core().OnMessage(connection, message, now_));
  }
  void Idle(ConnectionId connection) {
    v1::MemberMessage message;
    message.mutable_idle();
    Send(connection, message);
  }
  void Applied(ConnectionId connection) {
    v1::MemberMessage message;
    message.mutable_view_applied()->set_version(core().Status(now_).view_version());
    Send(connection, message);
  }
  void Attached(ConnectionId connection) {
    v1::MemberMessage message;
    message.mutable_attached();
    Send(connection, message);
  }
  int Starts(ConnectionId connection) { return starts_[connection]; }
  void Request(ConnectionId connection, uint64_t request = 1) {
    v1::MemberMessage message;
    message.mutable_work_request()->set_request(request);
    Send(connection, message);
  }
  void Done(ConnectionId connection, uint64_t lease, uint64_t records = 10, uint64_t bad = 0) {
    v1::MemberMessage message;
    message.mutable_work_done()->set_lease(lease);
    message.mutable_work_done()->set_records(records);
    message.mutable_work_done()->set_bad_records(bad);
    message.mutable_work_done()->mutable_metrics()->set_auc(0.75);
    Send(connection, message);
  }
  void Heartbeat(ConnectionId connection) {
    v1::MemberMessage message;
    message.mutable_heartbeat()->mutable_worker();
    Take(core().OnMessage(connection, message, now_));
  }
  void Disconnect(ConnectionId connection) { Take(core().OnDisconnect(connection, now_)); }
  void Advance(absl::Duration by) {
    now_ += by;
    Take(core().OnTick(now_));
  }

  // The next grant that was sent and not taken.
  std::optional<v1::WorkGrant> Grant(ConnectionId connection) {
    auto& grants = grants_[connection];
    if (grants.empty()) return std::nullopt;
    v1::WorkGrant grant = grants.front();
    grants.erase(grants.begin());
    return grant;
  }
  int NoWork(ConnectionId connection) { return no_work_[connection]; }
  uint64_t RefusedRequest(ConnectionId connection) { return refused_[connection]; }
  const v1::ClusterView& View(ConnectionId connection) { return views_[connection]; }
  std::optional<absl::Status> Closed(ConnectionId connection) {
    const auto found = closed_.find(connection);
    if (found == closed_.end()) return std::nullopt;
    return found->second;
  }
  v1::JobStatus Job() { return core().Status(now_).job(); }
  v1::ClusterStatus Status() { return core().Status(now_); }
  CoordinatorCore& core() { return *core_.core; }
  void ModelSaved(const absl::Status& status) { Take(core().OnModelSaved(status, now_)); }
  int saves() const { return saves_; }
  std::optional<v1::JobUpdate> Update(ConnectionId connection) {
    const auto found = updates_.find(connection);
    if (found == updates_.end()) return std::nullopt;
    return found->second;
  }

 private:
  struct CoordinatorCoreHolder {
    template <typename... Args>
    explicit CoordinatorCoreHolder(Args&&... args)
        : core(std::make_unique<CoordinatorCore>(std::forward<Args>(args)...)) {}
    std::unique_ptr<CoordinatorCore> core;
  };

  void Take(CoordinatorCore::Actions actions) {
    for (CoordinatorCore::Action& action : actions) {
      if (auto* close = std::get_if<CoordinatorCore::Close>(&action)) {
        closed_[close->connection] = close->status;
      } else if (auto* send = std::get_if<CoordinatorCore::Send>(&action)) {
        const v1::CoordinatorMessage& message = send->message;
        if (message.has_work_grant()) grants_[send->connection].push_back(message.work_grant());
        starts_[send->connection] += message.has_start();
        if (message.has_no_work()) {
          ++no_work_[send->connection];
          refused_[send->connection] = message.no_work().request();
        }
        if (message.has_view()) views_[send->connection] = message.view();
        if (message.has_job()) updates_[send->connection] = message.job();
      } else {
        ++saves_;
      }
    }
  }

  const v1::Config config_;
  const std::vector<v1::Partition> eval_;
  absl::Duration now_ = absl::Seconds(100);
  CoordinatorCoreHolder core_;
  ConnectionId connections_ = 0;
  std::map<ConnectionId, uint64_t> numbers_;
  std::map<ConnectionId, std::vector<v1::WorkGrant>> grants_;
  std::map<ConnectionId, int> starts_;
  std::map<ConnectionId, int> no_work_;
  std::map<ConnectionId, uint64_t> refused_;
  std::map<ConnectionId, v1::ClusterView> views_;
  std::map<ConnectionId, absl::Status> closed_;
  std::map<ConnectionId, v1::JobUpdate> updates_;
  int saves_ = 0;
};

// One server and one worker, in training.
struct Small {
  explicit Small(v1::Config config, int partitions, int eval_files = 0)
      : cluster(std::move(config), partitions, eval_files),
        server(cluster.Join(v1::SHARD_HOST, "s0")),
        worker(cluster.Worker("w0")) {
    cluster.Applied(server);
  }

  // The worker does all partitions of the epoch that has begun.
  void DoEpoch(int partitions) {
    std::optional<v1::WorkGrant> grant = cluster.Grant(worker);
    REQUIRE(grant.has_value());
    for (int i = 1; i < partitions; ++i) {
      cluster.Request(worker);
      cluster.Done(worker, grant->lease());
      grant = cluster.Grant(worker);
      REQUIRE(grant.has_value());
    }
    cluster.Request(worker);
    CHECK(cluster.NoWork(worker) > 0);
    cluster.Done(worker, grant->lease());
    cluster.Idle(worker);
  }

  Cluster cluster;
  ConnectionId server;
  ConnectionId worker;
};

TEST_CASE("training begins when all servers, enough workers and the tables are there") {
  Cluster cluster(ConfigOf(2, 2), 4);
  cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId w0 = cluster.Worker("w0");
  cluster.Worker("w1");
  CHECK(cluster.Job().state() == v1::CREATED);
  const ConnectionId s1 = cluster.Join(v1::SHARD_HOST, "s1");
  CHECK(cluster.Job().state() == v1::RUNNING);
  CHECK(cluster.Job().phase() == v1::TRAINING);
  const v1::ShardMap& map = cluster.View(w0).shard_map();
  CHECK(map.epoch() == 1);
  REQUIRE(map.tables_size() == 1);
  CHECK(map.tables(0).shard_servers_size() == 8);
  CHECK(map.tables(0).spec().optimizer().type() == v1::Optimizer::FTRL);
  CHECK(map.tables(0).spec().consistency().mode() == v1::Consistency::SSP);
  CHECK(cluster.View(s1).workers_size() == 2);
}

TEST_CASE("work is given only when every server knows the worker") {
  Cluster cluster(ConfigOf(2, 1), 4);
  const ConnectionId s0 = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId s1 = cluster.Join(v1::SHARD_HOST, "s1");
  const ConnectionId w0 = cluster.Worker("w0");
  CHECK_FALSE(cluster.Grant(w0).has_value());
  cluster.Applied(s0);
  CHECK_FALSE(cluster.Grant(w0).has_value());
  cluster.Applied(s1);
  CHECK(cluster.Grant(w0).has_value());

  SECTION("also one that comes later") {
    const ConnectionId w1 = cluster.Worker("w1");
    CHECK_FALSE(cluster.Grant(w1).has_value());
    cluster.Applied(s0);
    cluster.Applied(s1);
    CHECK(cluster.Grant(w1).has_value());
  }
}

TEST_CASE("epochs follow one another, evaluation in between and at the end, then the model") {
  v1::Config config = ConfigOf(1, 1, 4);
  config.mutable_data()->set_eval_every(2);
  config.mutable_output()->set_model("/m");
  Small small(config, 3, 1);
  Cluster& cluster = small.cluster;
  small.DoEpoch(3);
  CHECK(cluster.Job().epoch() == 2);
  small.DoEpoch(3);
  CHECK(cluster.Job().phase() == v1::EVALUATING);
  v1::WorkGrant grant = *cluster.Grant(small.worker);
  CHECK(grant.kind() == v1::WorkGrant::EVALUATE);
  CHECK(grant.partitions_size() == 1);
  cluster.Done(small.worker, grant.lease());
  CHECK(cluster.Job().phase() == v1::EVALUATING);
  cluster.Idle(small.worker);
  CHECK(cluster.Job().phase() == v1::TRAINING);
  CHECK(cluster.Job().epoch() == 3);
  CHECK(cluster.Job().evaluations(0).metrics().auc() == 0.75);
  small.DoEpoch(3);
  small.DoEpoch(3);
  grant = *cluster.Grant(small.worker);
  cluster.Done(small.worker, grant.lease());
  cluster.Idle(small.worker);
  CHECK(cluster.Job().phase() == v1::SAVING);
  CHECK(cluster.saves() == 1);
  cluster.ModelSaved(absl::OkStatus());
  CHECK(cluster.Job().state() == v1::SUCCEEDED);
  CHECK(cluster.Job().model() == "/m");
  CHECK(cluster.Job().examples() == 4 * 3 * 10);
  CHECK(cluster.Job().progress() == 1);
  CHECK(cluster.Update(small.worker)->state() == v1::SUCCEEDED);
}

TEST_CASE("a model that cannot be saved fails the job") {
  v1::Config config = ConfigOf(1, 1);
  config.mutable_output()->set_model("/m");
  Small small(config, 1);
  small.DoEpoch(1);
  small.cluster.ModelSaved(absl::ResourceExhaustedError("write /m: No space left on device"));
  CHECK(small.cluster.Job().state() == v1::FAILED);
  CHECK(small.cluster.Job().exit_code() == 1);
  CHECK(small.cluster.Job().message().find("/m") != std::string::npos);
}

TEST_CASE("the partitions of a worker whose lease is over go to another one") {
  Cluster cluster(ConfigOf(1, 2), 2);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId w0 = cluster.Worker("w0");
  const ConnectionId w1 = cluster.Worker("w1");
  cluster.Applied(server);
  const v1::WorkGrant lost = *cluster.Grant(w0);
  const v1::WorkGrant kept = *cluster.Grant(w1);
  cluster.Disconnect(w0);
  CHECK(cluster.Status().problems_size() == 1);
  cluster.Advance(kLease - absl::Seconds(1));
  cluster.Heartbeat(server);
  cluster.Heartbeat(w1);
  CHECK(cluster.View(server).workers_size() == 2);
  cluster.Advance(absl::Seconds(1) + absl::Milliseconds(1));
  CHECK(cluster.View(server).workers_size() == 1);
  cluster.Done(w1, kept.lease());
  cluster.Idle(w1);
  const v1::WorkGrant retry = *cluster.Grant(w1);
  CHECK(retry.partitions(0).file() == lost.partitions(0).file());
  CHECK(retry.attempt() == 2);
  cluster.Done(w1, retry.lease());
  cluster.Idle(w1);
  // Not before the server has let the lost worker go from its clocks.
  CHECK(cluster.Job().state() == v1::RUNNING);
  cluster.Applied(server);
  CHECK(cluster.Job().state() == v1::SUCCEEDED);
  CHECK(cluster.Job().examples() == 20);
}

TEST_CASE("workers that begin together start together") {
  Cluster cluster(ConfigOf(1, 3), 6);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId w0 = cluster.Worker("w0");
  const ConnectionId w1 = cluster.Worker("w1");
  const ConnectionId w2 = cluster.Worker("w2");
  cluster.Applied(server);
  cluster.Attached(w0);
  cluster.Attached(w1);
  CHECK(cluster.Starts(w0) == 0);
  SECTION("when the last one is attached") { cluster.Attached(w2); }
  SECTION("when the last one is lost") {
    cluster.Disconnect(w2);
    cluster.Advance(kLease);
    for (const ConnectionId member : {server, w0, w1}) cluster.Heartbeat(member);
    cluster.Advance(absl::Milliseconds(1));
  }
  CHECK(cluster.Starts(w0) == 1);
  CHECK(cluster.Starts(w1) == 1);
}

TEST_CASE("stripes: one for every worker, over all files") {
  v1::Config config = ConfigOf(1, 2, 2);
  config.mutable_data()->set_assignment(v1::Data::STRIPES);
  Cluster cluster(config, 3);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const std::vector<ConnectionId> workers = {cluster.Worker("w0"), cluster.Worker("w1")};
  cluster.Applied(server);
  CHECK(cluster.Job().partitions() == 2);
  for (size_t i = 0; i < workers.size(); ++i) {
    const v1::WorkGrant grant = *cluster.Grant(workers[i]);
    REQUIRE(grant.partitions_size() == 3);
    for (const v1::Partition& partition : grant.partitions()) {
      CHECK(partition.stripe() == i);
      CHECK(partition.stripes() == 2);
    }
    cluster.Done(workers[i], grant.lease());
  }
  // One that comes later gets its stripe in the next epoch.
  const ConnectionId late = cluster.Worker("late");
  cluster.Applied(server);
  for (const ConnectionId worker : workers) cluster.Idle(worker);
  CHECK(cluster.Job().epoch() == 2);
  CHECK(cluster.Grant(late)->partitions(0).stripes() == 3);
}

TEST_CASE("a stall of the coordinator is not held against the members") {
  Small small(ConfigOf(1, 1), 2);
  small.cluster.core().OnStall(2 * kLease);
  small.cluster.Advance(2 * kLease);
  CHECK(small.cluster.Job().state() == v1::RUNNING);
}

TEST_CASE("the end of the job is told to whoever comes later, and nothing changes it") {
  Small small(ConfigOf(1, 1), 1);
  small.DoEpoch(1);
  REQUIRE(small.cluster.Job().state() == v1::SUCCEEDED);
  const ConnectionId late = small.cluster.Join(v1::WORKER, "late");
  CHECK(small.cluster.Update(late)->state() == v1::SUCCEEDED);
  CHECK(small.cluster.Closed(late)->ok());
  v1::MemberMessage failure;
  failure.mutable_failure()->set_message("my operations were cancelled");
  small.cluster.Send(small.worker, failure);
  CHECK(small.cluster.Job().state() == v1::SUCCEEDED);
}

TEST_CASE("a row that does not fit into a message is a config error") {
  v1::Config config = ConfigOf(1, 1);
  config.mutable_transport()->set_max_message(16);
  Small small(config, 1);
  CHECK(small.cluster.Job().exit_code() == 78);
  CHECK(small.cluster.Job().message().find("transport.max_message") != std::string::npos);
}

TEST_CASE("a worker that says goodbye gives its work back at once") {
  Cluster cluster(ConfigOf(1, 1), 1);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  const ConnectionId w0 = cluster.Worker("w0");
  cluster.Applied(server);
  REQUIRE(cluster.Grant(w0).has_value());
  v1::MemberMessage goodbye;
  goodbye.mutable_goodbye()->set_reason("stopped");
  cluster.Send(w0, goodbye);
  CHECK(cluster.Closed(w0)->ok());
  const ConnectionId w1 = cluster.Worker("w1");
  cluster.Applied(server);
  CHECK(cluster.Grant(w1)->attempt() == 2);
}

TEST_CASE("a lost server fails the job and is named") {
  Small small(ConfigOf(1, 1), 2);
  small.cluster.Advance(kLease);
  small.cluster.Heartbeat(small.worker);
  CHECK(small.cluster.Job().state() == v1::RUNNING);
  small.cluster.Advance(absl::Milliseconds(1));
  CHECK(small.cluster.Job().state() == v1::FAILED);
  CHECK(small.cluster.Job().message().find("s0") != std::string::npos);
  CHECK(small.cluster.Update(small.worker)->state() == v1::FAILED);
}

TEST_CASE("a server that is lost before the job begins is replaced") {
  Cluster cluster(ConfigOf(1, 1), 1);
  cluster.Join(v1::SHARD_HOST, "s0");
  cluster.Advance(kLease + absl::Seconds(1));
  cluster.Join(v1::SHARD_HOST, "s1");
  cluster.Worker("w0");
  CHECK(cluster.Job().state() == v1::RUNNING);
}

TEST_CASE("a broken stream may come back within the lease and goes on") {
  Small small(ConfigOf(1, 1), 2);
  Cluster& cluster = small.cluster;
  const v1::WorkGrant grant = *cluster.Grant(small.worker);
  cluster.Disconnect(small.worker);
  const ConnectionId again = cluster.Join(v1::WORKER, "w0", 1);
  // The grant is repeated under the same lease.
  CHECK(cluster.Grant(again)->lease() == grant.lease());
  v1::MemberMessage done;
  done.set_number(3);
  done.mutable_work_done()->set_lease(grant.lease());
  done.mutable_work_done()->set_records(10);
  cluster.core().OnMessage(again, done, absl::Seconds(100));
  CHECK(cluster.Job().partitions_done() == 1);
}

TEST_CASE("a NoWork that was lost with the stream is repeated for its request") {
  Small small(ConfigOf(1, 1), 1);
  Cluster& cluster = small.cluster;
  REQUIRE(cluster.Grant(small.worker).has_value());
  cluster.Request(small.worker, 5);
  CHECK(cluster.RefusedRequest(small.worker) == 5);
  cluster.Disconnect(small.worker);
  const ConnectionId again = cluster.Join(v1::WORKER, "w0", 1);
  CHECK(cluster.RefusedRequest(again) == 5);
}

TEST_CASE("workers that a restarted coordinator finds wait for the servers to know them") {
  Cluster cluster(ConfigOf(1, 1), 1);
  cluster.Join(v1::SHARD_HOST, "s0");
  cluster.Worker("w0");
  REQUIRE(cluster.Job().state() == v1::RUNNING);
  cluster.Restart();
  const ConnectionId worker = cluster.Join(v1::WORKER, "w0", 1);
  CHECK_FALSE(cluster.Grant(worker).has_value());
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0", 1);
  cluster.Applied(server);
  CHECK(cluster.Grant(worker).has_value());
}

TEST_CASE("a repeated message is handled once") {
  Small small(ConfigOf(1, 1), 3);
  v1::MemberMessage request;
  request.set_number(3);
  request.mutable_work_request();
  REQUIRE(small.cluster.Grant(small.worker).has_value());
  const auto first = small.cluster.core().OnMessage(small.worker, request, absl::Seconds(100));
  const auto second = small.cluster.core().OnMessage(small.worker, request, absl::Seconds(100));
  CHECK(first.size() == 1);
  CHECK(second.empty());
}

TEST_CASE("who may join") {
  Small small(ConfigOf(1, 1), 2);
  Cluster& cluster = small.cluster;
  const auto code = [&](ConnectionId connection) { return cluster.Closed(connection)->code(); };
  CHECK(code(cluster.Join(v1::WORKER, "w0", 2)) == absl::StatusCode::kAlreadyExists);
  CHECK(code(cluster.Join(v1::SHARD_HOST, "s1")) == absl::StatusCode::kResourceExhausted);
  CHECK(code(cluster.Join(v1::WORKER, "")) == absl::StatusCode::kInvalidArgument);
  CHECK(code(cluster.Join(v1::ROLE_UNSPECIFIED, "x")) == absl::StatusCode::kInvalidArgument);
  cluster.Join(v1::WORKER, "w1");
  cluster.Join(v1::WORKER, "w2");
  CHECK(code(cluster.Join(v1::WORKER, "w3")) == absl::StatusCode::kResourceExhausted);
  cluster.Advance(kLease);
  cluster.Heartbeat(small.server);
  cluster.Advance(absl::Milliseconds(1));
  CHECK(code(cluster.Join(v1::WORKER, "w0", 1)) == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("a worker that was started again replaces its dead process before the lease ends") {
  Small small(ConfigOf(1, 1), 1);
  Cluster& cluster = small.cluster;
  REQUIRE(cluster.Grant(small.worker).has_value());
  cluster.Disconnect(small.worker);
  const ConnectionId again = cluster.Join(v1::WORKER, "w0", 2);
  CHECK_FALSE(cluster.Closed(again).has_value());
  CHECK(cluster.View(small.server).workers_size() == 1);
  CHECK(cluster.View(small.server).workers(0).incarnation() == 2);
  CHECK(cluster.View(small.server).workers(0).id() == 2);
}

TEST_CASE("too many bad records fail the job with examples; few do not") {
  Small bad(ConfigOf(1, 1, 2), 1);
  v1::WorkGrant grant = *bad.cluster.Grant(bad.worker);
  v1::MemberMessage done;
  done.mutable_work_done()->set_lease(grant.lease());
  done.mutable_work_done()->set_records(80);
  done.mutable_work_done()->set_bad_records(20);
  done.mutable_work_done()->add_bad_record_examples("f:3: no label");
  bad.cluster.Send(bad.worker, done);
  bad.cluster.Idle(bad.worker);
  CHECK(bad.cluster.Job().state() == v1::FAILED);
  CHECK(bad.cluster.Job().exit_code() == 65);
  CHECK(bad.cluster.Job().message().find("f:3: no label") != std::string::npos);

  Small good(ConfigOf(1, 1, 2), 1);
  grant = *good.cluster.Grant(good.worker);
  good.cluster.Done(good.worker, grant.lease(), 90, 10);
  good.cluster.Idle(good.worker);
  CHECK(good.cluster.Job().state() == v1::RUNNING);
  CHECK(good.cluster.Job().bad_records() == 10);
}

TEST_CASE("a worker's failure fails the job with its exit code") {
  Small small(ConfigOf(1, 1), 1);
  v1::MemberMessage failure;
  failure.mutable_failure()->set_message("train.libsvm:7: bad");
  failure.mutable_failure()->set_exit_code(65);
  small.cluster.Send(small.worker, failure);
  CHECK(small.cluster.Job().state() == v1::FAILED);
  CHECK(small.cluster.Job().exit_code() == 65);
  CHECK(small.cluster.Job().message().find("w0") != std::string::npos);
}

TEST_CASE("a worker that declares other tables is turned away") {
  Small small(ConfigOf(1, 1), 2);
  const ConnectionId other = small.cluster.Join(v1::WORKER, "w1");
  v1::MemberMessage tables;
  tables.mutable_tables()->add_tables()->set_name("other");
  small.cluster.Send(other, tables);
  CHECK(small.cluster.Closed(other)->code() == absl::StatusCode::kFailedPrecondition);
  CHECK(small.cluster.Job().state() == v1::RUNNING);
}

TEST_CASE("a table in the configuration that the model does not have is a config error") {
  v1::Config config = ConfigOf(1, 1);
  config.add_tables()->set_name("wieghts");
  Small small(config, 1);
  CHECK(small.cluster.Job().state() == v1::FAILED);
  CHECK(small.cluster.Job().exit_code() == 78);
  CHECK(small.cluster.Job().message().find("wieghts") != std::string::npos);
}

TEST_CASE("a table's own policies take the place of the general ones") {
  v1::Config config = ConfigOf(1, 1);
  v1::Table& table = *config.add_tables();
  table.set_name("weights");
  table.mutable_optimizer()->set_type(v1::Optimizer::ADAGRAD);
  Small small(config, 1);
  const v1::TableSpec& spec = small.cluster.View(small.worker).shard_map().tables(0).spec();
  CHECK(spec.optimizer().type() == v1::Optimizer::ADAGRAD);
  CHECK(spec.consistency().mode() == v1::Consistency::SSP);
}

TEST_CASE("a restarted coordinator goes on with the job and loses no completion") {
  Small small(ConfigOf(1, 1, 2), 2);
  Cluster& cluster = small.cluster;
  const v1::WorkGrant first = *cluster.Grant(small.worker);
  cluster.Done(small.worker, first.lease());
  cluster.Request(small.worker);
  const v1::WorkGrant second = *cluster.Grant(small.worker);
  cluster.Restart();
  CHECK(cluster.Job().state() == v1::RUNNING);
  CHECK(cluster.Job().partitions_done() == 1);
  // Nothing is taken from anybody before two leases.
  cluster.Advance(kLease + kLease / 2);
  CHECK(cluster.Job().state() == v1::RUNNING);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0", 1);
  const ConnectionId worker = cluster.Join(v1::WORKER, "w0", 1);
  CHECK(cluster.View(server).shard_map().epoch() == 1);
  CHECK(cluster.Grant(worker)->lease() == second.lease());
  v1::MemberMessage done;
  done.set_number(100);
  done.mutable_work_done()->set_lease(second.lease());
  done.mutable_work_done()->set_records(10);
  cluster.core().OnMessage(worker, done, absl::Seconds(110));
  CHECK(cluster.Job().partitions_done() == 2);
}

TEST_CASE("the operator ends the job") {
  Small small(ConfigOf(1, 1), 1);
  small.cluster.core().OnAbort("stopped by SIGINT", absl::Seconds(101));
  CHECK(small.cluster.Job().state() == v1::FAILED);
  CHECK(small.cluster.Job().message() == "stopped by SIGINT");
}

TEST_CASE("status names who waits for whom") {
  Cluster cluster(ConfigOf(1, 2), 4);
  const ConnectionId server = cluster.Join(v1::SHARD_HOST, "s0");
  cluster.Worker("w0");
  cluster.Worker("w1");
  cluster.Applied(server);
  v1::MemberMessage heartbeat;
  v1::ServerReport& report = *heartbeat.mutable_heartbeat()->mutable_server();
  v1::WaitingPull& pull = *report.add_waiting();
  pull.set_client(1);
  pull.set_clock(41);
  pull.set_waits_for_client(2);
  pull.set_waits_for_clock(36);
  report.add_tables()->set_rows(123);
  cluster.core().OnMessage(server, heartbeat, absl::Seconds(100));
  const v1::ClusterStatus status = cluster.Status();
  REQUIRE(status.waiting_size() == 1);
  CHECK(status.waiting(0) == "w0 at clock 41 waits for w1 at clock 36, table weights");
  CHECK(status.tables(0).rows() == 123);
  CHECK(status.servers(0).shards() == 8);
}

}  // namespace
}  // namespace paramd
