#include "common/wire/key_list_lru.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

using Lru = KeyListLru<std::string>;

// What a list counts for; part of the protocol.
constexpr uint64_t Cost(uint64_t keys) { return 1024 + 8 * keys; }

TEST_CASE("what was used last is held") {
  Lru lru(3 * Cost(10));
  for (const char* name : {"a", "b", "c"}) *lru.Insert(name, 10, 0) = name;
  REQUIRE(lru.Find("a") != nullptr);
  CHECK(*lru.Find("a") == "a");
  REQUIRE(lru.Insert("d", 10, 0) != nullptr);
  CHECK(lru.Find("b") == nullptr);
  CHECK(lru.Find("c") != nullptr);
  CHECK(lru.Find("a") != nullptr);
  CHECK(lru.Find("d") != nullptr);
  CHECK(lru.size() == 3);
}

TEST_CASE("lists count by their keys") {
  Lru lru(Cost(100));
  lru.Insert("a", 100, 0);
  CHECK(lru.Find("a") != nullptr);
  lru.Insert("b", 0, 0);
  CHECK(lru.Find("a") == nullptr);
  CHECK(lru.Find("b") != nullptr);
  lru.Insert("c", 0, 0);
  CHECK(lru.size() == (Cost(100) >= 2 * Cost(0) ? 2 : 1));
}

TEST_CASE("a list that is too much alone drops nothing but what had its name") {
  Lru lru(Cost(10));
  lru.Insert("a", 10, 0);
  CHECK(lru.Insert("b", 11, 0) == nullptr);
  CHECK(lru.Find("a") != nullptr);
  CHECK(lru.Insert("a", 11, 0) == nullptr);
  CHECK(lru.Find("a") == nullptr);
  CHECK(lru.size() == 0);
  CHECK(Lru(0).Insert("a", 0, 0) == nullptr);
}

TEST_CASE("a name that is given again stands for the new list only") {
  Lru lru(2 * Cost(10));
  *lru.Insert("a", 10, 0) = "old";
  *lru.Insert("b", 10, 0) = "b";
  *lru.Insert("a", 10, 0) = "new";
  CHECK(lru.size() == 2);
  CHECK(*lru.Find("a") == "new");
  CHECK(*lru.Find("b") == "b");
}

TEST_CASE("nothing is held after Clear, and as much fits as before") {
  Lru lru(2 * Cost(10));
  lru.Insert("a", 10, 0);
  lru.Insert("b", 10, 0);
  lru.Clear();
  CHECK(lru.size() == 0);
  CHECK(lru.Find("a") == nullptr);
  lru.Insert("a", 10, 0);
  lru.Insert("c", 10, 0);
  CHECK(lru.Find("a") != nullptr);
  CHECK(lru.Find("c") != nullptr);
}

// The client holds nothing of the lists, the server the keys: with the same operations both hold
// the same names, always.
TEST_CASE("two of the same budget agree") {
  struct Nothing {};
  Lru server(20 * Cost(50));
  KeyListLru<Nothing> client(20 * Cost(50));
  Random random(5);
  size_t found = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string name = std::to_string(random.NextBelow(40));
    const bool held = client.Find(name) != nullptr;
    std::string* const list = server.Find(name);
    REQUIRE((list != nullptr) == held);
    found += held;
    if (held) {
      CHECK(*list == name);
      continue;
    }
    const uint64_t keys = random.NextBelow(random.NextBelow(10) == 0 ? 5000 : 100);
    std::string* const added = server.Insert(name, keys, 0);
    REQUIRE((added != nullptr) == (client.Insert(name, keys, 0) != nullptr));
    if (added != nullptr) *added = name;
    REQUIRE(server.size() == client.size());
  }
  CHECK(found > 1000);
}

}  // namespace
}  // namespace paramd
