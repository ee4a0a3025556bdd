#include "worker/inbox.h"

#include <catch2/catch.hpp>

#include "common/base/thread.h"

namespace paramd {
namespace {

v1::CoordinatorMessage GrantOf(uint64_t lease) {
  v1::CoordinatorMessage message;
  message.mutable_work_grant()->set_lease(lease);
  return message;
}

v1::CoordinatorMessage NoWork(uint64_t request) {
  v1::CoordinatorMessage message;
  message.mutable_no_work()->set_request(request);
  return message;
}

TEST_CASE("grants come in order, and a repeated one counts once") {
  Inbox inbox;
  inbox.Deliver(GrantOf(3));
  inbox.Deliver(GrantOf(5));
  inbox.Deliver(GrantOf(3));
  CHECK(inbox.WaitForGrant()->lease() == 3);
  CHECK(inbox.WaitForAnswer()->lease() == 5);
  inbox.ExpectAnswer(1);
  inbox.Deliver(NoWork(1));
  CHECK_FALSE(inbox.WaitForAnswer().has_value());
}

TEST_CASE("a lease is revoked before or after it is taken") {
  Inbox inbox;
  v1::CoordinatorMessage revoke;
  revoke.mutable_revoke_lease()->set_lease(4);
  inbox.Deliver(GrantOf(4));
  CHECK_FALSE(inbox.IsRevoked(4));
  inbox.Deliver(revoke);
  CHECK(inbox.IsRevoked(4));
  CHECK(inbox.WaitForGrant()->lease() == 4);
  CHECK(inbox.IsRevoked(4));
  CHECK_FALSE(inbox.IsRevoked(5));
}

TEST_CASE("a repeated answer to an earlier request answers no later one") {
  Inbox inbox;
  inbox.ExpectAnswer(1);
  inbox.Deliver(NoWork(1));
  inbox.ExpectAnswer(2);
  inbox.Deliver(NoWork(1));
  Thread grants("grants", [&] { inbox.Deliver(GrantOf(1)); });
  CHECK(inbox.WaitForAnswer()->lease() == 1);
}

TEST_CASE("a start that came before it was expected is forgotten") {
  Inbox inbox;
  v1::CoordinatorMessage start;
  start.mutable_start();
  inbox.Deliver(start);
  inbox.ExpectStart();
  Thread starts("starts", [&] { inbox.Deliver(start); });
  CHECK(inbox.WaitForStart());
}

TEST_CASE("the end releases whoever waits, and the first end counts") {
  Inbox inbox;
  Thread ends("ends", [&] {
    v1::CoordinatorMessage message;
    message.mutable_job()->set_state(v1::FAILED);
    message.mutable_job()->set_message("first");
    inbox.Deliver(message);
    message.mutable_job()->set_message("second");
    inbox.Deliver(message);
  });
  CHECK_FALSE(inbox.WaitForWelcome().has_value());
  CHECK_FALSE(inbox.WaitForGrant().has_value());
  inbox.ExpectAnswer(1);
  CHECK_FALSE(inbox.WaitForAnswer().has_value());
  CHECK_FALSE(inbox.WaitForStart());
  ends.Join();
  CHECK(inbox.WaitForEnd().message() == "first");
  inbox.Deliver(GrantOf(1));
  CHECK_FALSE(inbox.WaitForGrant().has_value());
}

TEST_CASE("the newest view counts") {
  Inbox inbox;
  for (const uint64_t version : {2, 3, 1}) {
    v1::CoordinatorMessage message;
    message.mutable_view()->set_version(version);
    inbox.Deliver(message);
  }
  CHECK(inbox.view().version() == 3);
}

}  // namespace
}  // namespace paramd
