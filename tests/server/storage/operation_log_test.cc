#include "server/storage/operation_log.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/base/thread.h"
#include "server/storage/log_recovery.h"
#include "tests/server/storage/file_size_limit.h"
#include "tests/server/storage/record_files.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

using Reach = OperationLog::Reach;
using Sync = LogOptions::Sync;
using Strings = std::vector<std::string>;

struct Recovered {
  Strings records;
  absl::StatusOr<std::vector<RecoveredSegment>> segments;
};

Recovered Recover(const std::string& folder) {
  Recovered recovered;
  recovered.segments = RecoverLog(folder, [&](absl::string_view record) {
    recovered.records.emplace_back(record);
    return absl::OkStatus();
  });
  return recovered;
}

std::unique_ptr<OperationLog> OpenLog(LogOptions options, Strings* records = nullptr) {
  auto log = OperationLog::Open(options, [&](absl::string_view record) {
    if (records != nullptr) records->emplace_back(record);
    return absl::OkStatus();
  });
  Require(log.status());
  return *std::move(log);
}

uint64_t Append(OperationLog& log, const std::string& record) {
  const auto position = log.Append({record});
  Require(position.status());
  return *position;
}

absl::Status Await(OperationLog& log, uint64_t position, Reach reach) {
  Notification called;
  absl::Status outcome;
  log.Notify(position, reach, [&](const absl::Status& status) {
    outcome = status;
    called.Notify();
  });
  called.Wait();
  return outcome;
}

// What a kill -9 would leave now.
std::string CopyOf(const TempDir& dir, const std::string& folder) {
  const std::string copy = dir.File("copy");
  std::filesystem::remove_all(copy);
  std::filesystem::copy(folder, copy);
  return copy;
}

Strings Numbers(int from, int to) {
  Strings numbers;
  for (int i = from; i < to; ++i) numbers.push_back(absl::StrCat("record ", i));
  return numbers;
}

void AppendAll(OperationLog& log, const Strings& records) {
  uint64_t last = 0;
  for (const std::string& record : records) last = Append(log, record);
  Require(Await(log, last, Reach::kWritten));
}

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
    const auto log = OpenLog({.folder = dir.path()});
    Notification blocked, go_on;
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
  const auto log = OpenLog({.folder = dir.path()});
  Notification blocked, go_on;
  log->Notify(Append(*log, "first"), Reach::kWritten, [&](const absl::Status&) {
    blocked.Notify();
    go_on.Wait();
  });
  blocked.Wait();
  const uint64_t bytes = log->bytes();
  std::vector<uint64_t> sizes;
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
  const auto log = OpenLog({.folder = dir.path(), .max_queued_bytes = kLimit});
  Notification blocked, appended_some, go_on;
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
  const auto log = OpenLog({.folder = dir.path(), .sync = Sync::kNever});
  const uint64_t position = Append(*log, "a");
  std::atomic<bool> synced{false};
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

TEST_CASE("A log begins anew with the copies in a new segment") {
  TempDir dir;
  const std::string folder = dir.File("log");
  const auto log = OpenLog({.folder = folder});
  AppendAll(*log, {"old 1", "old 2"});
  const uint64_t segment = *log->Rotate();
  CHECK(segment == 2);
  AppendAll(*log, {"copy 1", "new 1"});
  // Until it is said, all of it counts.
  CHECK(Recover(CopyOf(dir, folder)).records == Strings{"old 1", "old 2", "copy 1", "new 1"});
  const uint64_t bytes = log->bytes();
  REQUIRE(log->RemoveBefore(segment).ok());
  CHECK(log->bytes() < bytes);
  CHECK(Recover(CopyOf(dir, folder)).records == Strings{"copy 1", "new 1"});
  CHECK_FALSE(FileSize(folder + "/000000000001.log").ok());
  AppendAll(*log, {"new 2"});
  CHECK(Recover(CopyOf(dir, folder)).records == Strings{"copy 1", "new 1", "new 2"});
  REQUIRE(log->RemoveBefore(segment).ok());
  CHECK(absl::IsFailedPrecondition(log->RemoveBefore(1)));
  CHECK(absl::IsFailedPrecondition(log->RemoveBefore(3)));
}

