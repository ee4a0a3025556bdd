#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/wire/byte_reader.h"
#include "common/wire/value_codec.h"
#include "common/wire/value_decoder.h"
#include "paramd/v1/parameter.pb.h"
#include "server/table/shard.h"

namespace paramd {

// What one message of a replica stream says about one shard. Borrows everything.
struct ShardOperation {
  const v1::Header* header = nullptr;
  uint64_t index = 0;
  uint32_t piece = 0;
  RowSet rows;  // without hashes
  ByteReader values;
  // Null: none were removed.
  const v1::Removals* removals = nullptr;
};

// A shard that follows its primary on another server: does its operations in their order, and keeps
// those that come before their turn. Thread-safe; `shard` is serving nobody until Promote.
class BackupShard {
 public:
  // `filled`: the shard is as it began and so is the primary's; otherwise a snapshot has to come
  // before anything can be done. `since`: as of v1::ShardBackup.
  BackupShard(std::shared_ptr<Shard> shard, bool filled, uint64_t since = 0);

  uint64_t since() const { return since_; }

  // The primary's operation is here to stay when this returns OK. INVALID_ARGUMENT: what cannot
  // come from a primary, for the caller to end the stream. FAILED_PRECONDITION: promoted, the
  // primary is one no longer.
  absl::Status Take(const ShardOperation& operation) ABSL_LOCKS_EXCLUDED(mutex_);

  // Does what is kept, whatever is missing before it (nobody was told that this is done, so it
  // comes again from the clients), and serves clients from now on.
  void Promote() ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether it is like its primary, but for what is under way.
  bool filled() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Owns what a ShardOperation borrows.
  struct Kept {
    v1::Header header;
    ShardOperation operation;
    std::vector<uint64_t> keys;
    std::vector<uint8_t> values;
    ByteReader::Piece piece;
  };

  absl::StatusOr<Replayed> Replay(const ShardOperation& operation, bool skip_gap)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Replayed> ReplayPush(const ShardOperation& operation, bool skip_gap)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Replayed> ReplayStep(const ShardOperation& operation, bool skip_gap)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status TakeSnapshot(const ShardOperation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Keep(const ShardOperation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Those whose turn it is.
  absl::Status ReplayKept(bool skip_gaps) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<Shard> shard_;
  const uint64_t since_;

  mutable Mutex mutex_;
  bool filled_ ABSL_GUARDED_BY(mutex_);
  // What has come of a snapshot that is not whole yet.
  std::optional<ShardState> snapshot_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, std::unique_ptr<Kept>> kept_ ABSL_GUARDED_BY(mutex_);
  ValueDecoder decoder_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> hashes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
