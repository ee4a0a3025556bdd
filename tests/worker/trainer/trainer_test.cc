#include "worker/trainer/trainer.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "paramd/v1/parameter.pb.h"
#include "tests/common/rpc/stream_service.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/temp_dir.h"
#include "tests/worker/client/fake_server.h"

namespace paramd {
namespace {

constexpr uint64_t kFirstClock = 20;

// One parameter, whose gradient is the label of the batch's first example; each example's loss
// is 1.
class FirstLabel final : public Model {
 public:
  Task task() const override { return Task::kRegression; }
  int outputs() const override { return 1; }
  std::vector<v1::TableSpec> Tables() const override {
    v1::TableSpec table;
    table.set_name("t");
    table.set_kind(v1::TableSpec::DENSE);
    table.set_rows(1);
    table.set_dim(1);
    return {table};
  }
  absl::Status CheckLabels(const Batch&) const override { return absl::OkStatus(); }
  double Gradients(const Batch& batch, absl::Span<const absl::Span<const float>>,
                   absl::Span<const absl::Span<float>> gradients) override {
    gradients[0][0] = batch.labels[0];
    return static_cast<double>(batch.rows());
  }
  void Predict(const Batch&, absl::Span<const absl::Span<const float>>,
               std::vector<float>*) override {}
};

// Clients enter at kFirstClock; parameters are 0.
void Answer(const v1::Operation& operation, const FakeServer::Writer& writer) {
  v1::Reply reply = ReplyOf(operation.header().sequence());
  if (operation.header().kind() == v1::Header::ATTACH) reply.set_clock(kFirstClock);
  if (operation.header().kind() == v1::Header::PULL) reply.set_values(std::string(4, '\0'));
  writer->Write(std::move(reply));
}

struct Pushed {
  uint64_t clock = 0;
  // Before the job was restored; client 0: it was not.
  uint32_t client = 0;
  uint64_t origin = 0;
  uint64_t examples = 0;
  float gradient = 0;  // 0: none

