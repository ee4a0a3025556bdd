#include "common/rpc/completion_loop.h"

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "common/rpc/completion.h"

namespace paramd {
namespace {

// Something that happens on the queue of a loop, whenever it is asked for.
class Event final : public Completion {
 public:
  explicit Event(CompletionLoop& loop) : loop_(loop) {}

  // Calls `action` as a completion of the loop.
  void Set(std::function<void()> action) {
    action_ = std::move(action);
    alarm_.Set(loop_.queue(), gpr_now(GPR_CLOCK_MONOTONIC), this);
  }

  void Complete(bool ok) override {
    CHECK(ok);
    // The action may set the event again.
    const auto action = std::move(action_);
    action();
  }

 private:
  CompletionLoop& loop_;
  std::function<void()> action_;
  grpc::Alarm alarm_;
};

TEST_CASE("the loop's own thread drives when nobody waits") {
  CompletionLoop loop("loop");
  Event event(loop);
  for (int i = 0; i < 20; ++i) {
    Notification done;
    std::thread::id driver;
    event.Set([&] {
      driver = std::this_thread::get_id();
      done.Notify();
    });
    done.Wait();
    CHECK(driver != std::this_thread::get_id());
  }
}

TEST_CASE("who waits drives") {
  CompletionLoop loop("loop");
  std::vector<std::unique_ptr<Event>> events;
  std::vector<std::thread::id> drivers;
  std::atomic<size_t> completed = 0;
  std::function<void()> next = [&] {
    events.push_back(std::make_unique<Event>(loop));
    events.back()->Set([&] {
      drivers.push_back(std::this_thread::get_id());
      if (drivers.size() < 10) next();
      ++completed;
    });
  };
  bool begun = false;
  loop.Wait([&] {
    // The loop knows by now that somebody waits.
    if (!begun) next();
    begun = true;
    return completed == 10;
  });
  // The one that stands in may have been at the queue when the first one came.
  REQUIRE(drivers.size() == 10);
  for (size_t i = 1; i < drivers.size(); ++i) CHECK(drivers[i] == std::this_thread::get_id());
}

TEST_CASE("waiting for what is there already takes no completion") {
  CompletionLoop loop("loop");
  int asked = 0;
  loop.Wait([&] { return ++asked == 1; });
  CHECK(asked == 1);
}

TEST_CASE("Wake has those who wait look again") {
  CompletionLoop loop("loop");
  constexpr int kWaiters = 3;
  Notification asked[kWaiters];
  std::atomic<bool> go[kWaiters] = {};
  Notification returned[kWaiters];
  std::vector<std::unique_ptr<Thread>> threads;
  for (int i = 0; i < kWaiters; ++i) {
    threads.push_back(std::make_unique<Thread>("waiter", [&, i] {
      loop.Wait([&, i] {
        asked[i].Notify();
        return go[i].load();
      });
      returned[i].Notify();
    }));
  }
  for (int i = 0; i < kWaiters; ++i) asked[i].Wait();
  for (int i : {1, 0, 2}) {
    CHECK_FALSE(returned[i].HasBeenNotified());
    go[i] = true;
    loop.Wake();
    returned[i].Wait();
  }
  loop.Wake();  // nobody
}

TEST_CASE("a completion may wake") {
  CompletionLoop loop("loop");
  Event event(loop);
  std::atomic<int> completed = 0;
  for (int i = 1; i <= 100; ++i) {
    event.Set([&] {
      ++completed;
      loop.Wake();
    });
    loop.Wait([&] { return completed == i; });
  }
}

TEST_CASE("one that waits goes on when another one drives its completion") {
  CompletionLoop loop("loop");
  Event event(loop);
  std::atomic<bool> first = false, second = false;
  Notification asked;
  Thread other("other", [&] {
    loop.Wait([&] {
      asked.Notify();
      return first.load();
    });
    // Whoever drives now, somebody does.
    event.Set([&] { second = true; });
  });
  asked.Wait();
  Event early(loop);
  early.Set([&] { first = true; });
  loop.Wait([&] { return second.load(); });
  other.Join();
  CHECK(first);
}

TEST_CASE("Advance runs what is there") {
  CompletionLoop loop("loop");
  std::vector<std::unique_ptr<Event>> events;
  std::atomic<int> completed = 0;
  for (int i = 0; i < 50; ++i) {
    events.push_back(std::make_unique<Event>(loop));
    events.back()->Set([&] { ++completed; });
  }
  while (completed < 50) loop.Advance();
  loop.Advance();
  CHECK(completed == 50);
}

TEST_CASE("completions run one at a time, whoever drives") {
  CompletionLoop loop("loop");
  constexpr int kThreads = 4, kRounds = 300;
  std::atomic<int> inside = 0, overlaps = 0, completed = 0;
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (int id = 0; id < kThreads; ++id) {
      threads.push_back(std::make_unique<Thread>("waiter", [&, id] {
        Event event(loop);
        for (int i = 0; i < kRounds; ++i) {
          std::atomic<bool> done = false;
          event.Set([&] {
            overlaps += ++inside != 1;
            ++completed;
            --inside;
            done = true;
          });
          if ((i + id) % 7 == 0) loop.Advance();
          if ((i + id) % 11 == 0) loop.Wake();
          loop.Wait([&] { return done.load(); });
        }
      }));
    }
  }
  CHECK(completed == kThreads * kRounds);
  CHECK(overlaps == 0);
}

TEST_CASE("a loop ends whether its thread has begun to stand in or not") {
  for (int i = 0; i < 50; ++i) {
    CompletionLoop loop("loop");
    if (i % 2 == 0) continue;
    // It has been used, and its thread is at the queue at some time after that.
    Event event(loop);
    std::atomic<bool> done = false;
    event.Set([&] { done = true; });
    loop.Wait([&] { return done.load(); });
  }
}

}  // namespace
}  // namespace paramd
