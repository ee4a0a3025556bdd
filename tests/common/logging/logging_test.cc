#include "common/logging/logging.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace paramd {
namespace {

TEST_CASE("escaped text is the inside of a JSON string") {
  std::string text = "say \"hi\" \\ back\nnext\ttab";
  for (char c = 1; c < 0x20; ++c) text += c;
  const auto parsed = nlohmann::json::parse("\"" + EscapeJson(text) + "\"");
  CHECK(parsed.get<std::string>() == text);
  CHECK(EscapeJson("plain \xc3\xa4") == "plain \xc3\xa4");
}

}  // namespace
}  // namespace paramd
