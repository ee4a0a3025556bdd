#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/folder_lock.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "server/storage/output_file.h"
#include "server/storage/position_waiters.h"
#include "server/storage/record_visitor.h"

namespace paramd {

struct LogOptions {
  enum class Sync {
    kAlways,    // after each write
    kInterval,  // when `interval` has passed since the last time
    kNever,     // only at Rotate and at the end
  };

  std::string folder;  // made if there is none; no other log's
  Sync sync = Sync::kInterval;
  absl::Duration interval = absl::Milliseconds(100);
  // Of records that are appended and not written. A longer record goes when there is no other.
  uint64_t max_queued_bytes = uint64_t{64} << 20;
  const Clock* clock = &Clock::System();
};

// A log of records on disk (FORMAT.md). Many threads append; one writes what has gathered meanwhile
// in one go, and says how far it has got. (By interval another one syncs, so that writing goes on.)
//
//   ASSIGN_OR_RETURN(auto log, OperationLog::Open({.folder = folder}, replay));
//   ASSIGN_OR_RETURN(const uint64_t position, log->Append({header, keys, values}));
//   log->Notify(position, OperationLog::Reach::kWritten, [](const absl::Status& status) { ... });
//
// To begin anew, while others go on appending:
//
//   ASSIGN_OR_RETURN(const uint64_t segment, log->Rotate());
//   ... append copies of everything; a copy holds what was appended before it ...
//   RETURN_IF_ERROR(log->RemoveBefore(segment));
//
// A write or sync that fails (a full disk) makes the log failed: what was not written is lost, its
// callbacks get the error, which names the file, and Append returns it, until a Rotate succeeds.
// (After a crash some of it may be read back all the same.) The log then has a gap: until copies of
// everything are appended and RemoveBefore has succeeded, what is read back after a crash lacks the
// records that were lost.
//
// Thread-safe. The end writes and syncs what was appended, and calls every callback.
class OperationLog {
 public:
  using Callback = PositionWaiters::Callback;
  enum class Reach {
    kWritten,  // survives the end of the process
    kSynced,   // survives the end of the machine
  };

  // Gives the records that are there to `visitor`, in order, then begins a new segment.
  // FAILED_PRECONDITION while another log has the folder; errors of RecoverLog.
  static absl::StatusOr<std::unique_ptr<OperationLog>> Open(const LogOptions& options,
                                                            const RecordVisitor& visitor);
  ~OperationLog();
  OperationLog(const OperationLog&) = delete;
  OperationLog& operator=(const OperationLog&) = delete;

  // Appends a record of the pieces, one after the other, which are copied. Waits while
  // max_queued_bytes are queued. Returns its position: 1, 2, ... in the order of the calls.
  // INVALID_ARGUMENT above kMaxRecordBytes; the error of a failed log. Not called by a callback.
  absl::StatusOr<uint64_t> Append(absl::Span<const absl::string_view> pieces);

  // Has `callback` called when the record at `position`, which Append has returned, and all that
  // were not lost before it are there; with an error if it was lost. Called once, on the log's
  // thread, in the order of the positions for each reach among those who were waiting; it does not
  // wait for the log.
  void Notify(uint64_t position, Reach reach, Callback callback);

  // Syncs and begins a new segment, and returns its number. What is appended later goes to it or
  // to later ones. Ends the failure of a failed log. On failure the log is failed. Not called by a
  // callback, as RemoveBefore.
  absl::StatusOr<uint64_t> Rotate();

  // Syncs, and removes what is before `segment`, a number from Rotate: from now on the log begins
  // there. FAILED_PRECONDITION when records were lost since that Rotate. After an error of removing
  // files the log begins there or where it did, and it can be called again.
  absl::Status RemoveBefore(uint64_t segment);

  // The error of a failed log.
  absl::Status status();

  // Bytes of files from the beginning of the log on.
  uint64_t bytes();
  // Appended and not written.
  uint64_t queued_bytes();

 private:
  enum class Task { kNone, kSync, kRotate };

  // What the log's thread does in a round.
  struct Work {
    std::vector<Buffer> records;
    uint64_t last_position = 0;  // of them
    uint64_t bytes = 0;          // of them
    Task task = Task::kNone;
    bool stop = false;
    bool failed = false;  // the log, before
  };

  OperationLog(const LogOptions& options, std::unique_ptr<FolderLock> folder_lock,
               std::unique_ptr<OutputFile> segment, std::map<uint64_t, uint64_t> segment_bytes);

  // Has the log's thread do it after it has written everything; waits for it.
  absl::Status Do(Task task);

  // The log's thread.
  void Run();
  Work AwaitWork();
  bool IsIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteRecords(Work& work);
  bool SyncIsDue(const Work& work);
  void NextSegment(const Work& work);
  void Finish(Task task);
  void CallReady();

  // The thread that syncs by interval.
  void SyncRegularly();
  bool AwaitSyncTime();

  // Both. While one syncs segment_, the other one does not, and does not replace it.
  void SyncSegment();
  void TakeSegment() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveSegment() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Until what is written is to be synced; infinite: it is.
  absl::Duration UntilSync() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Fail(const absl::Status& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const LogOptions options_;
  const std::unique_ptr<FolderLock> folder_lock_;
  std::unique_ptr<OutputFile> segment_;  // written to and replaced by the log's thread

  Mutex mutex_;
  CondVar work_;          // there is some for the log's thread
  CondVar written_more_;  // for the thread that syncs
  CondVar room_;          // in the queue
  CondVar done_;          // a task
  CondVar given_;         // the segment
  std::vector<Buffer> queue_ ABSL_GUARDED_BY(mutex_);
  uint64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // with what is being written
  uint64_t appended_ ABSL_GUARDED_BY(mutex_) = 0;      // last position
  PositionWaiters written_ ABSL_GUARDED_BY(mutex_);
  PositionWaiters synced_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_sync_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool segment_taken_ ABSL_GUARDED_BY(mutex_) = false;
  bool sync_failed_ ABSL_GUARDED_BY(mutex_) = false;  // of segment_: another sync means nothing
  Task task_ ABSL_GUARDED_BY(mutex_) = Task::kNone;
  std::optional<absl::Status> result_ ABSL_GUARDED_BY(mutex_);  // of the task
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t whole_from_ ABSL_GUARDED_BY(mutex_) = 0;  // no record was lost since this segment began
  std::map<uint64_t, uint64_t> segment_bytes_ ABSL_GUARDED_BY(mutex_);  // the last one is segment_

  std::optional<Thread> syncing_thread_;
  Thread thread_;
};

}  // namespace paramd
