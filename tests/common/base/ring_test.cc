#include "common/base/ring.h"

#include <catch2/catch.hpp>
#include <deque>
#include <memory>

#include "common/base/random.h"

namespace paramd {
namespace {

TEST_CASE("a ring does as a deque does") {
  Ring<int> ring;
  std::deque<int> deque;
  Random random(2);
  int next = 0;
  for (int i = 0; i < 20000; ++i) {
    // Grows to hundreds, shrinks to nothing, and so on.
    const bool push = random.NextBelow(100) < (i / 1000 % 2 == 0 ? 70u : 30u);
    if (push) {
      CHECK(ring.push_back(next) == next);
      deque.push_back(next++);
    } else if (!deque.empty()) {
      ring.pop_front();
      deque.pop_front();
    }
    REQUIRE(ring.size() == deque.size());
    REQUIRE(ring.empty() == deque.empty());
    if (deque.empty()) continue;
    REQUIRE(ring.front() == deque.front());
    REQUIRE(ring.back() == deque.back());
    const size_t at = random.NextBelow(deque.size());
    REQUIRE(ring[at] == deque[at]);
  }
}

TEST_CASE("a ring that wraps round keeps its order when it grows") {
  Ring<int> ring;
  for (int i = 0; i < 6; ++i) ring.push_back(i);
  for (int i = 0; i < 5; ++i) ring.pop_front();
  for (int i = 6; i < 40; ++i) ring.push_back(i);
  REQUIRE(ring.size() == 35);
  for (size_t i = 0; i < ring.size(); ++i) CHECK(ring[i] == static_cast<int>(i) + 5);
}

TEST_CASE("what is taken out is let go at once") {
  Ring<std::shared_ptr<int>> ring;
  const auto one = std::make_shared<int>(1), two = std::make_shared<int>(2);
  ring.push_back(one);
  ring.push_back(two);
  ring.pop_front();
  CHECK(one.use_count() == 1);
  CHECK(two.use_count() == 2);
  ring.clear();
  CHECK(two.use_count() == 1);
  CHECK(ring.empty());
  ring.push_back(one);
  CHECK(ring.front() == one);
}

TEST_CASE("what can only be moved") {
  Ring<std::unique_ptr<int>> ring;
  for (int i = 0; i < 20; ++i) ring.push_back(std::make_unique<int>(i));
  for (int i = 0; i < 20; ++i) {
    CHECK(*ring.front() == i);
    ring.pop_front();
  }
}

}  // namespace
}  // namespace paramd
