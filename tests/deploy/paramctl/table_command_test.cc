#include "deploy/paramctl/table_command.h"

#include <catch2/catch.hpp>

#include "common/base/exit_code.h"

namespace paramd {
namespace {

TEST_CASE("settings of a table") {
  auto request = ParseTableSetting("w", "consistency.staleness=8");
  REQUIRE(request.ok());
  CHECK(request->table() == "w");
  CHECK(request->staleness().steps() == 8);
  CHECK(request->mode() == v1::Consistency::MODE_UNSPECIFIED);
  request = ParseTableSetting("w", "consistency.staleness=auto");
  REQUIRE(request.ok());
  CHECK(request->staleness().auto_());
  request = ParseTableSetting("w", "consistency.mode=asp");
  REQUIRE(request.ok());
  CHECK(request->mode() == v1::Consistency::ASP);
  CHECK_FALSE(request->has_staleness());
}

TEST_CASE("settings that cannot be") {
  const auto error = [](const std::string& setting) {
    return std::string(ParseTableSetting("w", setting).status().message());
  };
  CHECK(error("consistency.staleness=-1") ==
        "consistency.staleness: wants a number of steps, or auto, not \"-1\"");
  CHECK(error("consistency.staleness") ==
        "consistency.staleness: wants a number of steps, or auto, not \"\"");
  CHECK(error("consistency.mode=bsp") == "consistency.mode: wants asp or ssp, not \"bsp\"");
  CHECK(error("optimizer.l2=1").find("can be changed while a job runs") != std::string::npos);
}

TEST_CASE("exit codes without a coordinator") {
  const std::vector<std::string> none,
      wrong = {"w", "consistency.mode=x"},
      nobody = {"w", "consistency.staleness=1", "--coordinator", "127.0.0.1:1"};
  CHECK(RunTableSet(none) == kExitUsage);
  CHECK(RunTableSet(wrong) == kExitBadConfig);
  CHECK(RunTableSet(nobody) == kExitUnreachable);
}

}  // namespace
}  // namespace paramd
