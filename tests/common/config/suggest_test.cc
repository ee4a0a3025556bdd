#include "common/config/suggest.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace paramd {
namespace {

TEST_CASE("near misses are recognised") {
  const std::vector<std::string> names = {"servers", "workers", "max_message", "l1", "l2"};
  CHECK(DidYouMean("serverz", names) == "; did you mean \"servers\"?");
  CHECK(DidYouMean("sevrers", names) == "; did you mean \"servers\"?");
  CHECK(DidYouMean("Max-Message", names) == "; did you mean \"max_message\"?");
  CHECK(DidYouMean("l3", names) == "; did you mean \"l1\"?");
}

TEST_CASE("other words are not") {
  const std::vector<std::string> names = {"servers", "l1"};
  CHECK(DidYouMean("bananas", names) == "");
  CHECK(DidYouMean("xy", names) == "");
  CHECK(DidYouMean("", names) == "");
  CHECK(DidYouMean(std::string(100000, 's'), names) == "");
  CHECK(DidYouMean("servers", {}) == "");
}

}  // namespace
}  // namespace paramd
