#include "server/storage/position_waiters.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace paramd {
namespace {

// Positions that became ready, with "!" behind those that were lost.
std::vector<std::string> Calls(PositionWaiters& waiters, std::vector<std::string>& calls) {
  calls.clear();
  for (const PositionWaiters::Ready& ready : waiters.TakeReady()) ready();
  return calls;
}

TEST_CASE("Waiters become ready in the order of their positions, once") {
  PositionWaiters waiters;
  std::vector<std::string> calls;
  const auto add = [&](uint64_t position) {
    waiters.Add(position, [&calls, position](const absl::Status& status) {
      calls.push_back(std::to_string(position) + (status.ok() ? "" : "!"));
    });
  };
  for (const uint64_t position : {3, 1, 2, 2, 5}) add(position);
  CHECK_FALSE(waiters.has_ready());
  waiters.Advance(3);
  CHECK(waiters.has_ready());
  CHECK(Calls(waiters, calls) == std::vector<std::string>{"1", "2", "2", "3"});
  waiters.Advance(2);
  CHECK(waiters.decided() == 3);
  CHECK(Calls(waiters, calls).empty());
  waiters.Advance(5);
  CHECK(Calls(waiters, calls) == std::vector<std::string>{"5"});
}

TEST_CASE("What was lost stays lost, also for those who ask later") {
  PositionWaiters waiters;
  std::vector<std::string> calls;
  const auto add = [&](uint64_t position) {
    waiters.Add(position, [&calls, position](const absl::Status& status) {
      calls.push_back(std::to_string(position) + (status.ok() ? "" : "!"));
    });
  };
  waiters.Advance(2);
  add(3);
  waiters.Lose(4, absl::UnavailableError("disk"));
  waiters.Lose(4, absl::UnavailableError("disk"));
  waiters.Advance(6);
  waiters.Lose(7, absl::UnavailableError("disk"));
  waiters.Advance(8);
  for (const uint64_t position : {2, 4, 5, 7, 8, 6, 3}) add(position);
  CHECK(Calls(waiters, calls) ==
        std::vector<std::string>{"3!", "2", "4!", "5", "7!", "8", "6", "3!"});
}

}  // namespace
}  // namespace paramd
