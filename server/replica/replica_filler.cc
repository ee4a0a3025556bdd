#include "server/replica/replica_filler.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/failpoint.h"

namespace paramd {

ReplicaFiller::ReplicaFiller(uint64_t bytes_per_second, Clock& clock,
                             std::function<void(const Task&)> filled)
    : bytes_per_second_(std::max<uint64_t>(bytes_per_second, 1)),
      clock_(clock),
      filled_(std::move(filled)),
      thread_("fill-replicas", [this] { Run(); }) {}

ReplicaFiller::~ReplicaFiller() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
}

void ReplicaFiller::Set(std::deque<Task> tasks) {
  MutexLock lock(mutex_);
  tasks_ = std::move(tasks);
  if (current_.has_value()) {
    const Task& current = *current_;
    std::erase_if(tasks_, [&](const Task& task) {
      return task.copied == current.copied && task.target == current.target &&
             task.since == current.since;
    });
  }
  changed_.NotifyAll();
}

void ReplicaFiller::Run() {
  while (true) {
    Task task;
    {
      MutexLock lock(mutex_);
      current_.reset();
      while (tasks_.empty() && !stopping_) changed_.Wait(mutex_);
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      current_ = task;
    }
    const absl::Duration begin = clock_.SinceBoot();
    const uint64_t bytes = Fill(task);
    const absl::Duration until =
        begin + absl::Seconds(static_cast<double>(bytes) / static_cast<double>(bytes_per_second_));
    MutexLock lock(mutex_);
    while (!stopping_) {
      const absl::Duration left = until - clock_.SinceBoot();
      if (left <= absl::ZeroDuration()) break;
      changed_.WaitFor(mutex_, left);
    }
  }
}

uint64_t ReplicaFiller::Fill(const Task& task) {
  PARAMD_FAILPOINT("replica.fill");
  uint64_t bytes = 0;
  const bool copied = WaitFor([&](std::shared_ptr<Acknowledgement> done) {
    const ShardState state = task.copied->BeginFilling(task.target, task.since);
    for (ReplicaFrame& frame :
         SnapshotFrames(task.table, task.shard, task.copied->dim(), task.sparse, state)) {
      frame.header.set_epoch(task.epoch);
      bytes += frame.bytes();
      task.link->Send(std::move(frame), done);
    }
  });
  if (!copied) return bytes;
  // Pushes from here on wait for the backup; when it has those before, it has everything that was
  // acknowledged.
  task.copied->SetWaits(task.target, task.since);
  const bool answered = WaitFor(
      [&](std::shared_ptr<Acknowledgement> done) { task.link->WhenAllAnswered(std::move(done)); });
  if (answered && !task.link->released()) {
    PARAMD_FAILPOINT("replica.filled");
    filled_(task);
  }
  return bytes;
}

bool ReplicaFiller::WaitFor(const std::function<void(std::shared_ptr<Acknowledgement>)>& send) {
  struct Outcome {
    Mutex mutex;
    bool over = false, acknowledged = false;
  };
  // Shared with the acknowledgement, which may outlive the wait.
  const auto outcome = std::make_shared<Outcome>();
  send(std::make_shared<Acknowledgement>([this, outcome](bool acknowledged) {
    {
      MutexLock lock(outcome->mutex);
      outcome->over = true;
      outcome->acknowledged = acknowledged;
    }
    MutexLock lock(mutex_);
    changed_.NotifyAll();
  }));
  MutexLock lock(mutex_);
  while (!stopping_) {
    {
      MutexLock other(outcome->mutex);
      if (outcome->over) return outcome->acknowledged;
    }
    changed_.Wait(mutex_);
  }
  return false;
}

}  // namespace paramd
