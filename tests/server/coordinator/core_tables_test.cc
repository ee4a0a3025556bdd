#include <catch2/catch.hpp>

#include "tests/server/coordinator/core_cluster.h"

namespace paramd {
namespace {

using Code = absl::StatusCode;

v1::SetTableRequest Staleness(uint32_t steps, const std::string& table = "weights") {
  v1::SetTableRequest request;
  request.set_table(table);
  request.mutable_staleness()->set_steps(steps);
  return request;
}

v1::SetTableRequest Mode(v1::Consistency::Mode mode) {
  v1::SetTableRequest request;
  request.set_table("weights");
  request.set_mode(mode);
  return request;
}

// A job that trains, with workers at clocks 7 and 4.
struct Running {
  explicit Running(v1::Config config = ConfigOf(1, 2)) : cluster(std::move(config), 4) {
    server = cluster.Join(v1::SHARD_HOST, "s0");
    uint64_t clock = 10;
    for (const char* name : {"w0", "w1"}) workers.push_back(cluster.Worker(name));
    cluster.Applied(server);
    for (const ConnectionId worker : workers) {
      v1::MemberMessage heartbeat;
      heartbeat.mutable_heartbeat()->mutable_worker()->set_clock(clock -= 3);
      cluster.core().OnMessage(worker, heartbeat, absl::Seconds(100));
    }
  }

  absl::StatusOr<v1::SetTableReply> Set(const v1::SetTableRequest& request) {
    return cluster.core().SetTable(request, &actions);
  }
  // The spec in the last view that was sent by Set.
  v1::TableSpec Sent(ConnectionId to) const {
    for (const CoordinatorCore::Action& action : actions) {
      const auto* send = std::get_if<CoordinatorCore::Send>(&action);
      if (send == nullptr || send->connection != to || !send->message.has_view()) continue;
      return send->message.view().shard_map().tables(0).spec();
    }
    return {};
  }

