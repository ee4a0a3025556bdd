#include "server/engine/memory_guard.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"

namespace paramd {
namespace {

constexpr double kSlowFrom = 0.85, kFullFrom = 0.95, kLeaveBelow = 0.03;
constexpr absl::Duration kLongestDelay = absl::Seconds(1);
// Between two looks, at most.
constexpr absl::Duration kLook = absl::Milliseconds(100);
// What comes takes up to so many times its bytes: a pushed value of 4 bytes becomes a row of a
// table that is half full with 3 values, a hash, and pages around it.
constexpr uint64_t kMostGrowth = 16;
// Looking costs as much as taking so many bytes.
constexpr uint64_t kLeastBetweenLooks = 256 << 10;

double PartOf(uint64_t used, uint64_t budget) {
  return budget == 0 ? 0 : static_cast<double>(used) / static_cast<double>(budget);
}

double MiB(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

MemoryLevel NextMemoryLevel(MemoryLevel level, uint64_t used, uint64_t budget) {
  const double part = PartOf(used, budget);
  const auto at_least = [&](MemoryLevel other, double from) {
    return part >= (level >= other ? from - kLeaveBelow : from);
  };
  if (at_least(MemoryLevel::kFull, kFullFrom)) return MemoryLevel::kFull;
  return at_least(MemoryLevel::kSlow, kSlowFrom) ? MemoryLevel::kSlow : MemoryLevel::kPlenty;
}

absl::Duration AnswerDelay(uint64_t used, uint64_t budget) {
  constexpr double kFrom = kSlowFrom - kLeaveBelow;
  const double how = (PartOf(used, budget) - kFrom) / (kFullFrom - kFrom);
  return std::clamp(how, 0.0, 1.0) * kLongestDelay;
}

MemoryGuard::MemoryGuard(Options options) : options_(std::move(options)) {
  if (options_.budget == nullptr) return;
  Look();
  thread_.emplace("memory", [this] { Run(); });
}

MemoryGuard::~MemoryGuard() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.reset();
}

void MemoryGuard::Look() {
  const uint64_t budget = options_.budget();
  const uint64_t used = options_.used();
  budget_.store(budget, std::memory_order_relaxed);
  const auto slow_from = static_cast<uint64_t>(kSlowFrom * static_cast<double>(budget));
  const uint64_t left = slow_from - std::min(used, slow_from);
  look_after_.store(budget == 0 ? UINT64_MAX : std::max(left / kMostGrowth, kLeastBetweenLooks),
                    std::memory_order_relaxed);
  expected_.store(0, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  level_.store(NextMemoryLevel(level(), used, budget), std::memory_order_relaxed);
  used_.store(used, std::memory_order_release);
}

std::string MemoryGuard::Describe() const {
  return absl::StrFormat("%.1f MiB of %.1f MiB", MiB(used()),
                         MiB(budget_.load(std::memory_order_relaxed)));
}

void MemoryGuard::Expect(uint64_t bytes) {
  if (!thread_.has_value()) return;
  const uint64_t expected = expected_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (expected >= look_after_.load(std::memory_order_relaxed)) Look();
}

void MemoryGuard::CallLater(std::function<void()> call) {
  const absl::Duration due =
      options_.clock->SinceBoot() + AnswerDelay(used(), budget_.load(std::memory_order_relaxed));
  {
    MutexLock lock(mutex_);
    if (!stopping_ && thread_.has_value()) {
      calls_.emplace(due, std::move(call));
      changed_.NotifyAll();
      return;
    }
  }
  call();
}

void MemoryGuard::Run() {
  bool stopping = false;
  while (!stopping) {
    Look();
    std::vector<std::function<void()>> due;
    {
      MutexLock lock(mutex_);
      const absl::Duration now = options_.clock->SinceBoot();
      if (!stopping_) {
        const absl::Duration next = calls_.empty() ? kLook : calls_.begin()->first - now;
        if (next > absl::ZeroDuration()) changed_.WaitFor(mutex_, std::min(next, kLook));
      }
      stopping = stopping_;
      const auto end = stopping ? calls_.end() : calls_.upper_bound(options_.clock->SinceBoot());
      for (auto it = calls_.begin(); it != end; ++it) due.push_back(std::move(it->second));
      calls_.erase(calls_.begin(), end);
    }
    for (const std::function<void()>& call : due) call();
  }
}

}  // namespace paramd
