#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "server/replica/log_link.h"
#include "server/storage/operation_log.h"
#include "server/table/shard.h"

namespace paramd {

// Keeps the operation log of a server such that it holds its shards: begins it anew with copies of
// them when shards came, when it is large, and when it failed. Thread-safe.
class LogKeeper {
 public:
  // A shard that this server is the primary of.
  struct LoggedShard {
    uint32_t table = 0;
    uint32_t shard = 0;
    bool sparse = false;
    std::shared_ptr<Shard> content;
  };

  struct Options {
    LogOptions log;
    OperationLog::Reach reach = OperationLog::Reach::kWritten;
    uint64_t max_bytes = uint64_t{1} << 30;
    uint64_t job = 0;
    Clock* clock = &Clock::System();
  };

  // What is in the log goes to `visitor` first, in order.
  static absl::StatusOr<std::unique_ptr<LogKeeper>> Open(const Options& options,
                                                         const RecordVisitor& visitor);
  ~LogKeeper();

  const std::shared_ptr<OperationLogLink>& link() const { return link_; }

  // The shards from now on. When it returns the log has got those that are new, and pushes to them
  // wait for it.
  void SetShards(std::vector<LoggedShard> shards) ABSL_LOCKS_EXCLUDED(mutex_, anew_mutex_);

  std::string problem() const { return link_->problem(); }

 private:
  LogKeeper(const Options& options, std::unique_ptr<OperationLog> log);

  void Run();
  // Begins the log anew. Whatever goes wrong is tried again later.
  void BeginAnew() ABSL_LOCKS_EXCLUDED(mutex_, anew_mutex_);
  absl::Status TryBeginAnew() ABSL_EXCLUSIVE_LOCKS_REQUIRED(anew_mutex_);
  void AppendCopy(const LoggedShard& shard) ABSL_EXCLUSIVE_LOCKS_REQUIRED(anew_mutex_);

  const Options options_;
  const std::unique_ptr<OperationLog> log_;
  const std::shared_ptr<OperationLogLink> link_;
  // One after the other.
  Mutex anew_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  Mutex mutex_;
  CondVar changed_;
  std::vector<LoggedShard> shards_ ABSL_GUARDED_BY(mutex_);
  // Of the log when it was begun.
  uint64_t bytes_at_begin_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Thread thread_;
};

// The header of the record that says whose shards the log holds, and the job in it (0: another
// record).
v1::Header JobRecord(uint64_t job);
uint64_t JobOf(const v1::Header& header);

}  // namespace paramd