TEST_CASE("An end in the middle of beginning anew leaves the old or the new log") {
  TempDir dir;
  const std::string folder = dir.File("log");
  {
    const auto log = OpenLog({.folder = folder});
    AppendAll(*log, {"old 1"});
    REQUIRE(*log->Rotate() == 2);
    AppendAll(*log, {"old 2"});
    REQUIRE(*log->Rotate() == 3);
    AppendAll(*log, {"copy", "new"});
  }
  // After the rename, before anything is removed, and after the oldest is.
  std::filesystem::rename(folder + "/000000000003.log", folder + "/000000000003.base");
  CHECK(Recover(folder).records == Strings{"copy", "new"});
  std::filesystem::remove(folder + "/000000000001.log");
  CHECK(Recover(folder).records == Strings{"copy", "new"});
  Strings records;
  OpenLog({.folder = folder}, &records);
  CHECK(records == Strings{"copy", "new"});
  CHECK_FALSE(FileSize(folder + "/000000000002.log").ok());
}

TEST_CASE("A log that is cut at any length has a beginning of its records") {
  TempDir dir;
  const std::string folder = dir.File("log");
  const Strings records = Numbers(0, 6);
  {
    const auto log = OpenLog({.folder = folder});
    AppendAll(*log, Numbers(0, 3));
    REQUIRE(log->Rotate().ok());
    AppendAll(*log, Numbers(3, 6));
  }
  const std::string last = folder + "/000000000002.log";
  for (size_t length = *FileSize(last); length-- > 0;) {
    std::filesystem::resize_file(last, length);
    const Recovered recovered = Recover(folder);
    REQUIRE(recovered.segments.ok());
    REQUIRE(recovered.records.size() >= 3);
    REQUIRE(recovered.records == Numbers(0, static_cast<int>(recovered.records.size())));
  }
  // What was cut is written over, or stays and is passed over.
  Strings read;
  Append(*OpenLog({.folder = folder}, &read), "record 3");
  CHECK(read == Numbers(0, 3));
  CHECK(Recover(folder).records == Numbers(0, 4));
}

TEST_CASE("A torn end stays behind when the log goes on in the next segment") {
  TempDir dir;
  const std::string folder = dir.File("log");
  { AppendAll(*OpenLog({.folder = folder}), Numbers(0, 3)); }
  const std::string first = folder + "/000000000001.log";
  std::filesystem::resize_file(first, *FileSize(first) - 1);
  { Append(*OpenLog({.folder = folder}), "record 2 again"); }
  CHECK(Recover(folder).records == Strings{"record 0", "record 1", "record 2 again"});
}

TEST_CASE("A segment in the middle that was cut is damage") {
  TempDir dir;
  const std::string folder = dir.File("log");
  {
    const auto log = OpenLog({.folder = folder});
    AppendAll(*log, Numbers(0, 3));
    REQUIRE(log->Rotate().ok());
    AppendAll(*log, Numbers(3, 4));
  }
  const std::string first = folder + "/000000000001.log";
  for (size_t length = *FileSize(first); length-- > 0;) {
    std::filesystem::resize_file(first, length);
    const absl::Status status = Recover(folder).segments.status();
    REQUIRE(absl::IsDataLoss(status));
    REQUIRE(absl::StrContains(status.message(), first));
  }
}

