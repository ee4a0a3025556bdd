#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "server/storage/log_recovery.h"
#include "server/storage/operation_log.h"
#include "tests/server/storage/record_files.h"
#include "tests/testing/temp_dir.h"

namespace paramd {

using Reach = OperationLog::Reach;
using Sync = LogOptions::Sync;
using Strings = std::vector<std::string>;

struct Recovered {
  Strings records;
  absl::StatusOr<std::vector<RecoveredSegment>> segments;
};

inline Recovered Recover(const std::string& folder) {
  Recovered recovered;
  recovered.segments = RecoverLog(folder, [&](absl::string_view record) {
    recovered.records.emplace_back(record);
    return absl::OkStatus();
  });
  return recovered;
}

inline std::unique_ptr<OperationLog> OpenLog(LogOptions options, Strings* records = nullptr) {
  auto log = OperationLog::Open(options, [&](absl::string_view record) {
    if (records != nullptr) records->emplace_back(record);
    return absl::OkStatus();
  });
  Require(log.status());
  return *std::move(log);
}

inline uint64_t Append(OperationLog& log, const std::string& record) {
  const auto position = log.Append({record});
  Require(position.status());
  return *position;
}

inline absl::Status Await(OperationLog& log, uint64_t position, Reach reach) {
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
inline std::string CopyOf(const TempDir& dir, const std::string& folder) {
  const std::string copy = dir.File("copy");
  std::filesystem::remove_all(copy);
  std::filesystem::copy(folder, copy);
  return copy;
}

inline Strings Numbers(int from, int to) {
  Strings numbers;
  for (int i = from; i < to; ++i) numbers.push_back(absl::StrCat("record ", i));
  return numbers;
}

inline void AppendAll(OperationLog& log, const Strings& records) {
  uint64_t last = 0;
  for (const std::string& record : records) last = Append(log, record);
  Require(Await(log, last, Reach::kWritten));
}

}  // namespace paramd
