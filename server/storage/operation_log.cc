#include "server/storage/operation_log.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "server/storage/log_folder.h"
#include "server/storage/log_recovery.h"
#include "server/storage/record_format.h"

namespace paramd {
namespace {

Buffer MakeRecord(absl::Span<const absl::string_view> pieces, uint64_t bytes) {
  const RecordHeader header = MakeRecordHeader(pieces, bytes, RecordCoding::kPlain);
  Buffer record(sizeof(header) + bytes);
  std::memcpy(record.data(), &header, sizeof(header));
  uint8_t* to = record.data() + sizeof(header);
  for (const absl::string_view piece : pieces) {
    if (piece.empty()) continue;
    std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  }
  return record;
}

absl::Status WriteTo(OutputFile& segment, absl::Span<const absl::string_view> pieces) {
  RETURN_IF_FAILPOINT("log.write");
  return segment.Write(pieces);
}

absl::Status SyncOf(OutputFile& segment) {
  RETURN_IF_FAILPOINT("log.fsync");
  return segment.Sync();
}

}  // namespace

absl::StatusOr<std::unique_ptr<OperationLog>> OperationLog::Open(const LogOptions& options,
                                                                 const RecordVisitor& visitor) {
  RETURN_IF_ERROR(MakeDirectories(options.folder));
  ASSIGN_OR_RETURN(std::unique_ptr<FolderLock> lock, FolderLock::Acquire(options.folder));
  ASSIGN_OR_RETURN(const std::vector<RecoveredSegment> recovered,
                   RecoverLog(options.folder, visitor));
  LogLink link{.number = 1};
  std::map<uint64_t, uint64_t> segment_bytes;
  for (const RecoveredSegment& segment : recovered) {
    segment_bytes[segment.number] = segment.bytes;
    link = {.number = segment.number + 1, .previous_bytes = segment.bytes};
  }
  if (!recovered.empty()) {
    // What an end in the middle of RemoveBefore has left.
    RETURN_IF_ERROR(RemoveSegmentsBefore(options.folder, recovered.front().number));
    // The new segment will say that this one is whole.
    RETURN_IF_ERROR(SyncFile(recovered.back().path));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> segment, CreateSegment(options.folder, link));
  segment_bytes[link.number] = segment->bytes();
  return absl::WrapUnique(
      new OperationLog(options, std::move(lock), std::move(segment), std::move(segment_bytes)));
}

OperationLog::OperationLog(const LogOptions& options, std::unique_ptr<FolderLock> folder_lock,
                           std::unique_ptr<OutputFile> segment,
                           std::map<uint64_t, uint64_t> segment_bytes)
    : options_(options),
      folder_lock_(std::move(folder_lock)),
      segment_(std::move(segment)),
      last_sync_(options.clock->SinceBoot()),
      segment_bytes_(std::move(segment_bytes)),
      thread_("log", [this] { Run(); }) {
  if (options_.sync == LogOptions::Sync::kInterval) {
    syncing_thread_.emplace("log-sync", [this] { SyncRegularly(); });
  }
}

OperationLog::~OperationLog() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    work_.NotifyOne();
    written_more_.NotifyOne();
  }
  if (syncing_thread_.has_value()) syncing_thread_->Join();
  thread_.Join();
}

absl::StatusOr<uint64_t> OperationLog::Append(absl::Span<const absl::string_view> pieces) {
  const uint64_t bytes = TotalBytes(pieces);
  if (bytes > kMaxRecordBytes) {
    return absl::InvalidArgumentError(absl::StrCat(options_.folder, ": a record of ", bytes,
                                                   " bytes; at most ", kMaxRecordBytes, " go"));
  }
  Buffer record = MakeRecord(pieces, bytes);
  MutexLock lock(mutex_);
  while (status_.ok() && queued_bytes_ > 0 &&
         queued_bytes_ + record.size() > options_.max_queued_bytes) {
    room_.Wait(mutex_);
  }
  RETURN_IF_ERROR(status_);
  queued_bytes_ += record.size();
  queue_.push_back(std::move(record));
  work_.NotifyOne();
  return ++appended_;
}

void OperationLog::Notify(uint64_t position, Reach reach, Callback callback) {
  MutexLock lock(mutex_);
  PositionWaiters& waiters = reach == Reach::kWritten ? written_ : synced_;
  waiters.Add(position, std::move(callback));
  if (waiters.has_ready()) work_.NotifyOne();
}

absl::StatusOr<uint64_t> OperationLog::Rotate() {
  RETURN_IF_ERROR(Do(Task::kRotate));
  MutexLock lock(mutex_);
  return segment_bytes_.rbegin()->first;
}

absl::Status OperationLog::RemoveBefore(uint64_t segment) {
  RETURN_IF_ERROR(Do(Task::kSync));
  {
    MutexLock lock(mutex_);
    if (segment < whole_from_ || segment_bytes_.count(segment) == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("the log in ", options_.folder, " cannot begin with segment ", segment,
                       segment < whole_from_ ? ": records were lost since" : ": it has none"));
    }
  }
  RETURN_IF_ERROR(MakeBase(options_.folder, segment));
  RETURN_IF_ERROR(RemoveSegmentsBefore(options_.folder, segment));
  MutexLock lock(mutex_);
  segment_bytes_.erase(segment_bytes_.begin(), segment_bytes_.lower_bound(segment));
  return absl::OkStatus();
}

absl::Status OperationLog::status() {
  MutexLock lock(mutex_);
  return status_;
}

uint64_t OperationLog::bytes() {
  MutexLock lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [number, segment_bytes] : segment_bytes_) bytes += segment_bytes;
  return bytes;
}

uint64_t OperationLog::queued_bytes() {
  MutexLock lock(mutex_);
  return queued_bytes_;
}

