#include "common/config/flags.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config_flags.h"

namespace paramd {
namespace {

struct Fixture {
  Fixture() {
    config.AddTo(flags);
    flags.String("listen", "HOST:PORT", "where to listen", listen);
    flags.Count("servers", "N", "number of servers", servers);
    flags.Switch("keep", "keep the folder", keep);
    flags.Choice("output,o", {"table", "json"}, "form of the result", output);
    flags.Argument("FILE", "what to read", file);
    flags.Argument("MORE", "what else to read", more, false);
  }

  std::string Error(const std::vector<std::string>& args) {
    return std::string(flags.Parse(args).message());
  }

  ConfigFlags config;
  std::string listen = "127.0.0.1:0", output = "table", file, more;
  std::optional<uint32_t> servers;
  bool keep = false;
  Flags flags{"prog", "does something."};
};

TEST_CASE_METHOD(Fixture, "values with and without =") {
  REQUIRE(flags
              .Parse({"--listen=a:1", "f", "--servers", "3", "--keep", "-o", "json", "--set", "a=b",
                      "--set=c=d"})
              .ok());
  CHECK(listen == "a:1");
  CHECK(servers == 3);
  CHECK(keep);
  CHECK(output == "json");
  CHECK(file == "f");
  CHECK(config.set == std::vector<std::string>{"a=b", "c=d"});
  CHECK(config.Sources().overrides == config.set);
}

TEST_CASE_METHOD(Fixture, "defaults stay") {
  REQUIRE(flags.Parse({"f"}).ok());
  CHECK(listen == "127.0.0.1:0");
  CHECK_FALSE(servers.has_value());
}

TEST_CASE_METHOD(Fixture, "-- ends the flags, and - is an argument") {
  REQUIRE(flags.Parse({"-", "--", "--keep"}).ok());
  CHECK(file == "-");
  CHECK(more == "--keep");
  CHECK_FALSE(keep);
}

TEST_CASE_METHOD(Fixture, "mistakes are named") {
  CHECK(Error({"--listn=x"}) == "unknown flag --listn; did you mean \"--listen\"?");
  CHECK(Error({"-x"}) == "unknown flag -x");
  CHECK(Error({"-=x"}) == "unknown flag -");
  CHECK(Error({"--servers=many"}) == "--servers: wants a whole number, not \"many\"");
  CHECK(Error({"--servers"}) == "--servers wants N");
  CHECK(Error({"--keep=yes"}) == "--keep: wants true or false, not \"yes\"");
  CHECK(Error({"-o", "jsn"}) == "-o: wants table or json, not \"jsn\"; did you mean \"json\"?");
  CHECK(Error({}) == "FILE is missing");
  CHECK(Error({"a", "b", "c"}) == "unexpected argument \"c\"");
}

TEST_CASE_METHOD(Fixture, "exit codes") {
  CHECK(flags.ParseOrExitCode(std::vector<std::string>{"--nonsense"}) == 2);
  CHECK(flags.ParseOrExitCode(std::vector<std::string>{"f"}) == std::nullopt);
  CHECK(flags.ParseOrExitCode(std::vector<std::string>{"--help"}) == 0);
}

TEST_CASE_METHOD(Fixture, "the help tells everything") {
  CHECK(flags.Help() == R"(usage: prog [flags] FILE [MORE]

prog does something.

Arguments:
  FILE                        what to read
  MORE                        what else to read

Flags:
  -h, --help                  print this text
  --version                   print the version
  -c, --config FILE           YAML file with the settings
  --set PATH=VALUE            override one setting, such as cluster.servers=3; may be repeated
  --listen HOST:PORT          where to listen (default 127.0.0.1:0)
  --servers N                 number of servers
  --keep                      keep the folder
  -o, --output table|json     form of the result (default table)
)");
}

TEST_CASE("numbers have a range") {
  uint64_t rows = 5;
  double exponent = 1.5;
  Flags flags("p", "does things");
  flags.Number("rows", "rows", 1, ~uint64_t{0}, rows);
  flags.Number("exponent", "exponent", 0.0, 10.0, exponent);
  CHECK(flags.Parse({"--rows", "18446744073709551615", "--exponent=.25"}).ok());
  CHECK(rows == ~uint64_t{0});
  CHECK(exponent == 0.25);
  for (const char* arg : {"--rows=0", "--rows=-1", "--rows=1.5", "--rows=", "--rows=1x",
                          "--exponent=-1", "--exponent=nan", "--exponent=10.5"}) {
    CHECK_FALSE(flags.Parse({arg}).ok());
  }
  CHECK(flags.Parse({"--exponent=11"}).message() ==
        "--exponent: wants a number from 0 to 10, not \"11\"");
  CHECK(rows == ~uint64_t{0});
  CHECK(exponent == 0.25);
}

TEST_CASE("arguments of main") {
  char program[] = "prog", argument[] = "x";
  char* argv[] = {program, argument};
  CHECK(Arguments(2, argv) == std::vector<std::string>{"x"});
  CHECK(Arguments(0, argv).empty());
}

}  // namespace
}  // namespace paramd
