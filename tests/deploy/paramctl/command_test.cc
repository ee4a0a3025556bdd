#include "deploy/paramctl/command.h"

#include <catch2/catch.hpp>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"

namespace paramd {
namespace {

int Show(absl::Span<const std::string> args) {
  std::cout << "show " << absl::StrJoin(args, ",");
  return 7;
}

int Fetch(absl::Span<const std::string> args) {
  std::cout << "fetch " << absl::StrJoin(args, ",");
  return 8;
}

const Command kCommands[] = {{"show", "shows it", Show}, {"data fetch", "fetches it", Fetch}};

struct Result {
  int exit_code;
  std::string out;
  std::string err;
};

Result Run(const std::vector<std::string>& args) {
  std::ostringstream out, err;
  std::streambuf* const old_out = std::cout.rdbuf(out.rdbuf());
  std::streambuf* const old_err = std::cerr.rdbuf(err.rdbuf());
  const int exit_code = RunCommandLine(kCommands, args);
  std::cout.rdbuf(old_out);
  std::cerr.rdbuf(old_err);
  return {exit_code, out.str(), err.str()};
}

TEST_CASE("a command gets its arguments") {
  CHECK(Run({"show", "-x", "data"}).out == "show -x,data");
  CHECK(Run({"show"}).exit_code == 7);
  CHECK(Run({"data", "fetch", "a"}).out == "fetch a");
  CHECK(Run({"data", "fetch"}).exit_code == 8);
}

TEST_CASE("help") {
  const Result help = Run({"help"});
  CHECK(help.exit_code == 0);
  CHECK(help.out.find("  data fetch         fetches it\n") != std::string::npos);
  CHECK(Run({"--help"}).out == help.out);
  CHECK(Run({"help", "data", "fetch"}).out == "fetch --help");
  CHECK(Run({"--version"}).out.find("paramd ") == 0);
}

TEST_CASE("no command is a mistake") {
  const Result result = Run({});
  CHECK(result.exit_code == 2);
  CHECK(result.out.empty());
  CHECK(result.err.find("usage: paramctl COMMAND") == 0);
}

TEST_CASE("unknown commands") {
  CHECK(Run({"shwo"}).exit_code == 2);
  CHECK(Run({"shwo"}).err ==
        "paramctl: unknown command \"shwo\"; did you mean \"show\"?\nTry paramctl help.\n");
  CHECK(Run({"data"}).err ==
        "paramctl: data wants one of\n  data fetch         fetches it\nTry paramctl help.\n");
  CHECK(Run({"data", "fetsch"}).err ==
        "paramctl: unknown command \"data fetsch\"; did you mean \"data fetch\"?\n"
        "Try paramctl help.\n");
}

}  // namespace
}  // namespace paramd
