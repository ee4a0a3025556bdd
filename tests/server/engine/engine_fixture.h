#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/routing/shard_of.h"
#include "common/wire/operation.h"
#include "paramd/v1/coordinator.pb.h"
#include "server/engine/engine.h"
#include "tests/testing/raw_values.h"

namespace paramd {

// A table trained by plain gradient descent with rate 1: a row is minus the sum of its gradients.
inline v1::TableSpec TestTable(const std::string& name, v1::TableSpec::Kind kind,
                               v1::Consistency::Mode mode, uint32_t staleness = 0) {
  v1::TableSpec spec;
  spec.set_name(name);
  spec.set_kind(kind);
  spec.set_rows(kind == v1::TableSpec::DENSE ? 10 : 0);
  spec.set_dim(1);
  spec.mutable_consistency()->set_mode(mode);
  spec.mutable_consistency()->mutable_staleness()->set_steps(staleness);
  spec.mutable_optimizer()->set_type(v1::Optimizer::SGD);
  spec.mutable_optimizer()->set_learning_rate(1);
  return spec;
}

// A view with `workers` 1, 2, ... of incarnation 100 + id, all shards on server 1.
inline v1::ClusterView TestView(uint64_t version, const std::vector<v1::TableSpec>& tables,
                                const std::vector<uint32_t>& workers, uint32_t shards = 4) {
  v1::ClusterView view;
  view.set_version(version);
  view.mutable_shard_map()->set_epoch(1);
  for (const v1::TableSpec& spec : tables) {
    v1::TablePlacement& placement = *view.mutable_shard_map()->add_tables();
    *placement.mutable_spec() = spec;
    for (uint32_t i = 0; i < shards; ++i) placement.add_shard_servers(1);
  }
  for (const uint32_t worker : workers) {
    v1::WorkerMember& member = *view.add_workers();
    member.set_id(worker);
    member.set_incarnation(100 + worker);
  }
  return view;
}

// The answer to an operation, once there is one. Thread-safe; counts answers, to notice a second.
class PendingReply {
 public:
  ReplyCallback Callback() {
    return [state = state_](const Reply& reply) {
      MutexLock lock(state->mutex);
      ++state->answers;
      state->reply = reply;
      state->cond.NotifyAll();
    };
  }

  int answers() const {
    MutexLock lock(state_->mutex);
    return state_->answers;
  }

  // Waits for the answer.
  Reply Get() const {
    MutexLock lock(state_->mutex);
    while (state_->answers == 0) state_->cond.Wait(state_->mutex);
    return state_->reply;
  }

  // Waits for the answer; its values, which were asked for as float32.
  std::vector<float> Floats() const { return FloatsOf(Get()); }

 private:
  struct State {
    Mutex mutex;
    CondVar cond;
    int answers ABSL_GUARDED_BY(mutex) = 0;
    Reply reply ABSL_GUARDED_BY(mutex);
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();  // shared with the callback
};

// Rows of an operation, cut by shard. Holds what the operation borrows.
struct CutRows {
  std::vector<Segment> segments;
  std::vector<uint64_t> keys;
  std::vector<float> values;
};

// Keys (to gradients) of a sparse table with `shards` shards.
inline CutRows CutKeys(const std::map<uint64_t, float>& rows, uint32_t shards) {
  CutRows cut;
  for (uint32_t shard = 0; shard < shards; ++shard) {
    const size_t before = cut.keys.size();
    for (const auto& [key, value] : rows) {
      if (ShardOfKey(key, shards) != shard) continue;
      cut.keys.push_back(key);
      cut.values.push_back(value);
    }
    const auto count = static_cast<uint32_t>(cut.keys.size() - before);
    if (count > 0) cut.segments.push_back({.shard = shard, .rows = count});
  }
  return cut;
}

// All rows of a dense table of dimension 1 with `shards` shards.
inline CutRows CutDense(std::vector<float> values, uint32_t shards) {
  CutRows cut;
  for (uint32_t shard = 0; shard < shards; ++shard) {
    const RowRange range = RowsOfShard(values.size(), shards, shard);
    cut.segments.push_back({.shard = shard,
                            .rows = static_cast<uint32_t>(range.end - range.begin),
                            .first_row = range.begin});
  }
  cut.values = std::move(values);
  return cut;
}

// A client of an engine. One thread at a time.
class TestClient {
 public:
  TestClient(Engine* engine, uint32_t id) : engine_(engine), id_(id) {}

  Operation New(OperationKind kind, uint64_t clock = 0) {
    return {.kind = kind,
            .client = id_,
            .incarnation = 100 + id_,
            .sequence = ++sequence_,
            .epoch = 1,
            .clock = clock};
  }

  PendingReply Send(const Operation& operation) {
    PendingReply reply;
    engine_->Handle(operation, reply.Callback());
    return reply;
  }

  Reply Attach() { return Send(New(OperationKind::kAttach)).Get(); }
  Reply Advance(uint64_t clock) { return Send(New(OperationKind::kAdvance, clock)).Get(); }
  Reply Detach() { return Send(New(OperationKind::kDetach)).Get(); }

  // The last operation of step `clock`, without rows.
  Reply Finish(uint64_t clock, uint64_t examples = 1) {
    Operation operation = New(OperationKind::kPush, clock);
    operation.finishes_step = true;
    operation.examples = examples;
    return Send(operation).Get();
  }

  Reply Push(uint32_t table, uint64_t clock, const CutRows& rows, uint64_t examples = 1,
             bool finishes_step = true) {
    Operation operation = New(OperationKind::kPush, clock);
    operation.table = table;
    operation.finishes_step = finishes_step;
    operation.examples = examples;
    operation.segments = rows.segments;
    operation.keys = rows.keys;
    const RawValues values(rows.values);
    operation.values = values.reader();
    return Send(operation).Get();
  }

  PendingReply Pull(uint32_t table, uint64_t clock, const CutRows& rows,
                    bool ignore_clock = false) {
    Operation operation = New(OperationKind::kPull, clock);
    operation.table = table;
    operation.ignore_clock = ignore_clock;
    operation.segments = rows.segments;
    operation.keys = rows.keys;
    return Send(operation);
  }

 private:
  Engine* const engine_;
  const uint32_t id_;
  uint64_t sequence_ = 0;
};

}  // namespace paramd
