#include "server/coordinator/etcd_store.h"

#include <signal.h>

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/thread.h"
#include "tests/testing/etcd_process.h"

namespace paramd {
namespace {

std::shared_ptr<EtcdClient> ClientOf(std::vector<std::string> endpoints,
                                     absl::Duration timeout = absl::Seconds(10)) {
  return std::make_shared<EtcdClient>(std::move(endpoints), timeout);
}

EtcdStore StoreIn(const EtcdProcess& etcd) { return {ClientOf({etcd.address()}), "/paramd/test/"}; }

// Changes a number in `store` by one, again and again until it is done.
void AddOne(Store& store) {
  while (true) {
    const absl::StatusOr<Store::Value> value = store.Get("sum");
    if (!value.ok()) continue;
    int sum = 0;
    (void)absl::SimpleAtoi(value->data, &sum);
    const absl::Status added =
        store.CompareAndSwap("sum", value->version, absl::StrCat(sum + 1)).status();
    if (added.ok()) return;
    // Nothing breaks here, so nothing is unknown.
    if (!absl::IsAborted(added)) throw std::runtime_error(added.ToString());
  }
}

void AddMany(Store& store, int times) {
  for (int i = 0; i < times; ++i) AddOne(store);
}

TEST_CASE("a key that was never written has version 0, others only change at their version") {
  EtcdProcess etcd;
  EtcdStore store = StoreIn(etcd);
  CHECK(store.Get("job")->version == 0);
  CHECK(store.Get("job")->data.empty());
  const std::string data("a\0b", 3);
  const uint64_t first = *store.CompareAndSwap("job", 0, data);
  CHECK(first > 0);
  CHECK(store.Get("job")->version == first);
  CHECK(store.Get("job")->data == data);
  CHECK(store.CompareAndSwap("job", 0, "two").status().code() == absl::StatusCode::kAborted);
  CHECK(store.CompareAndSwap("job", first + 1, "two").status().code() ==
        absl::StatusCode::kAborted);
  CHECK(store.Get("job")->data == data);
  const uint64_t second = *store.CompareAndSwap("job", first, "two");
  CHECK(second > first);
  CHECK(store.Get("job")->data == "two");
  CHECK(store.Get("other")->version == 0);
}

TEST_CASE("values and versions survive a restart, and versions do not come back") {
  EtcdProcess etcd;
  EtcdStore store = StoreIn(etcd);
  const uint64_t version = *store.CompareAndSwap("job", 0, "one");
  etcd.Kill();
  etcd.Start();
  CHECK(store.Get("job")->version == version);
  CHECK(store.Get("job")->data == "one");

  // Somebody deletes the key: one that is written anew has a larger version.
  EtcdClient client({etcd.address()}, absl::Seconds(10));
  etcdserverpb::TxnRequest removal;
  removal.add_success()->mutable_request_delete_range()->set_key("/paramd/test/job");
  REQUIRE(client.Txn(removal).ok());
  CHECK(store.CompareAndSwap("job", version, "two").status().code() == absl::StatusCode::kAborted);
  CHECK(*store.CompareAndSwap("job", 0, "two") > version);
}

TEST_CASE("a value of somebody else is not taken for one of ours") {
  EtcdProcess etcd;
  EtcdClient client({etcd.address()}, absl::Seconds(10));
  etcdserverpb::TxnRequest request;
  request.add_success()->mutable_request_put()->set_key("/paramd/test/job");
  request.mutable_success(0)->mutable_request_put()->set_value("something else, and not short");
  REQUIRE(client.Txn(request).ok());
  EtcdStore store = StoreIn(etcd);
  CHECK(store.Get("job").status().code() == absl::StatusCode::kDataLoss);
  CHECK(store.CompareAndSwap("job", 0, "mine").status().code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("two stores that race, two threads each, lose nothing and count nothing twice") {
  EtcdProcess etcd;
  EtcdStore one = StoreIn(etcd), two = StoreIn(etcd);
  constexpr int kTimes = 25;
  {
    Thread a("a", [&] { AddMany(one, kTimes); });
    Thread b("b", [&] { AddMany(one, kTimes); });
    Thread c("c", [&] { AddMany(two, kTimes); });
    Thread d("d", [&] { AddMany(two, kTimes); });
  }
  CHECK(one.Get("sum")->data == absl::StrCat(4 * kTimes));
}

TEST_CASE("an endpoint that is not there gives way to the next") {
  EtcdProcess etcd;
  EtcdStore store(ClientOf({EtcdProcess::FreeAddress(), etcd.address()}), "/");
  const absl::StatusOr<uint64_t> version = store.CompareAndSwap("job", 0, "one");
  REQUIRE(version.ok());
  CHECK(store.Get("job")->data == "one");
  // A broken connection is no failure either.
  etcd.Kill();
  etcd.Start();
  CHECK(store.CompareAndSwap("job", *version, "two").ok());
}

TEST_CASE("nobody answers: UNAVAILABLE, with the endpoints' names") {
  const std::string address = EtcdProcess::FreeAddress();
  EtcdStore store(ClientOf({address}), "/");
  const absl::Status status = store.Get("job").status();
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(status.message()).find(address) != std::string::npos);
}

TEST_CASE("a value that etcd does not take is refused, not repeated") {
  EtcdProcess etcd;
  EtcdStore store = StoreIn(etcd);
  const absl::Status status = store.CompareAndSwap("job", 0, std::string(4 << 20, 'x')).status();
  CHECK_FALSE(status.ok());
  CHECK(status.code() != absl::StatusCode::kUnavailable);
  CHECK(status.code() != absl::StatusCode::kAborted);
  CHECK(*store.CompareAndSwap("job", 0, "small") > 0);
}

TEST_CASE("a swap whose answer is lost is unknown, and goes on when etcd is there again") {
  EtcdProcess etcd;
  EtcdStore other = StoreIn(etcd);
  EtcdStore store(ClientOf({etcd.address()}, absl::Milliseconds(300)), "/paramd/test/");
  const uint64_t version = *other.CompareAndSwap("job", 0, "zero");
  CHECK(store.Get("job")->version == version);
  etcd.Signal(SIGSTOP);
  // These wait in the sockets of the stopped process: some of them are done when it goes on.
  for (int attempt = 0; attempt < 3; ++attempt) {
    CHECK(store.CompareAndSwap("job", version, absl::StrCat("lost ", attempt)).status().code() ==
          absl::StatusCode::kUnavailable);
  }
  etcd.Signal(SIGCONT);
  absl::StatusOr<uint64_t> last = absl::UnavailableError("");
  while (absl::IsUnavailable(last.status())) last = store.CompareAndSwap("job", version, "last");
  REQUIRE(last.ok());
  CHECK(other.Get("job")->data == "last");
  CHECK(other.Get("job")->version == *last);
  // Whatever was still under way came too late.
  CHECK(other.CompareAndSwap("job", *last, "after").ok());
  CHECK(store.CompareAndSwap("job", *last, "too late").status().code() ==
        absl::StatusCode::kAborted);
}

TEST_CASE("a swap that was done although it seemed lost is not done over another's") {
  EtcdProcess etcd;
  EtcdStore other = StoreIn(etcd);
  EtcdStore store(ClientOf({etcd.address()}, absl::Milliseconds(300)), "/paramd/test/");
  const uint64_t version = *other.CompareAndSwap("job", 0, "zero");
  etcd.Signal(SIGSTOP);
  CHECK(store.CompareAndSwap("job", version, "lost").status().code() ==
        absl::StatusCode::kUnavailable);
  etcd.Signal(SIGCONT);
  // Another one changes the value, over whichever it finds.
  while (true) {
    const Store::Value value = *other.Get("job");
    if (other.CompareAndSwap("job", value.version, "theirs").ok()) break;
  }
  absl::Status status = absl::UnavailableError("");
  while (absl::IsUnavailable(status))
    status = store.CompareAndSwap("job", version, "mine").status();
  CHECK(status.code() == absl::StatusCode::kAborted);
  CHECK(other.Get("job")->data == "theirs");
}

}  // namespace
}  // namespace paramd
