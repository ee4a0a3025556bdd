#include "server/replica/log_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"

namespace paramd {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(500);

}  // namespace

v1::Header JobRecord(uint64_t job) {
  v1::Header header;
  header.set_kind(v1::Header::OPEN);
  header.set_incarnation(job);
  return header;
}

uint64_t JobOf(const v1::Header& header) {
  return header.kind() == v1::Header::OPEN ? header.incarnation() : 0;
}

absl::StatusOr<std::unique_ptr<LogKeeper>> LogKeeper::Open(const Options& options,
                                                           const RecordVisitor& visitor) {
  ASSIGN_OR_RETURN(std::unique_ptr<OperationLog> log, OperationLog::Open(options.log, visitor));
  return std::unique_ptr<LogKeeper>(new LogKeeper(options, std::move(log)));
}

LogKeeper::LogKeeper(const Options& options, std::unique_ptr<OperationLog> log)
    : options_(options),
      log_(std::move(log)),
      link_(std::make_shared<OperationLogLink>(*log_, options.reach)),
      thread_("operation-log", [this] { Run(); }) {}

LogKeeper::~LogKeeper() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
}

void LogKeeper::SetShards(std::vector<LoggedShard> shards) {
  std::vector<LoggedShard> fresh;
  for (const LoggedShard& shard : shards) {
    if (!shard.content->TargetOf(kLogTarget).has_value()) fresh.push_back(shard);
  }
  bool first;
  {
    MutexLock lock(mutex_);
    first = shards_.empty();
    shards_ = std::move(shards);
  }
  if (first) return BeginAnew();
  MutexLock lock(anew_mutex_);
  for (const LoggedShard& shard : fresh) AppendCopy(shard);
}

void LogKeeper::AppendCopy(const LoggedShard& shard) {
  const ShardState state = shard.content->BeginFilling(kLogTarget);
  for (ReplicaFrame& frame :
       SnapshotFrames(shard.table, shard.shard, shard.content->dim(), shard.sparse, state)) {
    link_->Send(std::move(frame), nullptr);
  }
  shard.content->SetWaits(kLogTarget);
}

void LogKeeper::Run() {
  while (true) {
    uint64_t limit;
    {
      MutexLock lock(mutex_);
      if (!stopping_) changed_.WaitFor(mutex_, kLook);
      if (stopping_) return;
      if (shards_.empty()) continue;
      // Copies that are larger than the limit would be written again and again.
      limit = std::max(options_.max_bytes, 2 * bytes_at_begin_);
    }
    if (!link_->problem().empty() || log_->bytes() > limit) BeginAnew();
  }
}

void LogKeeper::BeginAnew() {
  MutexLock lock(anew_mutex_);
  const bool failed = !link_->problem().empty();
  const absl::Status status = TryBeginAnew();
  if (status.ok() && failed) spdlog::info("the operation log is written again");
  if (!status.ok() && !failed) {
    spdlog::error("the operation log cannot be begun anew: {}", std::string(status.message()));
  }
}

absl::Status LogKeeper::TryBeginAnew() {
  std::vector<LoggedShard> shards;
  {
    MutexLock lock(mutex_);
    shards = shards_;
  }
  ASSIGN_OR_RETURN(const uint64_t segment, log_->Rotate());
  link_->Forgive();
  ReplicaFrame job;
  job.header = JobRecord(options_.job);
  link_->Send(std::move(job), nullptr);
  for (const LoggedShard& shard : shards) AppendCopy(shard);
  RETURN_IF_ERROR(log_->status());
  RETURN_IF_ERROR(log_->RemoveBefore(segment));
  MutexLock lock(mutex_);
  bytes_at_begin_ = log_->bytes();
  return absl::OkStatus();
}

}  // namespace paramd
