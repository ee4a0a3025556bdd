#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "paramd/v1/coordinator.pb.h"
#include "server/storage/record_file_writer.h"
#include "server/table/shard.h"
#include "server/table/shard_state.h"

namespace paramd {

// Indices of shards, by table and shard.
using ShardIndices = std::map<std::pair<uint32_t, uint32_t>, uint64_t>;

// Writes the shards of one server to its files of a checkpoint: one copy after the other is made,
// each under its shard's lock for as long as that takes, and written on threads of low priority,
// while clients go on. A few copies are there at a time. Records are SNAPSHOT messages of a replica
// stream (replica.proto). Thread-safe.
class Checkpointer {
 public:
  struct Source {
    uint32_t table = 0;
    uint32_t shard = 0;
    bool sparse = false;
    std::shared_ptr<Shard> content;
  };

  struct Options {
    std::string folder;  // of all checkpoints
    uint64_t number = 0;
    std::string name;  // of its files; a number is added
    int zstd_level = 1;
    // At which the shards are in the checkpoint that this one adds to. A shard that still is at its
    // index is left out, of others only blocks of rows that have changed are written.
    ShardIndices since;
  };

  // Called once from a thread, unless it ends before: what was written, `step` unset, and every
  // shard's index when it was copied.
  using Done =
      std::function<void(const v1::CheckpointWritten& written, const ShardIndices& indices)>;

  Checkpointer(Options options, std::vector<Source> sources, Done done);
  // Stops after the shard that is under way.
  ~Checkpointer();

  // Shards may be copied from now on.
  void Begin() ABSL_LOCKS_EXCLUDED(mutex_);

  // After Begin: copies the shards that are not copied yet, before the caller changes them.
  void CopyAll();

 private:
  // One shard on its way.
  struct Copy {
    Mutex mutex;
    bool taken ABSL_GUARDED_BY(mutex) = false;
    std::optional<ShardState> state ABSL_GUARDED_BY(mutex);
  };

  // Copies shards ahead of those that are written: who writes has to wait for a processor, and must
  // not hold a shard's lock meanwhile.
  void CopyAhead() ABSL_LOCKS_EXCLUDED(mutex_);
  void Run(size_t thread);
  // Writes the thread's share to one file.
  absl::Status WriteFile(size_t thread, v1::CheckpointFile* file);
  // The next shard to write, and its copy; nothing: there is none.
  std::optional<std::pair<size_t, ShardState>> Take() ABSL_LOCKS_EXCLUDED(mutex_);
  void CopyLocked(size_t source, Copy& copy) ABSL_EXCLUSIVE_LOCKS_REQUIRED(copy.mutex);
  absl::Status Write(const Source& source, ShardState state, RecordFileWriter& writer);

  const Options options_;
  const std::vector<Source> sources_;
  const Done done_;
  std::vector<std::unique_ptr<Copy>> copies_;
  std::atomic<bool> stopping_{false};

  Mutex mutex_;
  CondVar changed_;
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;
  size_t copied_ ABSL_GUARDED_BY(mutex_) = 0;  // the first so many shards
  size_t taken_ ABSL_GUARDED_BY(mutex_) = 0;   // to be written
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::CheckpointWritten written_ ABSL_GUARDED_BY(mutex_);
  v1::CheckpointFile unchanged_ ABSL_GUARDED_BY(mutex_);
  ShardIndices indices_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace paramd
