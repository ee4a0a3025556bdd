#include "server/storage/operation_log.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "tests/server/storage/operation_logs.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

TEST_CASE("What is reported as written is read back, for every policy") {
  for (const Sync sync : {Sync::kAlways, Sync::kInterval, Sync::kNever}) {
    TempDir dir;
    const std::string folder = dir.File("log");
    const auto log = OpenLog({.folder = folder, .sync = sync});
    CHECK(Append(*log, "a") == 1);
    CHECK(*log->Append({"b", "", "c"}) == 2);
    CHECK(*log->Append({}) == 3);
    CHECK(Await(*log, 3, Reach::kWritten).ok());
    CHECK(Recover(CopyOf(dir, folder)).records == Strings{"a", "bc", ""});
    CHECK(log->queued_bytes() == 0);
    CHECK(log->bytes() == *FileSize(folder + "/000000000001.log"));
  }
}

TEST_CASE("A log goes on where it was") {
  TempDir dir;
  const LogOptions options{.folder = dir.File("log")};
  Strings expected;
  for (int round = 0; round < 4; ++round) {
    Strings records;
    const auto log = OpenLog(options, &records);
    CHECK(records == expected);
    expected.push_back(absl::StrCat("round ", round));
    Append(*log, expected.back());
  }
  const Recovered recovered = Recover(options.folder);
  CHECK(recovered.records == expected);
  CHECK(recovered.segments->size() == 4);
}

TEST_CASE("A folder without a log has no records; an error of the visitor is returned") {
  TempDir dir;
  CHECK(Recover(dir.path()).segments->empty());
  CHECK(absl::IsNotFound(Recover(dir.File("b")).segments.status()));
  { Append(*OpenLog({.folder = dir.path()}), "a"); }
  const auto refuse = [](absl::string_view) { return absl::InternalError("no"); };
  CHECK(absl::IsInternal(RecoverLog(dir.path(), refuse).status()));
  CHECK(absl::IsInternal(OperationLog::Open({.folder = dir.path()}, refuse).status()));
}

TEST_CASE("A folder has one log at a time") {
  TempDir dir;
  const auto visitor = [](absl::string_view) { return absl::OkStatus(); };
  auto log = OpenLog({.folder = dir.path()});
  const absl::Status status = OperationLog::Open({.folder = dir.path()}, visitor).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(absl::StrContains(status.message(), dir.path()));
  log.reset();
  CHECK(OperationLog::Open({.folder = dir.path()}, visitor).ok());
}

TEST_CASE("Records of many threads are in the order of their positions") {
  TempDir dir;
  constexpr int kThreads = 4, kRecords = 500;
  std::vector<std::vector<uint64_t>> positions(kThreads);
  std::vector<std::atomic<int>> called(kThreads * kRecords);
  {
    const auto log = OpenLog({.folder = dir.path(), .max_queued_bytes = 4096});
    std::vector<std::unique_ptr<Thread>> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.push_back(std::make_unique<Thread>("append", [&, t] {
        for (int i = 0; i < kRecords; ++i) {
          positions[t].push_back(Append(*log, absl::StrCat(t, " ", i)));
          log->Notify(positions[t].back(), i % 2 == 0 ? Reach::kWritten : Reach::kSynced,
                      [&count = called[t * kRecords + i]](const absl::Status& status) {
                        if (status.ok()) ++count;
                      });
        }
      }));
    }
  }
  Strings expected(kThreads * kRecords);
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kRecords; ++i) expected[positions[t][i] - 1] = absl::StrCat(t, " ", i);
    CHECK(std::is_sorted(positions[t].begin(), positions[t].end()));
  }
  CHECK(Recover(dir.path()).records == expected);
  CHECK(std::all_of(called.begin(), called.end(), [](const auto& count) { return count == 1; }));
}

TEST_CASE("Callbacks come in the order of the positions, whoever asked first") {
  TempDir dir;
  std::vector<uint64_t> order;
  {
    Notification blocked, go_on;
    const auto log = OpenLog({.folder = dir.path()});
    log->Notify(Append(*log, "first"), Reach::kWritten, [&](const absl::Status&) {
      blocked.Notify();
      go_on.Wait();
    });
    blocked.Wait();
    for (int i = 0; i < 6; ++i) Append(*log, "x");
    for (const uint64_t position : {7, 2, 4, 3, 6, 5}) {
      log->Notify(position, Reach::kWritten,
                  [&order, position](const absl::Status&) { order.push_back(position); });
    }
    go_on.Notify();
  }
  CHECK(order == std::vector<uint64_t>{2, 3, 4, 5, 6, 7});
}

