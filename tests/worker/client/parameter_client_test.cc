#include "worker/client/parameter_client.h"

#include <catch2/catch.hpp>

#include "common/base/mutex.h"
#include "common/rpc/daemon_server.h"
#include "server/engine/engine.h"
#include "server/rpc/parameter_service.h"

namespace paramd {
namespace {

// A shard host without a coordinator: the test hands it its view.
class Host {
 public:
  explicit Host(uint32_t id) {
    engine_.SetServerId(id);
    Listen("127.0.0.1:0");
  }

  // Drops every connection and listens again at the same address; the engine keeps its state.
  void Restart() {
    const std::string address = daemon_->address();
    daemon_.reset();
    Listen(address);
  }

  Engine& engine() { return engine_; }
  const std::string& address() const { return daemon_->address(); }

 private:
  void Listen(const std::string& address) {
    service_ = std::make_unique<ParameterServiceImpl>(engine_);
    auto daemon =
        DaemonServer::Start({.listen = address, .services = {service_.get()}, .daemon_status = [] {
                               return v1::DaemonStatus();
                             }});
    REQUIRE(daemon.ok());
    daemon_ = *std::move(daemon);
  }

  Engine engine_{EngineOptions{}};
  std::unique_ptr<ParameterServiceImpl> service_;
  std::unique_ptr<DaemonServer> daemon_;
};

// Hosts, a view with a sparse table `w` (dim 2) and a dense table `b` (5 x 3), both with sgd at
// rate 1, and clients.
class Fixture {
 public:
  explicit Fixture(uint32_t hosts, v1::Consistency::Mode mode = v1::Consistency::ASP) {
    view_.set_version(1);
    view_.mutable_shard_map()->set_epoch(1);
    for (uint32_t id = 1; id <= hosts; ++id) {
      hosts_.push_back(std::make_unique<Host>(id));
      v1::ServerMember& server = *view_.mutable_shard_map()->add_servers();
      server.set_id(id);
      server.set_address(hosts_.back()->address());
    }
    AddTable("w", v1::TableSpec::SPARSE, 0, 2, 16, mode);
    AddTable("b", v1::TableSpec::DENSE, 5, 3, 5, mode);
    for (uint32_t id = 1; id <= 2; ++id) {
      v1::WorkerMember& worker = *view_.add_workers();
      worker.set_id(id);
      worker.set_incarnation(100 + id);
    }
    for (auto& host : hosts_) REQUIRE(host->engine().ApplyView(view_).ok());
  }

  ParameterClient::Options ClientOptions(uint32_t id) const {
    return {.client = id, .incarnation = 100 + id, .shard_map = view_.shard_map()};
  }
  Host& host(size_t i) { return *hosts_[i]; }

 private:
  void AddTable(const char* name, v1::TableSpec::Kind kind, uint64_t rows, uint32_t dim,
                uint32_t shards, v1::Consistency::Mode mode) {
    v1::TablePlacement& table = *view_.mutable_shard_map()->add_tables();
    table.mutable_spec()->set_name(name);
    table.mutable_spec()->set_kind(kind);
    table.mutable_spec()->set_rows(rows);
    table.mutable_spec()->set_dim(dim);
    table.mutable_spec()->mutable_consistency()->set_mode(mode);
    table.mutable_spec()->mutable_optimizer()->set_type(v1::Optimizer::SGD);
    table.mutable_spec()->mutable_optimizer()->set_learning_rate(1);
    for (uint32_t s = 0; s < shards; ++s) table.add_shard_servers(s % hosts_.size() + 1);
  }

