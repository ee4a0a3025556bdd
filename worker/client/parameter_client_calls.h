#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/mutex.h"
#include "worker/client/client_table.h"
#include "worker/client/parameter_client.h"

namespace paramd {

// Several operations that are answered together. Belongs to the client, which uses it again.
class ParameterClient::Call : public ReplyReceiver {
 public:
  virtual ~Call() = default;

  void Begin(size_t operations, Done done) {
    MutexLock lock(mutex_);
    left_ = operations;
    status_ = absl::OkStatus();
    done_ = std::move(done);
  }

  // More operations belong to it.
  void Add(size_t operations) {
    MutexLock lock(mutex_);
    left_ += operations;
  }

  // As if one operation had been answered.
  void Release() { Answered(nullptr, absl::OkStatus()); }

  void Split(size_t before, size_t after) override {
    Add(after);
    for (size_t i = 0; i < before; ++i) Release();
  }

 protected:
  // One of the operations is answered. The last one ends the call: it goes back, and then Done is
  // called.
  void Answered(const ServerLink* link, const absl::Status& status) {
    Done done;
    absl::Status result;
    {
      MutexLock lock(mutex_);
      if (status_.ok() && !status.ok()) {
        status_ = absl::Status(status.code(),
                               absl::StrCat("server ", link->address(), ": ", status.message()));
      }
      if (--left_ > 0) return;
      done = std::move(done_);
      result = status_;
    }
    if (result.ok()) Keep();
    GiveBack();
    done(std::move(result));
  }

 private:
  // All operations have succeeded.
  virtual void Keep() {}
  virtual void GiveBack() = 0;

  Mutex mutex_;
  size_t left_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  Done done_ ABSL_GUARDED_BY(mutex_);
};

class ParameterClient::PullCall final : public Call {
 public:
  explicit PullCall(ParameterClient* client) : client_(client) {}

  const std::shared_ptr<const RowPlan>& plan() const { return plan_; }

  // `clock`: rows are kept for later steps; none: they are not.
  void Set(ClientTable& table, std::shared_ptr<const RowPlan> plan, std::optional<uint64_t> clock,
           absl::Span<float> values, std::atomic<uint64_t>* min_clock) {
    table_ = &table;
    plan_ = std::move(plan);
    codec_ = table.pull;
    clock_ = clock;
    min_clock_ = UINT64_MAX;
    min_clock_out_ = min_clock;
    values_ = values;
  }

  void Receive(const ServerLink& link, const OutgoingOperation& operation,
               const ReplyFrame& reply) override {
    if (!reply.status.ok()) return Answered(&link, reply.status);
    min_clock_ = std::min(min_clock_, reply.clock);
    Answered(&link, client_->decoder_.Decode(*operation.plan, operation.plan->parts[operation.part],
                                             codec_, reply.values, values_));
  }

 private:
  void Keep() override {
    // Answers come one at a time.
    if (min_clock_out_ != nullptr && min_clock_ < *min_clock_out_) *min_clock_out_ = min_clock_;
    if (!clock_.has_value() || !table_->kept.enabled()) return;
    table_->kept.Write(*plan_, *clock_, min_clock_, values_);
  }

  void GiveBack() override {
    plan_ = nullptr;
    MutexLock lock(client_->mutex_);
    client_->free_pulls_.emplace_back(this);
  }

  ParameterClient* const client_;
  ClientTable* table_ = nullptr;
  std::shared_ptr<const RowPlan> plan_;
  std::optional<uint64_t> clock_;
  uint64_t min_clock_ = 0;  // smallest of the answers
  std::atomic<uint64_t>* min_clock_out_ = nullptr;
  ValueCodec codec_ = ValueCodec::kF32;
  absl::Span<float> values_;
};

class ParameterClient::PushCall final : public Call {
 public:
  explicit PushCall(ParameterClient* client) : client_(client) {}

  void Receive(const ServerLink& link, const OutgoingOperation& /*operation*/,
               const ReplyFrame& reply) override {
    Answered(&link, reply.status);
  }

 private:
  void GiveBack() override {
    MutexLock lock(client_->mutex_);
    client_->free_pushes_.emplace_back(this);
  }

  ParameterClient* const client_;
};

// The largest clock of the answers.
class ParameterClient::BroadcastCall final : public Call {
 public:
  void Receive(const ServerLink& link, const OutgoingOperation& /*operation*/,
               const ReplyFrame& reply) override {
    {
      MutexLock lock(clock_mutex_);
      clock_ = std::max(clock_, reply.clock);
    }
    Answered(&link, reply.status);
  }

  uint64_t clock() {
    MutexLock lock(clock_mutex_);
    return clock_;
  }

 private:
  void GiveBack() override {}

  Mutex clock_mutex_;
  uint64_t clock_ ABSL_GUARDED_BY(clock_mutex_) = 0;
};

}  // namespace paramd
