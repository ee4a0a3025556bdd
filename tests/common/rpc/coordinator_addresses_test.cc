#include "common/rpc/coordinator_addresses.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace paramd {
namespace {

const absl::Status kAway = absl::UnavailableError("connection refused");

TEST_CASE("a list of addresses is tried in turn") {
  auto addresses = *CoordinatorAddresses::Parse("a:1,b:2,[::1]:3");
  CHECK(addresses.size() == 3);
  CHECK(addresses.current() == "a:1");
  CHECK(addresses.Next(kAway));
  CHECK(addresses.current() == "b:2");
  addresses.Next(kAway);
  CHECK(addresses.current() == "[::1]:3");
  addresses.Next(kAway);
  CHECK(addresses.current() == "a:1");
}

TEST_CASE("a leader that is named is next, whether it is in the list or not") {
  auto addresses = *CoordinatorAddresses::Parse("a:1,b:2,c:3");
  CHECK(addresses.Next(StandingBy("c:3", "")));
  CHECK(addresses.current() == "c:3");
  CHECK(addresses.Next(kAway));
  CHECK(addresses.current() == "a:1");
  CHECK(addresses.Next(StandingBy("d:4", "")));
  CHECK(addresses.current() == "d:4");
  // It is gone: on in the list.
  CHECK(addresses.Next(kAway));
  CHECK(addresses.current() == "b:2");
}

TEST_CASE("one that stands by without knowing the leader, or names itself, is left for the next") {
  auto addresses = *CoordinatorAddresses::Parse("a:1,b:2");
  addresses.Next(StandingBy("", "etcd is away"));
  CHECK(addresses.current() == "b:2");
  CoordinatorAddresses one("a:1");
  CHECK_FALSE(one.Next(kAway));
  CHECK_FALSE(one.Next(StandingBy("a:1", "")));
  CHECK(one.current() == "a:1");
}

TEST_CASE("what is no list of addresses is refused with what is wanted") {
  for (const char* list : {"", "a", "a:1,", ",a:1", "a:1 b:2", "a:1,b", "a:65536"}) {
    const absl::Status status = CoordinatorAddresses::Parse(list).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(std::string(status.message()).find("host:port") != std::string::npos);
  }
}

TEST_CASE("standing by is known from other errors, also with words of somebody else") {
  CHECK(IsStandingBy(StandingBy("a:1", "")));
  CHECK(IsStandingBy(StandingBy("", "why")));
  CHECK_FALSE(IsStandingBy(kAway));
  CHECK_FALSE(IsStandingBy(absl::OkStatus()));
  CHECK_FALSE(IsStandingBy(absl::AbortedError(StandingBy("a:1", "").message())));
  CoordinatorAddresses one("a:1");
  one.Next(absl::UnavailableError("this coordinator stands by; not an address leads"));
  CHECK(one.current() == "a:1");
}

TEST_CASE("the leader is asked wherever the first question goes") {
  std::vector<std::string> asked;
  const auto ask = [&](const std::string& address) -> absl::Status {
    asked.push_back(address);
    if (address == "leader:1") return absl::OkStatus();
    return address == "standby:1" ? StandingBy("leader:1", "") : kAway;
  };
  CoordinatorAddresses one("standby:1");
  CHECK(AskLeader(one, ask).ok());
  CHECK(asked == std::vector<std::string>{"standby:1", "leader:1"});

  asked.clear();
  auto several = *CoordinatorAddresses::Parse("gone:1,standby:1");
  CHECK(AskLeader(several, ask).ok());
  CHECK(asked == std::vector<std::string>{"gone:1", "standby:1", "leader:1"});

  asked.clear();
  auto gone = *CoordinatorAddresses::Parse("gone:1,gone:2");
  CHECK(AskLeader(gone, ask) == kAway);
  CHECK(asked.size() == 3);

  asked.clear();
  CoordinatorAddresses refusing("a:1");
  const auto refuse = [](const std::string&) { return absl::NotFoundError("no such table"); };
  CHECK(AskLeader(refusing, refuse).code() == absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace paramd