TEST_CASE("A flipped byte anywhere in a log is damage") {
  TempDir dir;
  const std::string folder = dir.File("log");
  {
    const auto log = OpenLog({.folder = folder});
    AppendAll(*log, Numbers(0, 2));
    REQUIRE(log->Rotate().ok());
    AppendAll(*log, Numbers(2, 4));
  }
  for (const std::string name : {"/000000000001.log", "/000000000002.log"}) {
    const std::string content = *ReadFile(folder + name);
    for (size_t at = 0; at < content.size(); ++at) {
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      Replace(folder + name, damaged);
      const Recovered recovered = Recover(folder);
      REQUIRE(absl::IsDataLoss(recovered.segments.status()));
      REQUIRE(absl::StrContains(recovered.segments.status().message(), folder + name));
      REQUIRE(recovered.records == Numbers(0, static_cast<int>(recovered.records.size())));
    }
    Replace(folder + name, content);
  }
}

TEST_CASE("A segment that is missing is named") {
  TempDir dir;
  const std::string folder = dir.File("log");
  {
    const auto log = OpenLog({.folder = folder});
    REQUIRE(log->Rotate().ok());
    REQUIRE(log->Rotate().ok());
  }
  std::filesystem::remove(folder + "/000000000002.log");
  const absl::Status gap = Recover(folder).segments.status();
  CHECK(absl::IsDataLoss(gap));
  CHECK(absl::StrContains(gap.message(), "segment 2 is missing"));
  std::filesystem::remove(folder + "/000000000001.log");
  const absl::Status beginning = Recover(folder).segments.status();
  CHECK(absl::IsDataLoss(beginning));
  CHECK(absl::StrContains(beginning.message(), "has no beginning"));
}

TEST_CASE("A segment under another's name is damage") {
  TempDir dir;
  const std::string folder = dir.File("log");
  {
    const auto log = OpenLog({.folder = folder});
    REQUIRE(log->Rotate().ok());
  }
  std::filesystem::copy_file(folder + "/000000000002.log", folder + "/000000000003.log");
  const absl::Status status = Recover(folder).segments.status();
  CHECK(absl::IsDataLoss(status));
  CHECK(absl::StrContains(status.message(), "000000000003.log is not segment 3"));
}

// A log whose file may not grow beyond 2,000 bytes, until records of 100 bytes were lost.
Strings FillUp(OperationLog& log) {
  Strings written;
  FileSizeLimit limit(2000);
  for (int i = 0;; ++i) {
    const std::string record = absl::StrCat(i, std::string(100, 'x'));
    const absl::StatusOr<uint64_t> position = log.Append({record});
    if (!position.ok()) return written;
    if (Await(log, *position, Reach::kWritten).ok()) written.push_back(record);
  }
}

TEST_CASE("A file that cannot grow makes the log failed, and says so") {
  TempDir dir;
  const std::string folder = dir.File("log");
  Strings written;
  {
    const auto log = OpenLog({.folder = folder});
    written = FillUp(*log);
    CHECK(written.size() > 10);
    const std::string reason = absl::StrCat("write ", folder, "/000000000001.log: File too large");
    CHECK(log->status().message() == reason);
    CHECK(absl::IsResourceExhausted(log->Append({"x"}).status()));
    const uint64_t lost = written.size() + 1;
    CHECK(Await(*log, lost, Reach::kWritten).message() == reason);
    CHECK(Await(*log, lost, Reach::kSynced).message() == reason);
    CHECK(Await(*log, lost - 1, Reach::kWritten).ok());
    CHECK(log->RemoveBefore(1).message() == reason);
    CHECK(Recover(CopyOf(dir, folder)).records == written);
  }
  CHECK(Recover(folder).records == written);
}

TEST_CASE("A failed log goes on in a new segment, which what was torn does not hide") {
  TempDir dir;
  const std::string folder = dir.File("log");
  const auto log = OpenLog({.folder = folder, .sync = Sync::kAlways});
  Strings written = FillUp(*log);
  const uint64_t lost = written.size() + 1;
  const uint64_t segment = *log->Rotate();
  CHECK(log->status().ok());
  AppendAll(*log, {"copy", "new"});
  CHECK(Await(*log, lost, Reach::kWritten).code() == absl::StatusCode::kResourceExhausted);
  CHECK(Await(*log, lost - 1, Reach::kWritten).ok());
  written.insert(written.end(), {"copy", "new"});
  CHECK(Recover(CopyOf(dir, folder)).records == written);
  // It can begin where nothing was lost since.
  CHECK(absl::IsFailedPrecondition(log->RemoveBefore(segment - 1)));
  CHECK(log->RemoveBefore(segment).ok());
  CHECK(Recover(CopyOf(dir, folder)).records == Strings{"copy", "new"});
}

