#include "server/engine/memory_guard.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "common/base/mutex.h"
#include "tests/testing/manual_clock.h"

namespace paramd {
namespace {

TEST_CASE("Levels begin at 85 and 95 percent and are left three percent below") {
  const auto next = [](MemoryLevel level, uint64_t used) {
    return NextMemoryLevel(level, used, 1000);
  };
  constexpr MemoryLevel kPlenty = MemoryLevel::kPlenty, kSlow = MemoryLevel::kSlow,
                        kFull = MemoryLevel::kFull;
  CHECK(next(kPlenty, 0) == kPlenty);
  CHECK(next(kPlenty, 849) == kPlenty);
  CHECK(next(kPlenty, 850) == kSlow);
  CHECK(next(kPlenty, 950) == kFull);
  CHECK(next(kSlow, 821) == kSlow);
  CHECK(next(kSlow, 819) == kPlenty);
  CHECK(next(kSlow, 949) == kSlow);
  CHECK(next(kFull, 921) == kFull);
  CHECK(next(kFull, 919) == kSlow);
  CHECK(next(kFull, 821) == kSlow);
  CHECK(next(kFull, 819) == kPlenty);
  CHECK(next(kPlenty, 5000) == kFull);
  CHECK(NextMemoryLevel(kPlenty, uint64_t{1} << 60, 0) == kPlenty);
}

TEST_CASE("Answers wait the longer the less memory is left") {
  CHECK(AnswerDelay(800, 1000) == absl::ZeroDuration());
  CHECK(AnswerDelay(850, 1000) > absl::Milliseconds(100));
  CHECK(AnswerDelay(850, 1000) < AnswerDelay(900, 1000));
  CHECK(AnswerDelay(950, 1000) == absl::Seconds(1));
  CHECK(AnswerDelay(2000, 1000) == absl::Seconds(1));
  CHECK(AnswerDelay(2000, 0) == absl::ZeroDuration());
}

struct Guarded {
  MemoryGuard::Options Options() {
    return {.budget = [this] { return budget.load(); },
            .used =
                [this] {
                  ++looks;
                  return used.load();
                },
            .clock = &clock};
  }
  ManualClock clock;
  std::atomic<uint64_t> budget{uint64_t{1} << 30}, used{0};
  std::atomic<int> looks{0};
};

TEST_CASE("Near the limit every few pushes have the guard look again") {
  Guarded guarded;
  MemoryGuard guard(guarded.Options());
  CHECK(guard.level() == MemoryLevel::kPlenty);
  guarded.used = uint64_t{1000} << 20;
  for (int i = 0; i < 1000; ++i) guard.Expect(1 << 20);
  CHECK(guard.level() == MemoryLevel::kFull);
  CHECK(guard.used() == uint64_t{1000} << 20);
  CHECK(guard.Describe() == "1000.0 MiB of 1024.0 MiB");
  // There is more of it now.
  guarded.budget = uint64_t{4} << 30;
  guard.Expect(1 << 20);
  CHECK(guard.level() == MemoryLevel::kPlenty);
}

TEST_CASE("A call that is due later is made when its time has come, or with the guard's end") {
  Guarded guarded;
  guarded.used = guarded.budget.load();
  Notification first, second;
  {
    MemoryGuard guard(guarded.Options());
    guard.CallLater([&] { first.Notify(); });
    CHECK_FALSE(first.HasBeenNotified());
    guarded.clock.Advance(absl::Seconds(1));
    first.Wait();
    guard.CallLater([&] { second.Notify(); });
    CHECK_FALSE(second.HasBeenNotified());
  }
  CHECK(second.HasBeenNotified());
}

TEST_CASE("Without a limit nothing is looked at and nothing waits") {
  Guarded guarded;
  MemoryGuard::Options options = guarded.Options();
  options.budget = nullptr;
  MemoryGuard guard(options);
  guard.Expect(uint64_t{1} << 40);
  CHECK(guarded.looks == 0);
  CHECK(guard.level() == MemoryLevel::kPlenty);
  bool called = false;
  guard.CallLater([&] { called = true; });
  CHECK(called);
}

}  // namespace
}  // namespace paramd
