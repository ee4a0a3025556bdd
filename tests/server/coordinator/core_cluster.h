#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/coordinator/core.h"

namespace paramd {
inline constexpr absl::Duration kLease = absl::Seconds(3);

inline v1::Config ConfigOf(uint32_t servers, uint32_t workers, uint32_t epochs = 1) {
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

inline std::vector<v1::Partition> PartitionsOf(int count) {
  std::vector<v1::Partition> partitions(count);
  for (int i = 0; i < count; ++i) partitions[i].set_file(absl::StrCat("part", i));
  return partitions;
}

// Plays members against a core and keeps what it says to them.
class Cluster {
 public:
  Cluster(v1::Config config, int partitions, int eval_files = 0,
          absl::StatusOr<InitialModel> init = InitialModel())
      : config_(std::move(config)),
        eval_(PartitionsOf(eval_files)),
        core_(config_, PartitionsOf(partitions), eval_, now_, std::move(init)) {}

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

  // Joins, declares a table and the data, and is idle.
  ConnectionId Worker(const std::string& name, const v1::DataShape& data = {}) {
    const ConnectionId connection = Join(v1::WORKER, name);
    v1::MemberMessage tables;
    v1::TableSpec& spec = *tables.mutable_tables()->add_tables();
    spec.set_name("weights");
    spec.set_kind(v1::TableSpec::SPARSE);
    spec.set_dim(1);
    *tables.mutable_tables()->mutable_data() = data;
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
  // With the figures of an evaluation.
  void Evaluated(ConnectionId connection, uint64_t lease, double auc) {
    v1::MemberMessage message;
    message.mutable_work_done()->set_lease(lease);
    message.mutable_work_done()->mutable_metrics()->set_auc(auc);
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
  // Without a number.
  void Say(ConnectionId connection, const v1::MemberMessage& message) {
    Take(core().OnMessage(connection, message, now_));
  }
  void Heartbeat(ConnectionId connection) {
    v1::MemberMessage message;
    message.mutable_heartbeat()->mutable_worker();
    Take(core().OnMessage(connection, message, now_));
  }
  void Report(ConnectionId connection, uint64_t examples) {
    v1::MemberMessage message;
    message.mutable_heartbeat()->mutable_worker()->set_examples(examples);
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
  absl::StatusOr<v1::DrainReply> Drain(const v1::DrainRequest& request) {
    CoordinatorCore::Actions actions;
    absl::StatusOr<v1::DrainReply> reply = core().Drain(request, now_, &actions);
    Take(std::move(actions));
    return reply;
  }
  // Called with every view that is sent; may be empty.
  std::function<void(const v1::ClusterView&)> on_view;

  void ModelSaved(const absl::Status& status) { Take(core().OnModelSaved(status, now_)); }
  // Checkpoints that were to be begun.
  int checkpoints_begun() const { return checkpoints_begun_; }
  void CheckpointBegun(uint64_t number) { Take(core().OnCheckpointBegun(number, now_)); }
  // Their numbers, in order: that a server was told to write, that were given up, and made.
  const std::vector<uint64_t>& Writes(ConnectionId connection) { return writes_[connection]; }
  const std::vector<uint64_t>& abandoned() const { return abandoned_; }
  const std::vector<uint64_t>& committed() const { return committed_; }
  int saves() const { return static_cast<int>(saved_.size()); }
  // Files that were to be written, in order.
  const std::vector<std::string>& saved() const { return saved_; }
  // "from > to".
  const std::vector<std::string>& renamed() const { return renamed_; }
  // Whether the worker was told that training stops.
  bool Stopped(ConnectionId connection) { return stopped_[connection]; }
  // Leases that it was told are revoked.
  const std::vector<uint64_t>& Revoked(ConnectionId connection) { return revoked_[connection]; }
  const std::vector<v1::HistoryPoint>& points() const { return points_; }
  const std::vector<v1::Evaluation>& evaluations() const { return evaluations_; }
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
        if (message.has_welcome()) numbers_[send->connection] = message.welcome().received();
        if (message.has_work_grant()) grants_[send->connection].push_back(message.work_grant());
        starts_[send->connection] += message.has_start();
        if (message.has_no_work()) {
          ++no_work_[send->connection];
          refused_[send->connection] = message.no_work().request();
        }
        if (message.has_view()) {
          views_[send->connection] = message.view();
          if (on_view) on_view(message.view());
        }
        if (message.has_job()) updates_[send->connection] = message.job();
        stopped_[send->connection] |= message.has_stop_training();
        if (message.has_write_checkpoint()) {
          writes_[send->connection].push_back(message.write_checkpoint().number());
        }
        if (message.has_revoke_lease()) {
          revoked_[send->connection].push_back(message.revoke_lease().lease());
        }
      } else if (std::holds_alternative<CoordinatorCore::BeginCheckpoint>(action)) {
        ++checkpoints_begun_;
      } else if (auto* abandon = std::get_if<CoordinatorCore::AbandonCheckpoint>(&action)) {
        abandoned_.push_back(abandon->number);
      } else if (auto* commit = std::get_if<CoordinatorCore::CommitCheckpoint>(&action)) {
        committed_.push_back(commit->number);
      } else if (auto* save = std::get_if<CoordinatorCore::SaveModel>(&action)) {
        saved_.push_back(save->path);
      } else if (auto* rename = std::get_if<CoordinatorCore::RenameModel>(&action)) {
        renamed_.push_back(rename->from + " > " + rename->to);
      } else if (auto* record = std::get_if<CoordinatorCore::Record>(&action)) {
        Keep(record->what);
      }
    }
  }

  template <typename What>
  void Keep(const What& what) {
    if (auto* point = std::get_if<v1::HistoryPoint>(&what)) points_.push_back(*point);
    if (auto* evaluation = std::get_if<v1::Evaluation>(&what)) evaluations_.push_back(*evaluation);
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
  std::map<ConnectionId, bool> stopped_;
  std::map<ConnectionId, std::vector<uint64_t>> revoked_;
  std::map<ConnectionId, std::vector<uint64_t>> writes_;
  int checkpoints_begun_ = 0;
  std::vector<uint64_t> abandoned_, committed_;
  std::vector<std::string> saved_;
  std::vector<std::string> renamed_;
  std::vector<v1::HistoryPoint> points_;
  std::vector<v1::Evaluation> evaluations_;
};

// One server and one worker, in training.
struct Small {
  explicit Small(v1::Config config, int partitions, int eval_files = 0)
      : cluster(std::move(config), partitions, eval_files),
        server(cluster.Join(v1::SHARD_HOST, "s0")),
        worker(cluster.Worker("w0")) {
    cluster.Applied(server);
  }

  // The worker does so many partitions, after which there are no more for now.
  void DoPartitions(int partitions) {
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

}  // namespace paramd
