#include "worker/client/parameter_client.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"

namespace paramd {
namespace {

// "server 127.0.0.1:7071: ..." with the code kept.
absl::Status WithServer(const absl::Status& status, const ServerLink& link) {
  return absl::Status(status.code(),
                      absl::StrCat("server ", link.address(), ": ", status.message()));
}

// Counts the answers of several operations and keeps the first error.
class Gathering {
 public:
  explicit Gathering(size_t operations) : left_(operations) {}

  // True for the last answer.
  bool Add(const absl::Status& status) {
    MutexLock lock(mutex_);
    if (status_.ok()) status_ = status;
    return --left_ == 0;
  }

  absl::Status status() {
    MutexLock lock(mutex_);
    return status_;
  }

 private:
  Mutex mutex_;
  size_t left_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

struct ParameterClient::PullState {
  PullState(size_t operations, PullDone on_done)
      : gathering(operations), done(std::move(on_done)) {}

  Gathering gathering;
  // Each reply writes rows of its own.
  std::vector<float> values;
  PullDone done;
};

struct ParameterClient::PushState {
  PushState(size_t operations, PushDone on_done)
      : gathering(operations), done(std::move(on_done)) {}

  Gathering gathering;
  PushDone done;
};

ParameterClient::ParameterClient(Options options) : options_(std::move(options)) {
  for (const v1::ServerMember& server : options_.shard_map.servers()) {
    links_[server.id()] = std::make_unique<ServerLink>(loop_, server.address(), options_.channel);
  }
}

Operation ParameterClient::Prepare(OperationKind kind) {
  Operation operation;
  operation.kind = kind;
  operation.client = options_.client;
  operation.incarnation = options_.incarnation;
  operation.epoch = options_.shard_map.epoch();
  return operation;
}

uint32_t ParameterClient::MaxRows(const v1::TableSpec& spec) const {
  // Half of the limit leaves room for headers and segments.
  const uint64_t row_bytes = sizeof(uint64_t) + spec.dim() * sizeof(float);
  return static_cast<uint32_t>(
      std::clamp<uint64_t>(options_.max_message_bytes / 2 / row_bytes, 1, 1u << 30));
}

std::vector<Slice> ParameterClient::Cut(uint32_t table, absl::Span<const uint64_t> keys) const {
  const v1::TablePlacement& placement = options_.shard_map.tables(static_cast<int>(table));
  const uint32_t max_rows = MaxRows(placement.spec());
  return placement.spec().kind() == v1::TableSpec::SPARSE ? SliceSparse(placement, keys, max_rows)
                                                          : SliceDense(placement, max_rows);
}

absl::StatusOr<uint64_t> ParameterClient::Broadcast(OperationKind kind, uint64_t clock) {
  struct State {
    explicit State(size_t operations) : gathering(operations) {}
    Gathering gathering;
    std::vector<uint64_t> clocks;
    Notification done;
  };
  const auto state = std::make_shared<State>(links_.size());
  state->clocks.resize(links_.size());
  size_t index = 0;
  for (const auto& [server, link] : links_) {
    Operation operation = Prepare(kind);
    operation.clock = clock;
    operation.sequence = ++sequence_;
    link->Send(operation, [state, index, link = link.get()](const Reply& reply) {
      state->clocks[index] = reply.clock;
      const absl::Status status =
          reply.status.ok() ? absl::OkStatus() : WithServer(reply.status, *link);
      if (state->gathering.Add(status)) state->done.Notify();
    });
    ++index;
  }
  state->done.Wait();
  if (absl::Status status = state->gathering.status(); !status.ok()) return status;
  return *std::max_element(state->clocks.begin(), state->clocks.end());
}

absl::StatusOr<uint64_t> ParameterClient::Attach() {
  absl::StatusOr<uint64_t> clock = Broadcast(OperationKind::kAttach, 0);
  if (!clock.ok()) return clock;
  absl::StatusOr<uint64_t> advanced = Broadcast(OperationKind::kAdvance, *clock);
  if (!advanced.ok()) return advanced;
  return clock;
}

absl::Status ParameterClient::Detach() { return Broadcast(OperationKind::kDetach, 0).status(); }

void ParameterClient::Pull(uint32_t table, absl::Span<const uint64_t> keys,
                           std::optional<uint64_t> clock, PullDone done) {
  const v1::TableSpec& spec = options_.shard_map.tables(static_cast<int>(table)).spec();
  const uint32_t dim = spec.dim();
  std::vector<Slice> slices = Cut(table, keys);
  if (slices.empty()) {
    done(std::vector<float>());
    return;
  }
  const auto state = std::make_shared<PullState>(slices.size(), std::move(done));
  const uint64_t rows = spec.kind() == v1::TableSpec::SPARSE ? keys.size() : spec.rows();
  state->values.resize(rows * dim);
  for (Slice& slice : slices) {
    Operation operation = Prepare(OperationKind::kPull);
    operation.table = table;
    operation.clock = clock.value_or(0);
    operation.ignore_clock = !clock.has_value();
    operation.segments = slice.segments;
    operation.keys = slice.keys;
    ServerLink* const link = links_.at(slice.server).get();
    auto on_reply = [state, dim, link, order = std::move(slice.rows)](const Reply& reply) {
      absl::Status status = reply.status;
      if (status.ok() && reply.values.size() != order.size() * dim) {
        status = absl::InternalError("a pull was answered with the wrong number of values");
      }
      if (status.ok()) {
        for (size_t i = 0; i < order.size(); ++i) {
          std::memcpy(state->values.data() + size_t{order[i]} * dim, reply.values.data() + i * dim,
                      dim * sizeof(float));
        }
      } else {
        status = WithServer(status, *link);
      }
      if (!state->gathering.Add(status)) return;
      status = state->gathering.status();
      if (status.ok()) {
        state->done(std::move(state->values));
      } else {
        state->done(status);
      }
    };
    operation.sequence = ++sequence_;
    link->Send(operation, std::move(on_reply));
  }
}

void ParameterClient::PushStep(uint64_t clock, uint64_t examples,
                               absl::Span<const TableGradients> gradients, PushDone done) {
  struct Part {
    const TableGradients* gradients;
    Slice slice;
  };
  // Per server, in the order they are sent; the last one finishes the step there.
  std::map<uint32_t, std::vector<Part>> parts;
  for (const auto& [server, link] : links_) parts[server];
  for (const TableGradients& table : gradients) {
    for (Slice& slice : Cut(table.table, table.keys)) {
      parts[slice.server].push_back({.gradients = &table, .slice = std::move(slice)});
    }
  }
  size_t operations = 0;
  for (auto& [server, list] : parts) {
    if (list.empty()) list.push_back({.gradients = nullptr, .slice = {}});
    operations += list.size();
  }
  const auto state = std::make_shared<PushState>(operations, std::move(done));
  std::vector<float> values;
  for (const auto& [server, list] : parts) {
    ServerLink* const link = links_.at(server).get();
    for (const Part& part : list) {
      Operation operation = Prepare(OperationKind::kPush);
      operation.clock = clock;
      operation.examples = examples;
      operation.finishes_step = &part == &list.back();
      operation.segments = part.slice.segments;
      operation.keys = part.slice.keys;
      if (part.gradients != nullptr) {
        operation.table = part.gradients->table;
        const size_t dim =
            options_.shard_map.tables(static_cast<int>(operation.table)).spec().dim();
        values.resize(part.slice.rows.size() * dim);
        for (size_t i = 0; i < part.slice.rows.size(); ++i) {
          std::memcpy(values.data() + i * dim,
                      part.gradients->values.data() + size_t{part.slice.rows[i]} * dim,
                      dim * sizeof(float));
        }
        operation.values = values;
      }
      operation.sequence = ++sequence_;
      link->Send(operation, [state, link](const Reply& reply) {
        const absl::Status status =
            reply.status.ok() ? absl::OkStatus() : WithServer(reply.status, *link);
        if (state->gathering.Add(status)) state->done(state->gathering.status());
      });
    }
  }
}

void ParameterClient::Shutdown(const absl::Status& status) {
  for (const auto& [server, link] : links_) link->Shutdown(status);
}

}  // namespace paramd