  std::vector<std::unique_ptr<Host>> hosts_;
  v1::ClusterView view_;
};

absl::StatusOr<std::vector<float>> Pull(ParameterClient& client, uint32_t table,
                                        const std::vector<uint64_t>& keys,
                                        std::optional<uint64_t> clock) {
  Notification done;
  absl::StatusOr<std::vector<float>> result;
  client.Pull(table, keys, clock, [&](absl::StatusOr<std::vector<float>> values) {
    result = std::move(values);
    done.Notify();
  });
  done.Wait();
  return result;
}

absl::Status Push(ParameterClient& client, uint64_t clock, const std::vector<uint64_t>& keys,
                  const std::vector<float>& values, const std::vector<float>& dense,
                  uint64_t examples = 1) {
  Notification done;
  absl::Status result;
  std::vector<ParameterClient::TableGradients> gradients = {
      {.table = 0, .keys = keys, .values = values}};
  if (!dense.empty()) gradients.push_back({.table = 1, .keys = {}, .values = dense});
  client.PushStep(clock, examples, gradients, [&](const absl::Status& status) {
    result = status;
    done.Notify();
  });
  done.Wait();
  return result;
}

std::vector<uint64_t> Keys(uint64_t count) {
  std::vector<uint64_t> keys(count);
  for (uint64_t i = 0; i < count; ++i) keys[i] = i * i;
  return keys;
}

TEST_CASE("what is pushed is what is pulled, over any number of servers and chunks") {
  for (const uint32_t hosts : {1u, 2u, 3u}) {
    Fixture fixture(hosts);
    for (const uint64_t max_message : {uint64_t{1} << 10, uint64_t{1} << 24}) {
      ParameterClient::Options options = fixture.ClientOptions(max_message == 1 << 10 ? 1 : 2);
      options.max_message_bytes = max_message;
      ParameterClient client(options);
      const std::vector<uint64_t> keys = Keys(1000);
      REQUIRE(client.Attach().ok());
      const std::vector<float> before = *Pull(client, 0, keys, 0);
      std::vector<float> gradient(keys.size() * 2);
      for (size_t i = 0; i < gradient.size(); ++i) gradient[i] = static_cast<float>(i);
      std::vector<float> dense(15);
      for (size_t i = 0; i < dense.size(); ++i) dense[i] = static_cast<float>(i + 1);
      const std::vector<float> dense_before = *Pull(client, 1, {}, 0);
      REQUIRE(Push(client, 0, keys, gradient, dense).ok());
      const std::vector<float> after = *Pull(client, 0, keys, 1);
      for (size_t i = 0; i < after.size(); ++i) CHECK(after[i] == before[i] - gradient[i]);
      const std::vector<float> dense_after = *Pull(client, 1, {}, std::nullopt);
      for (size_t i = 0; i < dense.size(); ++i) CHECK(dense_after[i] == dense_before[i] - dense[i]);
      REQUIRE(client.Detach().ok());
    }
  }
}

TEST_CASE("a client that comes later begins at the clock of the slowest") {
  Fixture fixture(2, v1::Consistency::SSP);
  ParameterClient first(fixture.ClientOptions(1));
  CHECK(*first.Attach() == 0);
  for (uint64_t clock = 0; clock < 5; ++clock) REQUIRE(Push(first, clock, {1}, {1, 1}, {}).ok());
  ParameterClient second(fixture.ClientOptions(2));
  CHECK(*second.Attach() == 5);
}

TEST_CASE("bsp averages by examples and shows a step whole") {
  Fixture fixture(2, v1::Consistency::BSP);
  ParameterClient first(fixture.ClientOptions(1)), second(fixture.ClientOptions(2));
  REQUIRE(first.Attach().ok());
  REQUIRE(second.Attach().ok());
  Notification pulled;
  std::vector<float> values;
  REQUIRE(Push(first, 0, {1, 2}, {1, 1, 1, 1}, {}, 30).ok());
  first.Pull(0, std::vector<uint64_t>{1, 2, 3}, 1, [&](absl::StatusOr<std::vector<float>> result) {
    values = *result;
    pulled.Notify();
  });
  REQUIRE(Push(second, 0, {2, 3}, {2, 2, 2, 2}, {}, 10).ok());
  pulled.Wait();
  CHECK(values == std::vector<float>{-0.75, -0.75, -1.25, -1.25, -0.5, -0.5});
}

TEST_CASE("a connection that breaks loses nothing and doubles nothing") {
  Fixture fixture(2);
  ParameterClient client(fixture.ClientOptions(1));
  REQUIRE(client.Attach().ok());
  const std::vector<uint64_t> keys = Keys(100);
  const std::vector<float> ones(200, 1.0f);
  constexpr int kPushes = 60;
  Mutex mutex;
  CondVar changed;
  int acknowledged = 0;
  for (int i = 0; i < kPushes; ++i) {
    const ParameterClient::TableGradients gradients = {.table = 0, .keys = keys, .values = ones};
    client.PushStep(static_cast<uint64_t>(i), 1, {&gradients, 1}, [&](const absl::Status& status) {
      MutexLock lock(mutex);
      CHECK(status.ok());
      ++acknowledged;
      changed.NotifyAll();
    });
    if (i % 20 == 10) fixture.host(static_cast<size_t>(i / 20) % 2).Restart();
  }
  {
    MutexLock lock(mutex);
    while (acknowledged < kPushes) changed.Wait(mutex);
  }
  const std::vector<float> values = *Pull(client, 0, keys, std::nullopt);
  for (const float value : values) CHECK(value == -kPushes);
}

TEST_CASE("a refusal names the server and keeps its code") {
  Fixture fixture(1);
  ParameterClient client(fixture.ClientOptions(1));
  REQUIRE(client.Attach().ok());
  const absl::Status status = Push(client, 0, {1}, {1, std::nanf("")}, {});
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(status.message()).find(fixture.host(0).address()) != std::string::npos);
  ParameterClient stranger({.client = 9, .incarnation = 9, .shard_map = client.shard_map()});
  CHECK(stranger.Attach().status().code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("shutting down answers what is open") {
  Fixture fixture(1, v1::Consistency::BSP);
  ParameterClient client(fixture.ClientOptions(1));
  REQUIRE(client.Attach().ok());
  Notification done;
  absl::Status status;
  client.Pull(0, std::vector<uint64_t>{1}, 7, [&](absl::StatusOr<std::vector<float>> values) {
    status = values.status();
    done.Notify();
  });
  client.Shutdown(absl::CancelledError("the job has ended"));
  done.Wait();
  CHECK(status.code() == absl::StatusCode::kCancelled);
  CHECK(Pull(client, 0, {1}, 0).status().code() == absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace paramd