TEST_CASE("Waiting appends of a log that fails return its error") {
  TempDir dir;
  const auto log = OpenLog({.folder = dir.path(), .max_queued_bytes = 1000});
  FileSizeLimit limit(3000);
  absl::Status outcome;
  Thread thread("append", [&] {
    while (outcome.ok()) outcome = log->Append({std::string(900, 'x')}).status();
  });
  thread.Join();
  CHECK(absl::IsResourceExhausted(outcome));
}

// A log whose next segment is `device`, which fails as `reason` says.
void CheckRotationFails(const std::string& device, absl::string_view reason) {
  TempDir dir;
  const std::string folder = dir.File("log");
  const auto log = OpenLog({.folder = folder});
  AppendAll(*log, {"a"});
  const std::string next = folder + "/000000000002.log";
  std::filesystem::create_symlink(device, next);
  const absl::Status status = log->Rotate().status();
  CHECK(absl::StrContains(status.message(), next));
  CHECK(absl::EndsWith(status.message(), reason));
  CHECK(log->Append({"b"}).status() == status);
  CHECK(log->Rotate().status() == status);
  std::filesystem::remove(next);
  CHECK(*log->Rotate() == 2);
  AppendAll(*log, {"c"});
  CHECK(Recover(CopyOf(dir, folder)).records == Strings{"a", "c"});
}

TEST_CASE("A new segment that cannot be written fails the log; a further try may succeed") {
  CheckRotationFails("/dev/full", ": No space left on device");
}

TEST_CASE("A new segment that cannot be synced fails the log; a further try may succeed") {
  CheckRotationFails("/dev/null", ": Invalid argument");
}

TEST_CASE("A folder that disappears fails the log with its name") {
  TempDir dir;
  const std::string folder = dir.File("log");
  const auto log = OpenLog({.folder = folder});
  std::filesystem::remove_all(folder);
  const absl::Status status = log->Rotate().status();
  CHECK(absl::IsNotFound(status));
  CHECK(absl::StrContains(status.message(), folder));
}

TEST_CASE("A record above 1 GiB is refused and the log goes on") {
  TempDir dir;
  const auto log = OpenLog({.folder = dir.path()});
  const std::string piece(1 << 20, 'x');
  const std::vector<absl::string_view> pieces(1025, piece);
  CHECK(absl::IsInvalidArgument(log->Append(pieces).status()));
  AppendAll(*log, {"a"});
  CHECK(Recover(dir.path()).records == Strings{"a"});
}

TEST_CASE("Beginning anew again and again, while others append, loses nothing") {
  TempDir dir;
  const std::string folder = dir.File("log");
  constexpr int kRecords = 2000;
  {
    const auto log = OpenLog({.folder = folder});
    std::atomic<int> appended{0};
    Thread thread("append", [&] {
      for (int i = 0; i < kRecords; ++i) {
        Append(*log, absl::StrCat(i));
        appended = i + 1;
      }
    });
    while (appended < kRecords) {
      const uint64_t segment = *log->Rotate();
      // Says that the records before this one are not needed.
      const int before = appended;
      Append(*log, absl::StrCat("copy of ", before));
      REQUIRE(log->RemoveBefore(segment).ok());
    }
  }
  std::vector<bool> has(kRecords, false);
  for (const std::string& record : Recover(folder).records) {
    absl::string_view number = record;
    int value = 0;
    const bool copy = absl::ConsumePrefix(&number, "copy of ");
    REQUIRE(absl::SimpleAtoi(number, &value));
    if (copy) {
      std::fill(has.begin(), has.begin() + value, true);
    } else {
      has[value] = true;
    }
  }
  CHECK(std::count(has.begin(), has.end(), false) == 0);
}

