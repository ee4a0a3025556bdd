// What is kept on disk beside what the disk can do. First files: the same bytes written plainly and
// synced, and as records, with and without zstd; seconds are medians of 3, in turns; ratio is to
// the plain file. Then the log for each policy, with as many threads appending: records and MB per
// second, and the time from an append to its callback (on the disk for `always`, else written) of a
// thread that waits for each; ratio is to a plain write (and fdatasync for `always`) of the same
// record. Everything lies below TEST_TMPDIR, or /tmp: a disk, not a tmpfs. MB are 10^6 bytes.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/base/thread.h"
#include "server/storage/operation_log.h"
#include "server/storage/record_file_writer.h"
#include "tests/bench/report.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

constexpr size_t kRecordBytes = size_t{1} << 20;
constexpr int kRecords = 256;

void Require(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status.message() << "\n";
  std::exit(1);
}

void RequireThat(bool condition, absl::string_view what) {
  Require(condition ? absl::OkStatus() : absl::InternalError(what));
}

double Middle(std::vector<double> values, double part = 0.5) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1))];
}

// Rows as a shard has them: ascending keys, each with a parameter and its AdaGrad sum.
std::string Rows(uint64_t seed) {
  Random random(seed);
  std::string rows;
  for (uint64_t key = seed << 32; rows.size() < kRecordBytes;) {
    key += 1 + random.NextBelow(1000);
    const float values[2] = {static_cast<float>(random.NextBelow(1 << 20)) / (1 << 22),
                             static_cast<float>(random.NextBelow(1 << 20)) / 1024};
    rows.append(reinterpret_cast<const char*>(&key), sizeof(key));
    rows.append(reinterpret_cast<const char*>(values), sizeof(values));
  }
  return rows;
}

// A descriptor of a new file.
class PlainFile {
 public:
  explicit PlainFile(const std::string& path)
      : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    RequireThat(fd_ >= 0, path);
  }
  ~PlainFile() { close(fd_); }
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;

  void Write(absl::string_view bytes) {
    RequireThat(write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
                "a write was cut");
  }
  void Sync() { RequireThat(fdatasync(fd_) == 0, "fdatasync"); }

 private:
  const int fd_;
};

void WritePlainly(const std::string& path, const std::vector<std::string>& records) {
  PlainFile file(path);
  for (const std::string& record : records) file.Write(record);
  file.Sync();
}

void WriteRecords(const std::string& path, const std::vector<std::string>& records, int level) {
  auto writer = RecordFileWriter::Create(path, level);
  Require(writer.status());
  for (const std::string& record : records) Require((*writer)->Append({record}));
  Require((*writer)->Finish().status());
}

void MeasureFiles(Report* report) {
  const TempDir folder;
  std::vector<std::string> records;
  for (uint64_t i = 0; i < kRecords; ++i) records.push_back(Rows(i));
  const std::string path = folder.File("a");
  constexpr int kPlain = -1;
  const std::vector<int> levels = {kPlain, 0, 1, 3};
  std::vector<std::vector<double>> seconds(levels.size());
  std::vector<double> file_bytes(levels.size());
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < levels.size(); ++i) {
      seconds[i].push_back(Seconds([&] {
        levels[i] == kPlain ? WritePlainly(path, records) : WriteRecords(path, records, levels[i]);
      }));
      file_bytes[i] = static_cast<double>(std::filesystem::file_size(path));
      std::filesystem::remove(path);
    }
  }
  for (size_t i = 0; i < levels.size(); ++i) {
    const std::string name = levels[i] == kPlain ? "plain write and fdatasync"
                             : levels[i] == 0    ? "records"
                                                 : absl::StrCat("records, zstd ", levels[i]);
    report->Add({{"file", name},
                 {"mb_per_s", kRecords * kRecordBytes / Middle(seconds[i]) / 1e6},
                 {"bytes_ratio", file_bytes[i] / file_bytes[0]},
                 {"ratio", Middle(seconds[0]) / Middle(seconds[i])}});
  }
}