TEST_CASE("What has gathered meanwhile is written in one go") {
  TempDir dir;
  Notification blocked, go_on;
  std::vector<uint64_t> sizes;
  const auto log = OpenLog({.folder = dir.path()});
  log->Notify(Append(*log, "first"), Reach::kWritten, [&](const absl::Status&) {
    blocked.Notify();
    go_on.Wait();
  });
  blocked.Wait();
  const uint64_t bytes = log->bytes();
  // More than one system call takes.
  for (int i = 0; i < 3000; ++i) {
    log->Notify(Append(*log, absl::StrCat(i)), Reach::kWritten,
                [&](const absl::Status&) { sizes.push_back(log->bytes()); });
  }
  CHECK(log->bytes() == bytes);
  go_on.Notify();
  REQUIRE(Await(*log, 3001, Reach::kWritten).ok());
  CHECK(sizes == std::vector<uint64_t>(3000, log->bytes()));
}

TEST_CASE("Appending waits while too much is queued") {
  TempDir dir;
  constexpr uint64_t kLimit = 1000;
  Notification blocked, appended_some, go_on;
  const auto log = OpenLog({.folder = dir.path(), .max_queued_bytes = kLimit});
  log->Notify(Append(*log, "first"), Reach::kWritten, [&](const absl::Status&) {
    blocked.Notify();
    go_on.Wait();
  });
  blocked.Wait();
  std::atomic<uint64_t> most{0};
  Thread thread("append", [&] {
    for (int i = 0; i < 50; ++i) {
      Append(*log, std::string(300, 'x'));
      most = std::max<uint64_t>(most, log->queued_bytes());
      if (i == 2) appended_some.Notify();
    }
  });
  appended_some.Wait();
  go_on.Notify();
  thread.Join();
  CHECK(most <= kLimit);
  CHECK(most > kLimit / 2);
  // One that is larger than the limit goes alone.
  CHECK(Await(*log, Append(*log, std::string(5 * kLimit, 'y')), Reach::kWritten).ok());
}

TEST_CASE("By interval, what is written is synced when the interval is over") {
  TempDir dir;
  ManualClock clock;
  const auto log =
      OpenLog({.folder = dir.path(), .interval = absl::Milliseconds(5), .clock = &clock});
  const uint64_t position = Append(*log, "a");
  std::atomic<bool> synced{false};
  Notification called;
  log->Notify(position, Reach::kSynced, [&](const absl::Status& status) {
    synced = status.ok();
    called.Notify();
  });
  REQUIRE(Await(*log, position, Reach::kWritten).ok());
  // Another round of the log's thread, at the same time as before.
  REQUIRE(Await(*log, Append(*log, "b"), Reach::kWritten).ok());
  CHECK_FALSE(synced);
  clock.Advance(absl::Milliseconds(5));
  called.Wait();
  CHECK(synced);
}

TEST_CASE("With the policy never, nothing is synced before Rotate") {
  TempDir dir;
  std::atomic<bool> synced{false};
  const auto log = OpenLog({.folder = dir.path(), .sync = Sync::kNever});
  const uint64_t position = Append(*log, "a");
  log->Notify(position, Reach::kSynced, [&](const absl::Status& status) { synced = status.ok(); });
  REQUIRE(Await(*log, position, Reach::kWritten).ok());
  REQUIRE(Await(*log, Append(*log, "b"), Reach::kWritten).ok());
  CHECK_FALSE(synced);
  REQUIRE(log->Rotate().ok());
  REQUIRE(Await(*log, position, Reach::kSynced).ok());
  CHECK(synced);
}

TEST_CASE("A process that is killed has lost nothing that was reported as written") {
  TempDir dir;
  int report[2];
  REQUIRE(pipe(report) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(report[0]);  // it ends when there is no other end any more
    const auto log = OpenLog({.folder = dir.File("log"), .sync = Sync::kNever});
    for (uint32_t i = 0;; ++i) {
      const uint64_t position = Append(*log, absl::StrCat("record ", i));
      log->Notify(position, Reach::kWritten, [&, i](const absl::Status& status) {
        if (status.ok() && write(report[1], &i, sizeof(i)) != sizeof(i)) _exit(1);
      });
    }
  }
  close(report[1]);
  uint32_t last = 0;
  while (last < 1000 && read(report[0], &last, sizeof(last)) == sizeof(last)) {
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  while (read(report[0], &last, sizeof(last)) == sizeof(last)) {
  }
  close(report[0]);
  REQUIRE(last >= 1000);
  const Strings records = Recover(dir.File("log")).records;
  CHECK(records.size() > last);
  CHECK(records == Numbers(0, static_cast<int>(records.size())));
}

}  // namespace
}  // namespace paramd
