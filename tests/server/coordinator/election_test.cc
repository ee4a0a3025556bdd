#include "server/coordinator/election.h"

#include <signal.h>

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/testing/etcd_process.h"
#include "tests/testing/manual_clock.h"

namespace paramd {
namespace {

std::shared_ptr<EtcdClient> ClientOf(const EtcdProcess& etcd) {
  return std::make_shared<EtcdClient>(std::vector<std::string>{etcd.address()},
                                      absl::Milliseconds(500));
}

Election::Options Candidate(const std::string& address) {
  return {.key = "/paramd/test/leader", .address = address, .lease = absl::Seconds(1)};
}

// Blocks until `condition` holds, which etcd brings about.
template <typename Condition>
void Await(Condition condition) {
  while (!condition()) {
  }
}

void Delete(const EtcdProcess& etcd) {
  etcdserverpb::TxnRequest removal;
  removal.add_success()->mutable_request_delete_range()->set_key("/paramd/test/leader");
  REQUIRE(ClientOf(etcd)->Txn(removal).ok());
}

TEST_CASE("one leads, the other knows who, and follows when the first gives up") {
  EtcdProcess etcd;
  auto first = std::make_unique<Election>(ClientOf(etcd), Candidate("first:1"));
  const std::optional<uint64_t> term = first->WaitUntilElected();
  REQUIRE(term.has_value());
  CHECK(first->Check(*term).ok());
  Election second(ClientOf(etcd), Candidate("second:1"));
  Await([&] { return second.leader() == "first:1"; });
  CHECK(second.first_revision() > 0);
  CHECK(second.Check(1).code() == absl::StatusCode::kAborted);
  first.reset();
  CHECK(second.WaitUntilElected().has_value());
  CHECK(second.leader() == "second:1");
}

TEST_CASE("a holder that loses its key takes it again in a new term") {
  EtcdProcess etcd;
  Election election(ClientOf(etcd), Candidate("a:1"));
  const uint64_t term = *election.WaitUntilElected();
  Delete(etcd);
  Await([&] { return absl::IsAborted(election.Check(term)); });
  const uint64_t next = *election.WaitUntilElected();
  CHECK(next > term);
  CHECK(absl::IsAborted(election.Check(term)));
}

TEST_CASE("a holder that etcd does not answer does not know whether it leads, and goes on later") {
  EtcdProcess etcd;
  Election election(ClientOf(etcd), Candidate("a:1"));
  const uint64_t term = *election.WaitUntilElected();
  etcd.Signal(SIGSTOP);
  Await([&] { return absl::IsUnavailable(election.Check(term)); });
  Await([&] { return !election.problem().empty(); });
  CHECK(election.problem().find(etcd.address()) != std::string::npos);
  etcd.Signal(SIGCONT);
  // In the same term, or, when etcd was quicker to end the lease, in a new one.
  Await([&] { return election.Check(*election.WaitUntilElected()).ok(); });
  Await([&] { return election.problem().empty(); });
}

TEST_CASE("time that the holder itself slept through ends what it knows") {
  EtcdProcess etcd;
  ManualClock clock;
  Election::Options options = Candidate("a:1");
  options.clock = &clock;
  Election election(ClientOf(etcd), options);
  const uint64_t term = *election.WaitUntilElected();
  CHECK(election.Check(term).ok());
  clock.Advance(absl::Minutes(1));
  // Until the lease is renewed, which may have happened.
  const absl::Status status = election.Check(term);
  CHECK((status.ok() || absl::IsUnavailable(status)));
  Await([&] { return election.Check(term).ok(); });
}

TEST_CASE("stopping ends the wait of one that does not lead") {
  EtcdProcess etcd;
  Election first(ClientOf(etcd), Candidate("first:1"));
  REQUIRE(first.WaitUntilElected().has_value());
  Election second(ClientOf(etcd), Candidate("second:1"));
  second.Stop();
  CHECK_FALSE(second.WaitUntilElected().has_value());
}

}  // namespace
}  // namespace paramd
