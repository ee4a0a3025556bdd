#include "deploy/paramctl/status_client.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/deploy/paramctl/fake_status_service.h"

namespace paramd {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(20);

TEST_CASE("a coordinator answers") {
  v1::ClusterStatus status;
  status.set_cluster("ctr");
  FakeStatusService service({status});
  StatusClient client(CoordinatorAddresses(service.address()));
  const auto answer = client.Get(kTimeout);
  REQUIRE(answer.ok());
  CHECK(answer->cluster() == "ctr");
}

TEST_CASE("somebody else answers") {
  FakeStatusService service({});
  StatusClient client(CoordinatorAddresses(service.address()));
  const absl::Status status = client.Get(kTimeout).status();
  CHECK(status.code() == absl::StatusCode::kUnimplemented);
  CHECK(std::string(status.message()) == service.address() + " is not a coordinator");
}

TEST_CASE("nobody answers") {
  // Port 1 is reserved and has no listener.
  StatusClient client(CoordinatorAddresses("127.0.0.1:1"));
  const absl::Status status = client.Get(kTimeout).status();
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(status.message()).find("127.0.0.1:1") == 0);
}

}  // namespace
}  // namespace paramd
