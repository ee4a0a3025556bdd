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
#include "common/base/random.h"
#include "common/base/thread.h"
#include "server/storage/log_recovery.h"
#include "server/storage/operation_log.h"
#include "tests/server/storage/file_size_limit.h"
#include "tests/server/storage/operation_logs.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

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