// A log and what is to be in it, changed by random steps.
class RandomLog {
 public:
  RandomLog(const std::string& folder, uint64_t seed) : random_(seed), options_{.folder = folder} {
    Reopen();
  }

  void Step() {
    switch (random_.NextBelow(6)) {
      case 0:
        return Rotate();
      case 1:
        return RemoveBefore();
      case 2:
        return Reopen();
      case 3:
        return FailAndRotate();
      default:
        return AppendSome();
    }
  }

  // The folder as it is, and with the end of its last segment cut off.
  void CheckCrash(const TempDir& dir) {
    const std::string copy = CopyOf(dir, options_.folder);
    CHECK(Recover(copy).records == expected_);
    const std::string last = Recover(copy).segments->back().path;
    std::filesystem::resize_file(last, random_.NextBelow(*FileSize(last) + 1));
    const Recovered cut = Recover(copy);
    if (absl::IsDataLoss(cut.segments.status())) {
      // A beginning is on the disk before it is one.
      CHECK(absl::EndsWith(last, ".base"));
      CHECK(absl::StrContains(cut.segments.status().message(), "is cut before its first record"));
      return;
    }
    REQUIRE(cut.segments.ok());
    CHECK(cut.records.size() >= in_older_segments_);
    CHECK(cut.records ==
          Strings(expected_.begin(), expected_.begin() + static_cast<int>(cut.records.size())));
  }

 private:
  void AppendSome() {
    Strings records(1 + random_.NextBelow(5));
    for (std::string& record : records) {
      record = absl::StrCat(++appended_, std::string(random_.NextBelow(700), 'x'));
    }
    AppendAll(*log_, records);
    expected_.insert(expected_.end(), records.begin(), records.end());
  }

  void Rotate() {
    segment_ = *log_->Rotate();
    in_older_segments_ = begin_ = expected_.size();
  }

  void RemoveBefore() {
    if (segment_ == 0) return;
    REQUIRE(log_->RemoveBefore(segment_).ok());
    expected_.erase(expected_.begin(), expected_.begin() + static_cast<int>(begin_));
    in_older_segments_ -= begin_;
    begin_ = 0;
  }

  void Reopen() {
    log_.reset();
    Strings records;
    log_ = OpenLog(options_, &records);
    CHECK(records == expected_);
    segment_ = 0;
    in_older_segments_ = expected_.size();
  }

  void FailAndRotate() {
    {
      const FileSizeLimit limit(1500 + random_.NextBelow(1000));
      absl::Status status;
      while (status.ok()) {
        const std::string record = absl::StrCat(++appended_, std::string(300, 'y'));
        const absl::StatusOr<uint64_t> position = log_->Append({record});
        status = position.ok() ? Await(*log_, *position, Reach::kWritten) : position.status();
        if (status.ok()) expected_.push_back(record);
      }
    }
    CHECK(absl::IsResourceExhausted(log_->status()));
    if (segment_ != 0) CHECK_FALSE(log_->RemoveBefore(segment_).ok());
    Rotate();
  }

  Random random_;
  const LogOptions options_;
  std::unique_ptr<OperationLog> log_;
  Strings expected_;
  int appended_ = 0;
  uint64_t segment_ = 0;          // from the last Rotate; 0: none since it was opened
  size_t begin_ = 0;              // first expected record in segment_
  size_t in_older_segments_ = 0;  // expected records before the last segment
};

TEST_CASE("Whatever happens to a log, it holds what was reported as written") {
  for (const uint64_t seed : {1, 2, 3}) {
    INFO("seed " << seed);
    TempDir dir;
    RandomLog log(dir.File("log"), seed);
    for (int i = 0; i < 40; ++i) {
      log.Step();
      log.CheckCrash(dir);
    }
  }
}

}  // namespace
}  // namespace paramd