absl::Status OperationLog::Do(Task task) {
  MutexLock lock(mutex_);
  while (task_ != Task::kNone || result_.has_value()) done_.Wait(mutex_);  // another's
  task_ = task;
  work_.NotifyOne();
  while (!result_.has_value()) done_.Wait(mutex_);
  const absl::Status result = *std::exchange(result_, std::nullopt);
  done_.NotifyAll();
  return result;
}

void OperationLog::Run() {
  for (bool stop = false; !stop;) {
    Work work = AwaitWork();
    WriteRecords(work);
    CallReady();
    if (SyncIsDue(work)) SyncSegment();
    if (work.task == Task::kRotate) NextSegment(work);
    Finish(work.task);
    CallReady();
    stop = work.stop;
  }
}

OperationLog::Work OperationLog::AwaitWork() {
  MutexLock lock(mutex_);
  while (IsIdle()) work_.Wait(mutex_);
  return {.records = std::exchange(queue_, {}),
          .last_position = appended_,
          .bytes = queued_bytes_,
          .task = task_,
          .stop = stopping_,
          .failed = !status_.ok()};
}

bool OperationLog::IsIdle() {
  return queue_.empty() && task_ == Task::kNone && !stopping_ && !written_.has_ready() &&
         !synced_.has_ready();
}

void OperationLog::WriteRecords(Work& work) {
  if (work.records.empty()) return;
  std::vector<absl::string_view> pieces;
  pieces.reserve(work.records.size());
  for (const Buffer& record : work.records) {
    pieces.emplace_back(reinterpret_cast<const char*>(record.data()), record.size());
  }
  const absl::Status status = WriteTo(*segment_, pieces);
  work.records.clear();
  MutexLock lock(mutex_);
  if (!status.ok()) return Fail(status);
  segment_bytes_.rbegin()->second = segment_->bytes();
  if (!status_.ok()) return;  // a sync has failed meanwhile: it is lost
  queued_bytes_ -= work.bytes;
  room_.NotifyAll();
  written_.Advance(work.last_position);
  written_more_.NotifyOne();
}

bool OperationLog::SyncIsDue(const Work& work) {
  if (work.stop || work.task != Task::kNone) return true;
  MutexLock lock(mutex_);
  return options_.sync == LogOptions::Sync::kAlways && synced_.decided() < written_.decided();
}

void OperationLog::SyncRegularly() {
  while (AwaitSyncTime()) SyncSegment();
}

bool OperationLog::AwaitSyncTime() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    const absl::Duration wait = UntilSync();
    if (wait <= absl::ZeroDuration()) return true;
    if (wait == absl::InfiniteDuration()) {
      written_more_.Wait(mutex_);
    } else {
      written_more_.WaitFor(mutex_, wait);
    }
  }
  return false;
}

absl::Duration OperationLog::UntilSync() {
  if (synced_.decided() == written_.decided()) return absl::InfiniteDuration();
  return last_sync_ + options_.interval - options_.clock->SinceBoot();
}

void OperationLog::SyncSegment() {
  uint64_t position = 0;
  {
    MutexLock lock(mutex_);
    TakeSegment();
    if (!status_.ok()) return GiveSegment();
    position = written_.decided();
  }
  const absl::Status status = SyncOf(*segment_);
  MutexLock lock(mutex_);
  GiveSegment();
  last_sync_ = options_.clock->SinceBoot();
  work_.NotifyOne();
  if (status.ok()) return synced_.Advance(position);
  sync_failed_ = true;
  Fail(status);
}

void OperationLog::TakeSegment() {
  while (segment_taken_) given_.Wait(mutex_);
  segment_taken_ = true;
}

void OperationLog::GiveSegment() {
  segment_taken_ = false;
  given_.NotifyAll();
}

void OperationLog::NextSegment(const Work& work) {
  LogLink link{.previous_bytes = segment_->bytes()};
  bool sync = false;
  {
    MutexLock lock(mutex_);
    TakeSegment();
    // A failure of this round is returned; one from before is what Rotate is to end.
    if (!status_.ok() && !work.failed) return GiveSegment();
    // What was written before a write failed may well go to the disk. But what a sync has failed
    // with the kernel may have dropped, and a further one would not say so.
    sync = work.failed && !sync_failed_;
    link.number = segment_bytes_.rbegin()->first + 1;
  }
  const absl::Status synced = sync ? segment_->Sync() : absl::OkStatus();
  auto next = synced.ok() ? CreateSegment(options_.folder, link) : synced;
  MutexLock lock(mutex_);
  GiveSegment();
  if (!synced.ok()) sync_failed_ = true;
  if (!next.ok()) return Fail(next.status());
  segment_ = *std::move(next);
  segment_bytes_[link.number] = segment_->bytes();
  if (work.failed) whole_from_ = link.number;
  status_ = absl::OkStatus();
  sync_failed_ = false;
}

void OperationLog::Finish(Task task) {
  if (task == Task::kNone) return;
  MutexLock lock(mutex_);
  task_ = Task::kNone;
  result_ = status_;
  done_.NotifyAll();
}

void OperationLog::CallReady() {
  std::vector<PositionWaiters::Ready> written, synced;
  {
    MutexLock lock(mutex_);
    written = written_.TakeReady();
    synced = synced_.TakeReady();
  }
  for (const PositionWaiters::Ready& ready : written) ready();
  for (const PositionWaiters::Ready& ready : synced) ready();
}

void OperationLog::Fail(const absl::Status& reason) {
  status_ = reason;
  queue_.clear();
  queued_bytes_ = 0;
  room_.NotifyAll();
  written_.Lose(appended_, reason);
  synced_.Lose(appended_, reason);
}

}  // namespace paramd