  Cluster cluster;
  ConnectionId server;
  std::vector<ConnectionId> workers;
  CoordinatorCore::Actions actions;
};

TEST_CASE("a new staleness is told to everybody, from the slowest worker's next step on") {
  Running running;
  const v1::ClusterStatus before = running.cluster.Status();
  const auto reply = running.Set(Staleness(8));
  REQUIRE(reply.ok());
  CHECK(reply->consistency().staleness().steps() == 8);
  CHECK(reply->from() == 5);
  CHECK(reply->view_version() == before.view_version() + 1);
  for (const ConnectionId member : {running.server, running.workers[0], running.workers[1]}) {
    const v1::TableSpec spec = running.Sent(member);
    CHECK(spec.consistency().staleness().steps() == 8);
    CHECK(spec.consistency_from() == 5);
    CHECK(spec.consistency_before().staleness().steps() == 0);
  }
  const v1::ClusterStatus status = running.cluster.Status();
  CHECK(status.epoch() == before.epoch());
  CHECK(status.tables(0).consistency().staleness().steps() == 8);
  CHECK(status.tables(0).consistency_from() == 5);
  running.cluster.Restart();
  CHECK(running.cluster.Status().tables(0).consistency().staleness().steps() == 8);
}

TEST_CASE("a second change before the first has taken effect keeps what held before both") {
  Running running;
  REQUIRE(running.Set(Mode(v1::Consistency::ASP)).ok());
  REQUIRE(running.Set(Staleness(2)).status().code() == Code::kInvalidArgument);
  v1::SetTableRequest both = Staleness(2);
  both.set_mode(v1::Consistency::SSP);
  REQUIRE(running.Set(both).ok());
  const v1::TableSpec spec = running.Sent(running.server);
  CHECK(spec.consistency().mode() == v1::Consistency::SSP);
  CHECK(spec.consistency().staleness().steps() == 2);
  CHECK(spec.consistency_before().mode() == v1::Consistency::SSP);
  CHECK(spec.consistency_before().staleness().steps() == 0);
}

TEST_CASE("ssp that was asp begins with the default staleness") {
  v1::Config config = ConfigOf(1, 2);
  config.mutable_consistency()->set_mode(v1::Consistency::ASP);
  Running running(config);
  REQUIRE(running.Set(Mode(v1::Consistency::SSP)).ok());
  CHECK(running.Sent(running.server).consistency().staleness().steps() == 4);
}

// A request for `auto`.
v1::SetTableRequest Auto() {
  v1::SetTableRequest request = Staleness(0);
  request.mutable_staleness()->set_auto_(true);
  return request;
}

v1::Config AutoConfig() {
  v1::Config config = ConfigOf(1, 2);
  v1::Consistency& consistency = *config.mutable_consistency();
  consistency.set_mode(v1::Consistency::SSP);
  consistency.mutable_staleness()->set_auto_(true);
  consistency.mutable_staleness()->set_steps(4);
  consistency.set_staleness_min(1);
  consistency.set_staleness_max(32);
  config.mutable_cluster()->mutable_heartbeat()->mutable_interval()->set_nanos(500'000'000);
  config.mutable_data()->set_batch_size(25);
  return config;
}

TEST_CASE("staleness auto goes from 4 to what the members' reports ask for") {
  Running running(AutoConfig());
  CHECK(running.cluster.Status().tables(0).consistency().staleness().steps() == 4);
  CHECK(running.cluster.Status().tables(0).consistency().staleness().auto_());
  // Workers wait a fifth of their time; the slowest is at clock 4 + 10 * (second + 1) then.
  for (uint64_t second = 0; second < 6; ++second) {
    const absl::Duration now = absl::Seconds(101 + second);
    v1::MemberMessage message;
    v1::ServerReport& server = *message.mutable_heartbeat()->mutable_server();
    server.add_tables()->set_waited_seconds(0.4 * static_cast<double>(second));
    running.cluster.core().OnMessage(running.server, message, now);
    for (uint64_t i = 0; i < 2; ++i) {
      v1::WorkerReport& worker = *message.mutable_heartbeat()->mutable_worker();
      worker.set_clock(4 + 3 * i + 10 * (second + 1));
      worker.set_examples(100 * second);
      worker.set_loss_sum(static_cast<double>(50 * second));
      running.cluster.core().OnMessage(running.workers[i], message, now);
    }
    running.actions = running.cluster.core().OnTick(now);
  }
  const v1::ClusterStatus status = running.cluster.Status();
  CHECK(status.tables(0).consistency().staleness().steps() == 32);
  REQUIRE(status.job().staleness_choices_size() == 3);
  CHECK(status.job().staleness_choices(0).steps() == 8);
  CHECK(status.job().staleness_choices(2).reason() == "workers waited 20 % of the time");
  // From the slowest worker's next step on.
  CHECK(status.tables(0).consistency_from() > 24);
  running.cluster.Restart();
  CHECK(running.cluster.Status().tables(0).consistency().staleness().steps() == 32);
}

TEST_CASE("a running table goes over to auto from the bound it has, and back") {
  Running running;
  REQUIRE(running.Set(Mode(v1::Consistency::ASP)).ok());
  v1::SetTableRequest request = Auto();
  request.set_mode(v1::Consistency::SSP);
  const auto reply = running.Set(request);
  REQUIRE(reply.ok());
  CHECK(reply->consistency().staleness().auto_());
  CHECK(reply->consistency().staleness().steps() == 4);
  CHECK(reply->consistency().staleness_max() == 32);
  REQUIRE(running.Set(Staleness(2)).ok());
  CHECK_FALSE(running.cluster.Status().tables(0).consistency().staleness().auto_());
}

TEST_CASE("what cannot be changed") {
  v1::Config config = ConfigOf(1, 2);
  const auto refused = [&](const v1::SetTableRequest& request, Code code, const std::string& why) {
    Running running(config);
    const uint64_t version = running.cluster.Status().view_version();
    const absl::Status status = running.Set(request).status();
    CHECK(status.code() == code);
    CHECK(std::string(status.message()).find(why) != std::string::npos);
    CHECK(running.actions.empty());
    CHECK(running.cluster.Status().view_version() == version);
  };
  refused(Staleness(1, "wieghts"), Code::kNotFound,
          "there is no table 'wieghts'; there are weights");
  refused(Staleness(1000001), Code::kInvalidArgument, "wants 0 to 1000000, not 1000001");
  refused(Mode(v1::Consistency::BSP), Code::kInvalidArgument, "to asp and ssp, not to bsp");
  v1::Table& table = *config.add_tables();
  table.set_name("weights");
  table.mutable_consistency()->set_mode(v1::Consistency::SSP);
  table.mutable_consistency()->mutable_staleness()->set_steps(4);
  table.mutable_transport()->mutable_pull()->set_max_age(3);
  refused(Staleness(2), Code::kInvalidArgument, "transport.pull.max_age");
  config.clear_tables();
  config.mutable_consistency()->set_mode(v1::Consistency::BSP);
  refused(Staleness(2), Code::kFailedPrecondition, "has consistency.mode bsp");
}

TEST_CASE("without a running job nothing can be changed") {
  Cluster cluster(ConfigOf(1, 2), 4);
  CoordinatorCore::Actions actions;
  CHECK(cluster.core().SetTable(Staleness(2), &actions).status().code() ==
        Code::kFailedPrecondition);
}

}  // namespace
}  // namespace paramd
