#include "server/storage/operation_log.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
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
      thread_("log", [this] { Run(); }) {}

OperationLog::~OperationLog() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    work_.NotifyOne();
  }
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
  return CurrentNumber();
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
    // A failure of this round is returned; one from before is what Rotate is to end.
    if (work.task == Task::kRotate && (work.failed || status().ok())) NextSegment();
    Finish(work.task);
    CallReady();
    stop = work.stop;
  }
}

OperationLog::Work OperationLog::AwaitWork() {
  MutexLock lock(mutex_);
  while (IsIdle()) {
    const absl::Duration wait = UntilSync();
    if (wait <= absl::ZeroDuration()) break;
    if (wait == absl::InfiniteDuration()) {
      work_.Wait(mutex_);
    } else {
      work_.WaitFor(mutex_, wait);
    }
  }
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

absl::Duration OperationLog::UntilSync() {
  if (synced_.decided() == written_.decided()) return absl::InfiniteDuration();
  switch (options_.sync) {
    case LogOptions::Sync::kAlways:
      return absl::ZeroDuration();
    case LogOptions::Sync::kInterval:
      return last_sync_ + options_.interval - options_.clock->SinceBoot();
    case LogOptions::Sync::kNever:
      break;
  }
  return absl::InfiniteDuration();
}

void OperationLog::WriteRecords(Work& work) {
  if (work.records.empty()) return;
  std::vector<absl::string_view> pieces;
  pieces.reserve(work.records.size());
  for (const Buffer& record : work.records) {
    pieces.emplace_back(reinterpret_cast<const char*>(record.data()), record.size());
  }
  const absl::Status status = segment_->Write(pieces);
  work.records.clear();
  MutexLock lock(mutex_);
  if (!status.ok()) return Fail(status);
  segment_bytes_.rbegin()->second = segment_->bytes();
  queued_bytes_ -= work.bytes;
  room_.NotifyAll();
  written_.Advance(work.last_position);
}

bool OperationLog::SyncIsDue(const Work& work) {
  MutexLock lock(mutex_);
  if (!status_.ok()) return false;
  return work.stop || work.task != Task::kNone || UntilSync() <= absl::ZeroDuration();
}

void OperationLog::SyncSegment() {
  const absl::Status status = segment_->Sync();
  sync_failed_ = !status.ok();
  MutexLock lock(mutex_);
  if (!status.ok()) return Fail(status);
  // Only this thread writes, so what is written is synced.
  synced_.Advance(written_.decided());
  last_sync_ = options_.clock->SinceBoot();
}

void OperationLog::NextSegment() {
  const uint64_t number = CurrentNumber() + 1;
  const absl::Status synced = SyncBeforeNext();
  auto next = synced.ok() ? CreateSegment(options_.folder,
                                          {.number = number, .previous_bytes = segment_->bytes()})
                          : synced;
  MutexLock lock(mutex_);
  if (!next.ok()) return Fail(next.status());
  segment_ = *std::move(next);
  segment_bytes_[number] = segment_->bytes();
  if (!status_.ok()) whole_from_ = number;
  status_ = absl::OkStatus();
  sync_failed_ = false;
}

uint64_t OperationLog::CurrentNumber() {
  MutexLock lock(mutex_);
  return segment_bytes_.rbegin()->first;
}

absl::Status OperationLog::SyncBeforeNext() {
  if (status().ok()) return absl::OkStatus();  // SyncSegment has just done it
  // The rest of a failed segment may well go to the disk now; but not what a sync has failed with,
  // of which the kernel may know nothing any more (it is not said to be synced either).
  if (sync_failed_) return absl::OkStatus();
  const absl::Status status = segment_->Sync();
  sync_failed_ = !status.ok();
  return status;
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