struct Policy {
  const char* name;
  LogOptions::Sync sync;
  OperationLog::Reach reach;
};

void AppendAndWait(OperationLog& log, absl::string_view record, OperationLog::Reach reach,
                   int count) {
  uint64_t last = 0;
  for (int i = 0; i < count; ++i) {
    const auto position = log.Append({record});
    Require(position.status());
    last = *position;
  }
  Notification reached;
  log.Notify(last, reach, [&](const absl::Status& status) {
    Require(status);
    reached.Notify();
  });
  reached.Wait();
}

// Seconds of each of `count` plain writes of the record.
std::vector<double> PlainWrites(const std::string& path, absl::string_view record, bool sync,
                                int count) {
  PlainFile file(path);
  std::vector<double> seconds;
  for (int i = 0; i < count; ++i) {
    seconds.push_back(Seconds([&] {
      file.Write(record);
      if (sync) file.Sync();
    }));
  }
  return seconds;
}

void MeasureLatency(const Policy& policy, const std::string& record, Report* report) {
  const TempDir folder;
  constexpr int kTimes = 300;
  const bool sync = policy.sync == LogOptions::Sync::kAlways;
  const std::vector<double> plain = PlainWrites(folder.File("plain"), record, sync, kTimes);
  auto log = OperationLog::Open({.folder = folder.File("log"), .sync = policy.sync},
                                [](absl::string_view) { return absl::OkStatus(); });
  Require(log.status());
  std::vector<double> seconds;
  for (int i = 0; i < kTimes; ++i) {
    seconds.push_back(Seconds([&] { AppendAndWait(**log, record, policy.reach, 1); }));
  }
  report->Add({{"log", policy.name},
               {"record_bytes", record.size()},
               {"p50_us", Middle(seconds) * 1e6},
               {"p99_us", Middle(seconds, 0.99) * 1e6},
               {"plain_p50_us", Middle(plain) * 1e6},
               {"ratio", Middle(plain) / Middle(seconds)}});
}

void MeasureThroughput(const Policy& policy, const std::string& record, int threads,
                       Report* report) {
  const TempDir folder;
  const int count = static_cast<int>(std::min<size_t>(20'000, (64 << 20) / record.size()));
  auto log = OperationLog::Open({.folder = folder.File("log"), .sync = policy.sync},
                                [](absl::string_view) { return absl::OkStatus(); });
  Require(log.status());
  const double seconds = Seconds([&] {
    std::vector<std::unique_ptr<Thread>> appending;
    for (int i = 0; i < threads; ++i) {
      appending.push_back(std::make_unique<Thread>(
          "append", [&] { AppendAndWait(**log, record, policy.reach, count / threads); }));
    }
  });
  const double records = count / threads * threads;
  report->Add({{"log", policy.name},
               {"record_bytes", record.size()},
               {"threads", threads},
               {"records_per_s", records / seconds},
               {"mb_per_s", records * static_cast<double>(record.size()) / seconds / 1e6}});
}

Report MeasureAll() {
  Report report;
  MeasureFiles(&report);
  const Policy policies[] = {
      {"never", LogOptions::Sync::kNever, OperationLog::Reach::kWritten},
      {"interval", LogOptions::Sync::kInterval, OperationLog::Reach::kWritten},
      {"always", LogOptions::Sync::kAlways, OperationLog::Reach::kSynced}};
  const std::string rows = Rows(0);
  const std::string records[] = {rows.substr(0, 256), rows.substr(0, 16 << 10),
                                 rows.substr(0, 512 << 10)};
  for (const Policy& policy : policies) {
    for (const std::string& record : records) MeasureLatency(policy, record, &report);
  }
  for (const Policy& policy : policies) {
    for (const std::string& record : records) {
      for (const int threads : {1, 4}) MeasureThroughput(policy, record, threads, &report);
    }
  }
  return report;
}

}  // namespace
}  // namespace paramd

int main(int argc, char** argv) { return paramd::MeasureAll().Finish(argc, argv); }
