#include "worker/client/parameter_client.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

#include "common/config/duration.h"
#include "common/wire/frame.h"
#include "common/wire/operation.h"
#include "common/wire/value_codec.h"
#include "worker/client/client_table.h"
#include "worker/client/gradient_encoder.h"
#include "worker/client/parameter_client_calls.h"

namespace paramd {
namespace {

// Steps that are remembered besides those that may be unanswered.
constexpr size_t kMoreSteps = 8;

// A push of more operations than this looks after the connections in between.
constexpr size_t kFewOperations = 2;

ServerLink::Options LinkOptions(const v1::ServerMember& server,
                                const ParameterClient::Options& client) {
  const v1::Transport& transport = client.transport;
  ServerLink::Options options;
  options.server = server.id();
  options.address = server.address();
  options.patience = client.patience;
  options.channel = {.max_message_bytes = static_cast<int>(transport.max_message()),
                     .keepalive = ToDuration(transport.keepalive())};
  options.key_codec = transport.keys() == v1::Codec::RAW ? KeyCodec::kRaw : KeyCodec::kPacked;
  options.open.add_key_codecs(options.key_codec == KeyCodec::kRaw ? v1::Codec::RAW
                                                                  : v1::Codec::PACKED);
  if (transport.keys() == v1::Codec::CACHED) {
    options.key_cache_bytes = transport.key_cache();
    options.open.add_key_codecs(v1::Codec::CACHED);
    options.open.set_key_cache(transport.key_cache());
  }
  for (const v1::TablePlacement& table : client.shard_map.tables()) {
    options.open.add_value_codecs(ToProto(CodecOf(table.spec().push().values())));
    options.open.add_value_codecs(ToProto(CodecOf(table.spec().pull().values())));
  }
  return options;
}

}  // namespace

ParameterClient::ParameterClient(Options options) : options_(std::move(options)) {
  for (const v1::TablePlacement& table : options_.shard_map.tables()) {
    tables_.push_back(std::make_unique<ClientTable>(table.spec(), options_.row_cache_bytes));
    tables_.back()->SetPlacement(static_cast<uint32_t>(tables_.size() - 1), table,
                                 PlannerOptions());
  }
  MutexLock lock(links_mutex_);
  for (const v1::ServerMember& server : options_.shard_map.servers()) {
    links_[server.id()] = MakeLink(server);
  }
}

RowPlanner::Options ParameterClient::PlannerOptions() const {
  const v1::Transport& transport = options_.transport;
  return {
      // Half of the limit leaves room for headers and segments.
      .chunk_bytes = std::min(transport.chunk(), transport.max_message() / 2),
      .max_bytes = transport.max_message() / 2,
      .key_codec = transport.keys() == v1::Codec::RAW ? KeyCodec::kRaw : KeyCodec::kPacked,
      .name_key_lists = transport.keys() == v1::Codec::CACHED && transport.key_cache() > 0,
      .epoch = options_.shard_map.epoch(),
  };
}

std::unique_ptr<ServerLink> ParameterClient::MakeLink(const v1::ServerMember& server) {
  return std::make_unique<ServerLink>(loop_, LinkOptions(server, options_));
}

ParameterClient::~ParameterClient() {
  // Calls that are open are given back.
  std::map<uint32_t, std::unique_ptr<ServerLink>> links;
  {
    MutexLock lock(links_mutex_);
    links.swap(links_);
  }
  links.clear();
}

Operation ParameterClient::Prepare(OperationKind kind) {
  Operation operation;
  operation.kind = kind;
  operation.client = options_.client;
  operation.incarnation = options_.incarnation;
  operation.epoch = options_.shard_map.epoch();
  operation.sequence = ++sequence_;
  return operation;
}

template <typename T>
T* ParameterClient::NewCall(std::vector<std::unique_ptr<T>> ParameterClient::*free) {
  MutexLock lock(mutex_);
  std::vector<std::unique_ptr<T>>& calls = this->*free;
  if (calls.empty()) return new T(this);
  T* const call = calls.back().release();
  calls.pop_back();
  return call;
}

absl::StatusOr<uint64_t> ParameterClient::Broadcast(OperationKind kind, uint64_t clock) {
  struct Outcome {
    Mutex mutex;
    bool done = false;
    absl::Status status;
  } outcome;
  BroadcastCall call;
  call.Begin(links_.size(), [&outcome](absl::Status status) {
    MutexLock lock(outcome.mutex);
    outcome.status = std::move(status);
    outcome.done = true;
  });
  for (const auto& [server, link] : links_) {
    OutgoingOperation out;
    out.operation = Prepare(kind);
    out.operation.clock = clock;
    out.receiver = &call;
    link->Send(std::move(out));
  }
  Wait([&outcome] {
    MutexLock lock(outcome.mutex);
    return outcome.done;
  });
  if (!outcome.status.ok()) return outcome.status;
  return call.clock();
}

void ParameterClient::Wait(const std::function<bool()>& done) {
  for (bool is_done = false; !is_done;) {
    TakeAnnounced();
    loop_.Wait([&] {
      is_done = done();
      return is_done || has_announced_;
    });
  }
}

absl::StatusOr<uint64_t> ParameterClient::Attach() {
  TakeAnnounced();
  attached_ = true;
  step_examples_.clear();
  absl::StatusOr<uint64_t> clock = Broadcast(OperationKind::kAttach, 0);
  if (!clock.ok()) return clock;
  clock_ = *clock;
  absl::StatusOr<uint64_t> advanced = Broadcast(OperationKind::kAdvance, *clock);
  if (!advanced.ok()) return advanced;
  return clock;
}

absl::Status ParameterClient::Detach() {
  TakeAnnounced();
  attached_ = false;
  return Broadcast(OperationKind::kDetach, 0).status();
}

std::shared_ptr<RowPlan> ParameterClient::FreePlan(ClientTable& table) {
  auto free = std::find_if(table.plans.begin(), table.plans.end(),
                           [](const auto& plan) { return plan.use_count() == 1; });
  if (free == table.plans.end()) {
    free = table.plans.insert(free, std::make_shared<RowPlan>());
  } else {
    // What others did with it before they gave it up.
    std::atomic_thread_fence(std::memory_order_acquire);
  }
  return *free;
}

std::shared_ptr<const RowPlan> ParameterClient::Plan(uint32_t index,
                                                     absl::Span<const uint64_t> keys) {
  TakeAnnounced();
  ClientTable& table = *tables_[index];
  if (table.dense_plan() != nullptr) return table.dense_plan();
  std::shared_ptr<RowPlan> plan = FreePlan(table);
  table.planner().PlanSparse(keys, plan.get());
  return plan;
}

std::shared_ptr<const RowPlan> ParameterClient::UseAgain(ClientTable& table,
                                                         std::shared_ptr<const RowPlan> plan,
                                                         uint64_t clock, absl::Span<float> values) {
  if (table.kept.Read(*plan, clock, values.data(), &stale_)) return nullptr;
  if (!plan->sparse) return plan;
  if (stale_.size() == plan->keys.size()) return plan;
  std::shared_ptr<RowPlan> subset = FreePlan(table);
  table.planner().PlanSubset(*plan, stale_, subset.get());
  return subset;
}

void ParameterClient::Pull(std::shared_ptr<const RowPlan> plan, std::optional<uint64_t> clock,
                           absl::Span<float> values, Done done, std::atomic<uint64_t>* min_clock) {
  TakeAnnounced();
  ClientTable& table = *tables_[plan->table];
  if (clock.has_value() && table.kept.enabled()) {
    plan = UseAgain(table, std::move(plan), *clock, values);
  }
  if (plan == nullptr || plan->parts.empty()) return done(absl::OkStatus());
  const size_t parts = plan->parts.size();
  PullCall* const call = NewCall(&ParameterClient::free_pulls_);
  call->Set(table, std::move(plan), clock, values, min_clock);
  call->Begin(1, std::move(done));
  SendPulls(call, clock, 0, parts);
  call->Release();
}

std::shared_ptr<const RowPlan> ParameterClient::PlanAndPull(uint32_t index,
                                                            absl::Span<const uint64_t> keys,
                                                            std::optional<uint64_t> clock,
                                                            absl::Span<float> values, Done done,
                                                            std::atomic<uint64_t>* min_clock) {
  TakeAnnounced();
  ClientTable& table = *tables_[index];
  if (table.dense_plan() != nullptr || table.kept.enabled()) {
    std::shared_ptr<const RowPlan> plan = Plan(index, keys);
    Pull(plan, clock, values, std::move(done), min_clock);
    return plan;
  }
  std::shared_ptr<RowPlan> plan = FreePlan(table);
  PullCall* const call = NewCall(&ParameterClient::free_pulls_);
  call->Set(table, plan, clock, values, min_clock);
  call->Begin(1, std::move(done));
  size_t sent = 0;
  table.planner().PlanSparse(keys, plan.get(), [&](size_t parts) {
    SendPulls(call, clock, sent, parts);
    sent = parts;
    if (sent > kFewOperations) loop_.Advance();
  });
  call->Release();
  return plan;
}

void ParameterClient::SendPulls(PullCall* call, std::optional<uint64_t> clock, size_t first,
                                size_t last) {
  // The call holds the plan until it is released.
  const std::shared_ptr<const RowPlan>& plan = call->plan();
  call->Add(last - first);
  for (size_t part = first; part < last; ++part) {
    OutgoingOperation out;
    out.operation = Prepare(OperationKind::kPull);
    out.operation.table = plan->table;
    out.operation.clock = clock.value_or(0);
    out.operation.ignore_clock = !clock.has_value();
    out.operation.codec = tables_[plan->table]->pull;
    out.plan = plan;
    out.part = static_cast<uint32_t>(part);
    out.receiver = call;
    Send(std::move(out));
  }
}

void ParameterClient::Send(OutgoingOperation out) {
  const uint32_t server = out.plan->parts[out.part].server;
  if (out.plan->epoch == options_.shard_map.epoch()) {
    links_.at(server)->Send(std::move(out));
    return;
  }
  // It was planned before the last shard map came.
  std::map<uint32_t, std::vector<OutgoingOperation>> cut;
  std::vector<OutgoingOperation> operations;
  operations.push_back(std::move(out));
  CutAgain(std::move(operations), &cut);
  for (auto& [owner, parts] : cut) {
    for (OutgoingOperation& part : parts) links_.at(owner)->Send(std::move(part));
  }
}

void ParameterClient::PushStep(uint64_t clock, uint64_t examples,
                               absl::Span<const TableGradients> gradients, Done done,
                               const StepOrigin& origin) {
  TakeAnnounced();
  // The last part for each server, in the order of links_; the server's step is finished with it.
  // Parts of an old plan go anywhere: then the end is said by itself.
  last_parts_.assign(links_.size(), nullptr);
  size_t operations = 0;
  const auto last_part = [this](uint32_t server) -> const void*& {
    return last_parts_[static_cast<size_t>(std::distance(links_.begin(), links_.find(server)))];
  };
  for (const TableGradients& table : gradients) {
    operations += table.plan->parts.size();
    if (table.plan->epoch != options_.shard_map.epoch()) continue;
    for (const RowPlan::Part& part : table.plan->parts) last_part(part.server) = &part;
  }
  const bool planned = std::all_of(gradients.begin(), gradients.end(), [this](const auto& table) {
    return table.plan->epoch == options_.shard_map.epoch();
  });
  if (!planned) last_parts_.assign(links_.size(), nullptr);
  operations += std::count(last_parts_.begin(), last_parts_.end(), nullptr);
  PushCall* const call = NewCall(&ParameterClient::free_pushes_);
  call->Begin(operations, std::move(done));
  const auto prepare = [&](bool finishes) {
    OutgoingOperation out;
    out.operation = Prepare(OperationKind::kPush);
    out.operation.clock = clock;
    out.operation.examples = examples;
    out.operation.origin = origin;
    out.operation.finishes_step = finishes;
    out.receiver = call;
    return out;
  };
  Hold();
  for (const TableGradients& table : gradients) {
    for (uint32_t i = 0; i < table.plan->parts.size(); ++i) {
      const RowPlan::Part& part = table.plan->parts[i];
      OutgoingOperation out = prepare(planned && last_part(part.server) == &part);
      out.operation.table = table.plan->table;
      out.operation.codec = tables_[table.plan->table]->encoder.codec();
      out.plan = table.plan;
      out.part = i;
      out.values = tables_[table.plan->table]->encoder.Encode(*table.plan, part, table.values,
                                                              out.operation.sequence);
      Send(std::move(out));
      if (operations > kFewOperations) loop_.Advance();
    }
  }
  for (const auto& [server, link] : links_) {
    if (last_part(server) == nullptr) link->Send(prepare(true));
  }
  Flush();
  clock_ = clock + 1;
  step_examples_[clock] = examples;
  while (step_examples_.size() > options_.transport.pushes_in_flight() + kMoreSteps) {
    step_examples_.erase(step_examples_.begin());
  }
}

void ParameterClient::Hold() {
  for (const auto& [server, link] : links_) link->Hold();
}

void ParameterClient::Flush() {
  bool waiting = false;
  for (const auto& [server, link] : links_) waiting |= link->Flush();
  if (waiting) loop_.Advance();
}

uint64_t ParameterClient::bytes_sent() const {
  MutexLock lock(links_mutex_);
  uint64_t bytes = 0;
  for (const auto& [server, link] : links_) bytes += link->bytes_sent();
  return bytes;
}

uint64_t ParameterClient::bytes_received() const {
  MutexLock lock(links_mutex_);
  uint64_t bytes = 0;
  for (const auto& [server, link] : links_) bytes += link->bytes_received();
  return bytes;
}

void ParameterClient::Shutdown(const absl::Status& status) {
  MutexLock lock(links_mutex_);
  shutdown_ = status;
  for (const auto& [server, link] : links_) link->Shutdown(status);
}

}  // namespace paramd
