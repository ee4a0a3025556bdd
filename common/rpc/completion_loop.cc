#include "common/rpc/completion_loop.h"

#include <grpc/support/time.h>

namespace paramd {
namespace {

// How long nobody has to poll until the loop's own thread does.
constexpr absl::Duration kGrace = absl::Milliseconds(1);

}  // namespace

CompletionLoop::CompletionLoop(const std::string& name) : thread_(name, [this] { StandIn(); }) {}

CompletionLoop::~CompletionLoop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    if (polling_) Interrupt();
  }
  thread_.Join();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) static_cast<Completion*>(tag)->Complete(ok);
}

void CompletionLoop::Wait(const std::function<bool()>& done) {
  MutexLock lock(mutex_);
  ++waiting_;
  while (!done()) {
    if (!polling_) {
      ++polls_;
      Next();
      if (waiting_ > 1) changed_.NotifyAll();
    } else {
      if (standing_in_) Interrupt();
      changed_.Wait(mutex_);
    }
  }
  // Another one that waits polls from now on.
  if (--waiting_ > 0) changed_.NotifyAll();
}

void CompletionLoop::Wake() {
  MutexLock lock(mutex_);
  if (waiting_ == 0) return;
  if (polling_) Interrupt();
  changed_.NotifyAll();
}

void CompletionLoop::Advance() {
  MutexLock lock(mutex_);
  ++polls_;
  if (polling_) return;
  polling_ = true;
  mutex_.Unlock();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.AsyncNext(&tag, &ok, gpr_time_0(GPR_CLOCK_MONOTONIC)) ==
         grpc::CompletionQueue::GOT_EVENT) {
    static_cast<Completion*>(tag)->Complete(ok);
  }
  mutex_.Lock();
  polling_ = false;
  if (waiting_ > 0) changed_.NotifyAll();
}

void CompletionLoop::Next() {
  polling_ = true;
  mutex_.Unlock();
  void* tag = nullptr;
  bool ok = false;
  if (queue_.Next(&tag, &ok)) static_cast<Completion*>(tag)->Complete(ok);
  mutex_.Lock();
  polling_ = false;
}

void CompletionLoop::StandIn() {
  MutexLock lock(mutex_);
  uint64_t seen = polls_;
  while (!stopping_) {
    if (!polling_ && waiting_ == 0 && polls_ == seen) {
      standing_in_ = true;
      Next();
      standing_in_ = false;
      if (waiting_ > 0) changed_.NotifyAll();
    } else {
      seen = polls_;
      changed_.WaitFor(mutex_, kGrace);
    }
  }
}

void CompletionLoop::Interrupt() {
  if (interrupting_) return;
  interrupting_ = true;
  // Long over: a deadline of now is rounded up to the next millisecond, and waits for a timer.
  alarm_.Set(&queue_, gpr_time_0(GPR_CLOCK_MONOTONIC), &interrupted_);
}

void CompletionLoop::Interrupted(bool /*ok*/) {
  MutexLock lock(mutex_);
  interrupting_ = false;
}

}  // namespace paramd
