// Many threads on one engine; every result is known exactly, for gradients are whole numbers.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "common/base/random.h"
#include "common/base/thread.h"
#include "server/engine/engine.h"
#include "tests/server/engine/engine_fixture.h"

namespace paramd {
namespace {

constexpr uint32_t kClients = 4;
constexpr uint64_t kSteps = 150;

// Runs body(client id) for each client on a thread of its own.
template <typename Body>
void OnThreads(const Body& body) {
  std::vector<std::unique_ptr<Thread>> threads;
  for (uint32_t id = 1; id <= kClients; ++id) {
    threads.push_back(std::make_unique<Thread>("client", [&body, id] { body(id); }));
  }
}

std::unique_ptr<Engine> NewEngine(v1::Consistency::Mode mode) {
  auto engine = std::make_unique<Engine>(EngineOptions());
  engine->SetServerId(1);
  const auto view = TestView(1,
                             {TestTable("sparse", v1::TableSpec::SPARSE, mode, 2),
                              TestTable("dense", v1::TableSpec::DENSE, mode, 2)},
                             {1, 2, 3, 4, 5});
  REQUIRE(engine->ApplyView(view).ok());
  return engine;
}

std::vector<float> TenTimes(float value) { return std::vector<float>(10, value); }

CutRows AllKeys(float value, uint64_t keys = 50) {
  std::map<uint64_t, float> rows;
  for (uint64_t key = 0; key < keys; ++key) rows[key] = value;
  return CutKeys(rows, 4);
}

TEST_CASE("asp and ssp: no push is lost or applied twice, nobody runs ahead") {
  const auto mode = GENERATE(v1::Consistency::ASP, v1::Consistency::SSP);
  const auto engine = NewEngine(mode);
  std::atomic<int> wrong = 0;
  std::atomic<uint64_t> finished[kClients + 1] = {};
  // All are attached before one begins: who enters at clock c has no part in the steps before.
  std::vector<std::unique_ptr<TestClient>> clients(1);
  for (uint32_t id = 1; id <= kClients; ++id) {
    clients.push_back(std::make_unique<TestClient>(engine.get(), id));
    clients.back()->Attach();
  }
  OnThreads([&](uint32_t id) {
    TestClient& client = *clients[id];
    const CutRows sparse = AllKeys(1), dense = CutDense(TenTimes(static_cast<float>(id)), 4);
    const RawValues ones(sparse.values);
    for (uint64_t step = 0; step < kSteps; ++step) {
      const PendingReply sparse_pull = client.Pull(0, step, sparse);
      const PendingReply dense_pull = client.Pull(1, step, dense);
      wrong += !sparse_pull.Get().status.ok() || !dense_pull.Get().status.ok();
      if (mode == v1::Consistency::SSP) {
        for (uint32_t other = 1; other <= kClients; ++other) {
          wrong += finished[other].load() + 2 < step;
        }
      }
      wrong += !client.Push(1, step, dense, 1, false).status.ok();
      Operation push = client.New(OperationKind::kPush, step);
      push.segments = sparse.segments;
      push.keys = sparse.keys;
      push.values = ones.reader();
      push.finishes_step = true;
      finished[id] = step + 1;
      for (int i = 0; i < 2; ++i) wrong += !client.Send(push).Get().status.ok();  // sent twice
    }
    client.Detach();
  });
  CHECK(wrong == 0);
  TestClient reader(engine.get(), 1);
  for (const float value : reader.Pull(0, 0, AllKeys(0), true).Floats()) {
    CHECK(value == -static_cast<float>(kClients * kSteps));
  }
  for (const float value : reader.Pull(1, 0, CutDense(TenTimes(0), 4), true).Floats()) {
    CHECK(value == -static_cast<float>((1 + 2 + 3 + 4) * kSteps));
  }
  CHECK(engine->Counters().duplicates == kClients * kSteps);
}

TEST_CASE("bsp: a pull sees exactly the steps before its own, on all shards") {
  constexpr uint64_t kKeys = 2000;  // so that closing a step takes a while
  constexpr uint32_t kWatcher = 5;
  const auto engine = NewEngine(v1::Consistency::BSP);
  std::atomic<int> wrong = 0;
  std::atomic<uint64_t> finished[kClients + 1] = {};
  std::vector<std::unique_ptr<TestClient>> clients(1);
  for (uint32_t id = 1; id <= kWatcher; ++id) {
    clients.push_back(std::make_unique<TestClient>(engine.get(), id));
    clients.back()->Attach();
  }
  // Pulls each step just when it is finished, and makes the engine look for steps to close. Nobody
  // waits for the watcher, so it may see later steps too.
  Thread watcher("watcher", [&] {
    TestClient& client = *clients[kWatcher];
    client.Advance(kSteps);
    const CutRows rows = AllKeys(0, kKeys);
    for (uint64_t step = 0; step < kSteps;) {
      engine->ApplyView(v1::ClusterView()).IgnoreError();
      if (std::any_of(finished + 1, finished + kClients + 1,
                      [&](const auto& clock) { return clock < step; })) {
        continue;
      }
      for (const float value : client.Pull(0, step, rows).Floats()) {
        wrong += value > -10.0f * static_cast<float>(step);
      }
      ++step;
    }
  });
  OnThreads([&](uint32_t id) {
    TestClient& client = *clients[id];
    // The mean over the clients is (4 + 8 + 12 + 16) / 4 = 10.
    const CutRows sparse = AllKeys(static_cast<float>(4 * id), kKeys);
    const CutRows dense = CutDense(TenTimes(static_cast<float>(4 * id)), 4);
    for (uint64_t step = 0; step < kSteps; ++step) {
      const PendingReply sparse_pull = client.Pull(0, step, sparse);
      const PendingReply dense_pull = client.Pull(1, step, dense);
      for (const PendingReply& pull : {sparse_pull, dense_pull}) {
        for (const float value : pull.Floats()) {
          wrong += value != -10.0f * static_cast<float>(step);
        }
      }
      wrong += !client.Push(0, step, sparse, 7, false).status.ok();
      finished[id] = step + 1;
      wrong += !client.Push(1, step, dense, 7).status.ok();
    }
    client.Detach();
  });
  watcher.Join();
  CHECK(wrong == 0);
  CHECK(engine->Counters().late == 0);
  CHECK(engine->Report().waiting_size() == 0);
}

TEST_CASE("clients come and go, views change, and every operation is answered once") {
  const auto mode = GENERATE(v1::Consistency::SSP, v1::Consistency::BSP);
  const auto engine = NewEngine(mode);
  std::atomic<uint64_t> version = 1;
  std::atomic<int> failures = 0;
  std::vector<PendingReply> replies[kClients + 1];
  OnThreads([&](uint32_t id) {
    TestClient client(engine.get(), id);
    Random random(id);
    const CutRows rows = AllKeys(1);
    for (int round = 0; round < 60; ++round) {
      uint64_t clock = client.Attach().clock;
      for (uint64_t end = clock + random.NextBelow(4); clock < end; ++clock) {
        replies[id].push_back(client.Pull(0, clock, rows));
        client.Push(0, clock, rows);
      }
      if (random.NextBelow(4) == 0) engine->Cancel(id, 100 + id);
      if (random.NextBelow(4) == 0) {
        // Without client 4 every other time; it enters anew later.
        const uint64_t next = ++version;
        std::vector<uint32_t> workers = {1, 2, 3};
        if (next % 2 == 0) workers.push_back(4);
        const auto view = TestView(next,
                                   {TestTable("sparse", v1::TableSpec::SPARSE, mode, 2),
                                    TestTable("dense", v1::TableSpec::DENSE, mode, 2)},
                                   workers);
        failures += !engine->ApplyView(view).ok();
      }
      engine->Report();
      if (random.NextBelow(2) == 0) client.Detach();
    }
    client.Detach();
    engine->Cancel(id, 100 + id);
  });
  for (const auto& of_client : replies) {
    for (const PendingReply& reply : of_client) failures += reply.answers() != 1;
  }
  CHECK(failures == 0);
  CHECK(engine->Report().waiting_size() == 0);
}

}  // namespace
}  // namespace paramd
