#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/buffer.h"
#include "common/base/mutex.h"
#include "common/config/duration.h"
#include "common/rpc/daemon_server.h"
#include "paramd/v1/coordinator.pb.h"
#include "server/engine/engine.h"
#include "server/rpc/parameter_service.h"
#include "worker/client/parameter_client.h"

namespace paramd {

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

// The defaults of config.proto.
inline v1::Transport DefaultTransport() {
  v1::Transport transport;
  transport.set_max_message(16 << 20);
  transport.set_pushes_in_flight(4);
  *transport.mutable_keepalive() = FromDuration(absl::Seconds(10));
  transport.set_chunk(512 << 10);
  transport.set_keys(v1::Codec::CACHED);
  transport.set_key_cache(32 << 20);
  return transport;
}

// Hosts, a view with a sparse table `w` (dim 2, 16 shards) and a dense table `b` (5 x 3), both with
// sgd at rate 1, and two workers.
class ParameterCluster {
 public:
  struct Options {
    uint32_t hosts = 1;
    v1::Consistency::Mode mode = v1::Consistency::ASP;
    uint32_t staleness = 0;
    v1::PushValues push;
    v1::Codec::Values pull = v1::Codec::F32;
    uint64_t dense_rows = 5;
  };

  explicit ParameterCluster(const Options& options) {
    view_.set_version(1);
    view_.mutable_shard_map()->set_epoch(1);
    for (uint32_t id = 1; id <= options.hosts; ++id) {
      hosts_.push_back(std::make_unique<Host>(id));
      v1::ServerMember& server = *view_.mutable_shard_map()->add_servers();
      server.set_id(id);
      server.set_address(hosts_.back()->address());
    }
    AddTable("w", v1::TableSpec::SPARSE, 0, 2, 16, options);
    AddTable("b", v1::TableSpec::DENSE, options.dense_rows, 3, 5, options);
    for (uint32_t id = 1; id <= 2; ++id) {
      v1::WorkerMember& worker = *view_.add_workers();
      worker.set_id(id);
      worker.set_incarnation(100 + id);
    }
    for (auto& host : hosts_) REQUIRE(host->engine().ApplyView(view_).ok());
  }

  ParameterClient::Options ClientOptions(uint32_t id) const {
    return {.client = id,
            .incarnation = 100 + id,
            .shard_map = view_.shard_map(),
            .transport = DefaultTransport()};
  }
  Host& host(size_t i) { return *hosts_[i]; }

 private:
  void AddTable(const char* name, v1::TableSpec::Kind kind, uint64_t rows, uint32_t dim,
                uint32_t shards, const Options& options) {
    v1::TablePlacement& table = *view_.mutable_shard_map()->add_tables();
    v1::TableSpec& spec = *table.mutable_spec();
    spec.set_name(name);
    spec.set_kind(kind);
    spec.set_rows(rows);
    spec.set_dim(dim);
    spec.mutable_consistency()->set_mode(options.mode);
    spec.mutable_consistency()->mutable_staleness()->set_steps(options.staleness);
    spec.mutable_optimizer()->set_type(v1::Optimizer::SGD);
    spec.mutable_optimizer()->set_learning_rate(1);
    *spec.mutable_push() = options.push;
    spec.mutable_pull()->set_values(options.pull);
    for (uint32_t s = 0; s < shards; ++s) table.add_shard_servers(s % options.hosts + 1);
  }

  std::vector<std::unique_ptr<Host>> hosts_;
  v1::ClusterView view_;
};

inline Buffer BufferOf(absl::Span<const float> values) {
  Buffer buffer(values.size() * sizeof(float));
  std::copy(values.begin(), values.end(), buffer.floats());
  return buffer;
}

// The ends of operations of a client. Thread-safe.
class Ends {
 public:
  // To be called once.
  ParameterClient::Done Expect() {
    MutexLock lock(mutex_);
    ++expected_;
    return [this](const absl::Status& status) {
      MutexLock lock(mutex_);
      ++came_;
      status_.Update(status);
    };
  }

  // Waits for all that are expected. The first error.
  absl::Status Wait(ParameterClient& client) {
    client.Wait([this] {
      MutexLock lock(mutex_);
      return came_ == expected_;
    });
    MutexLock lock(mutex_);
    return status_;
  }

 private:
  Mutex mutex_;
  int expected_ ABSL_GUARDED_BY(mutex_) = 0;
  int came_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

inline absl::StatusOr<std::vector<float>> Pull(ParameterClient& client, uint32_t table,
                                               absl::Span<const uint64_t> keys,
                                               std::optional<uint64_t> clock) {
  const std::shared_ptr<const RowPlan> plan = client.Plan(table, keys);
  std::vector<float> values(plan->rows * plan->dim);
  Ends ends;
  client.Pull(plan, clock, absl::MakeSpan(values), ends.Expect());
  const absl::Status status = ends.Wait(client);
  if (!status.ok()) return status;
  return values;
}

// Begins a push of gradients of `w`, and of `b` unless `dense` is empty.
inline void StartPush(ParameterClient& client, uint64_t clock, absl::Span<const uint64_t> keys,
                      absl::Span<const float> values, absl::Span<const float> dense, Ends& ends,
                      uint64_t examples = 1) {
  std::vector<ParameterClient::TableGradients> gradients = {
      {.plan = client.Plan(0, keys), .values = BufferOf(values)}};
  if (!dense.empty()) gradients.push_back({.plan = client.Plan(1, {}), .values = BufferOf(dense)});
  client.PushStep(clock, examples, gradients, ends.Expect());
}

inline absl::Status Push(ParameterClient& client, uint64_t clock, absl::Span<const uint64_t> keys,
                         absl::Span<const float> values, absl::Span<const float> dense,
                         uint64_t examples = 1) {
  Ends ends;
  StartPush(client, clock, keys, values, dense, ends, examples);
  return ends.Wait(client);
}

// `count` keys, not evenly apart.
inline std::vector<uint64_t> Keys(uint64_t count) {
  std::vector<uint64_t> keys(count);
  for (uint64_t i = 0; i < count; ++i) keys[i] = i * i;
  return keys;
}

}  // namespace paramd