  friend bool operator==(const Pushed&, const Pushed&) = default;
};

std::ostream& operator<<(std::ostream& out, const Pushed& pushed) {
  return out << "{" << pushed.clock << ", " << pushed.client << ", " << pushed.origin << ", "
             << pushed.examples << ", " << pushed.gradient << "}";
}

std::vector<Pushed> PushesOf(const std::vector<v1::Operation>& operations) {
  std::vector<Pushed> pushes;
  for (const v1::Operation& operation : operations) {
    const v1::Header& header = operation.header();
    if (header.kind() != v1::Header::PUSH) continue;
    CHECK(header.finishes_step());
    CHECK(header.origin().incarnation() == (header.has_origin() ? 99 : 0));
    Pushed pushed = {.clock = header.clock(),
                     .client = header.origin().client(),
                     .origin = header.origin().clock(),
                     .examples = header.examples()};
    if (!operation.values().empty()) std::memcpy(&pushed.gradient, operation.values().data(), 4);
    pushes.push_back(pushed);
  }
  return pushes;
}

struct Trained {
  std::vector<Pushed> pushes;
  std::vector<v1::WorkDone> done;
  v1::WorkerReport report;
};

// Trains on `grants`, each of a file with the labels 1 to 7, in batches of two.
Trained Train(const v1::Consistency& consistency, std::vector<v1::WorkGrant> grants) {
  TempDir dir;
  std::string rows;
  for (int i = 1; i <= 7; ++i) rows += std::to_string(i) + " 1:1\n";
  for (v1::WorkGrant& grant : grants) grant.add_partitions()->set_file(dir.Write("rows", rows));
  v1::Config config;
  config.mutable_data()->set_format(v1::Data::LIBSVM);
  config.mutable_data()->set_batch_size(2);
  config.mutable_worker()->set_prefetch_batches(2);
  config.mutable_transport()->set_pushes_in_flight(4);
  config.mutable_transport()->set_max_message(1 << 20);
  config.mutable_transport()->set_chunk(1 << 18);
  config.mutable_transport()->mutable_keepalive()->set_seconds(10);

  FirstLabel model;
  FakeServer server(Answer);
  v1::ShardMap map;
  map.set_epoch(1);
  map.add_servers()->set_id(1);
  map.mutable_servers(0)->set_address(server.address());
  v1::TablePlacement& table = *map.add_tables();
  *table.mutable_spec() = model.Tables()[0];
  *table.mutable_spec()->mutable_consistency() = consistency;
  table.mutable_spec()->mutable_optimizer()->set_learning_rate(1);
  table.add_shard_servers(1);
  ParameterClient client(
      {.client = 7, .incarnation = 1, .shard_map = map, .transport = config.transport()});

  ManualClock clock;
  Progress progress(clock);
  const DatasetShape shape;
  Trained trained;
  Mutex mutex;
  size_t next = 1;
  Trainer trainer(config, shape, model, client, progress, nullptr,
                  {.wait_for_start = [] { return true; },
                   .partitions = {.request = [] {},
                                  .take = [&]() -> std::optional<v1::WorkGrant> {
                                    if (next == grants.size()) return std::nullopt;
                                    return grants[next++];
                                  }},
                   .on_partition_done =
                       [&](v1::WorkDone done) {
                         MutexLock lock(mutex);
                         trained.done.push_back(std::move(done));
                       }});
  REQUIRE(trainer.Train(grants[0]).ok());
  trained.pushes = PushesOf(server.operations());
  trained.report = progress.Report();
  return trained;
}

// The second batch is the next one; it was step 50 of a worker 9 that is gone.
v1::WorkGrant Resumed(uint64_t lease) {
  v1::WorkGrant grant;
  grant.set_lease(lease);
  grant.set_skip_batches(1);
  grant.set_clock(50);
  grant.set_client(9);
  grant.set_incarnation(99);
  return grant;
}

v1::WorkGrant Fresh(uint64_t lease) {
  v1::WorkGrant grant;
  grant.set_lease(lease);
  return grant;
}

void CheckDone(const v1::WorkDone& done, uint64_t lease, double loss_sum, uint64_t clock) {
  CHECK(done.lease() == lease);
  CHECK(done.records() == 7);
  CHECK(done.loss_sum() == loss_sum);
  CHECK(done.position().lease() == lease);
  CHECK(done.position().batches() == 4);
  CHECK(done.position().clock() == clock);
}

TEST_CASE("a partition that is resumed goes on behind its batches, as the steps that they were") {
  const Trained trained = Train({}, {Resumed(1), Fresh(2)});
  CHECK(trained.pushes == std::vector<Pushed>{{20, 9, 50, 2, 3},
                                              {21, 9, 51, 2, 5},
                                              {22, 9, 52, 1, 7},
                                              {23, 0, 0, 2, 1},
                                              {24, 0, 0, 2, 3},
                                              {25, 0, 0, 2, 5},
                                              {26, 0, 0, 1, 7}});
  REQUIRE(trained.done.size() == 2);
  CheckDone(trained.done[0], 1, 5, 23);
  CheckDone(trained.done[1], 2, 7, 27);
  CHECK(trained.report.examples() == 12);
  CHECK(trained.report.positions().empty());
}

TEST_CASE("a partition of which everything was done ends without a step") {
  v1::WorkGrant grant = Resumed(1);
  grant.set_skip_batches(4);
  const Trained trained = Train({}, {grant, Fresh(2)});
  REQUIRE(trained.done.size() == 2);
  CHECK(trained.done[0].records() == 7);
  CHECK(trained.done[0].loss_sum() == 0);
  CHECK(trained.pushes.size() == 4);
  CHECK(trained.pushes[0] == Pushed{20, 0, 0, 2, 1});
}

TEST_CASE("no push has changes of two partitions, when they are kept back") {
  v1::Consistency local;
  local.set_mode(v1::Consistency::LOCAL);
  local.set_steps(2);
  const Trained trained = Train(local, {Resumed(1), Fresh(2), Resumed(3)});
  CHECK(trained.pushes == std::vector<Pushed>{{20, 9, 50, 2, 0},
                                              {21, 9, 51, 2, 3 + 5},
                                              {22, 9, 52, 1, 0},
                                              {23, 9, 53, 0, 7},
                                              {24, 0, 0, 2, 0},
                                              {25, 0, 0, 2, 1 + 3},
                                              {26, 0, 0, 2, 0},
                                              {27, 0, 0, 1, 5 + 7},
                                              {28, 9, 50, 2, 0},
                                              {29, 9, 51, 2, 3 + 5},
                                              {30, 9, 52, 1, 0},
                                              {31, 9, 53, 0, 7}});
  REQUIRE(trained.done.size() == 3);
  CheckDone(trained.done[0], 1, 5, 23);
  CheckDone(trained.done[1], 2, 7, 28);
  CheckDone(trained.done[2], 3, 5, 31);
}

TEST_CASE("what a bound keeps back is pushed at the end of its partition") {
  v1::Consistency bounded;
  bounded.set_mode(v1::Consistency::VALUE_BOUND);
  bounded.set_bound(100);
  const Trained trained = Train(bounded, {Fresh(1), Fresh(2)});
  REQUIRE(trained.pushes.size() == 10);
  for (const size_t end : {4, 9}) {
    for (size_t i = end - 4; i < end; ++i) CHECK(trained.pushes[i].gradient == 0);
    CHECK(trained.pushes[end] == Pushed{kFirstClock + end, 0, 0, 0, 1 + 3 + 5 + 7});
  }
}

}  // namespace
}  // namespace paramd
