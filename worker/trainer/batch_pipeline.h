#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "common/wire/operation.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/data/batch_cache.h"
#include "worker/data/record_reader.h"
#include "worker/data/split.h"

namespace paramd {

// Reads partition after partition on a thread of its own and keeps a bounded number of parsed
// batches ready. Thread-safe; meant for one consumer.
class BatchPipeline {
 public:
  // Where partitions come from. Called from the pipeline's thread, `take` after each `request`.
  struct Partitions {
    // Asks for the next partition; called before the end of the current one, as an answer takes
    // its time.
    std::function<void()> request;
    // What was asked for; blocks. None: there is no more for now.
    std::function<std::optional<v1::WorkGrant>()> take;
    // Asked before every batch: whether the partition ends here. May be left out.
    std::function<bool()> stopped = nullptr;
    // The same of the partition of a lease, once and for all. Nor are batches given out any more
    // that were read of it, or counted.
    std::function<bool(uint64_t lease)> revoked = nullptr;
  };

  // Of every partition the records that `split` has are read, through `cache` unless it is null.
  BatchPipeline(const v1::Data& data, const DatasetShape& shape, size_t capacity,
                v1::WorkGrant first, Partitions partitions, const Split& split = {},
                BatchCache* cache = nullptr);
  // Stops reading. `take` must return once the pipeline is to end; the caller sees to that before.
  ~BatchPipeline();

  // A batch, or, with `batch` null, the end of the partition of `lease`.
  struct Item {
    std::unique_ptr<Batch> batch;
    uint64_t lease = 0;
    // Of the batch among those of the partition, from 0.
    uint64_t number = 0;
    // Its step before the job was restored, if it was one.
    StepOrigin origin;
    ReadStats stats;
  };
  // The next item; none when all partitions are read. Data that cannot be used is DATA_LOSS.
  absl::StatusOr<std::optional<Item>> Pop();
  // The same without waiting; none also when nothing is ready.
  absl::StatusOr<std::optional<Item>> TryPop();

  // Gives a batch back, whose memory is used again.
  void Recycle(std::unique_ptr<Batch> batch);

 private:
  void Run(v1::WorkGrant grant);
  // Reads a partition and requests the next one on the way.
  absl::Status ReadPartition(const v1::WorkGrant& grant);
  std::unique_ptr<Batch> FreeBatch();
  // False when the pipeline is stopped.
  bool Push(Item item);
  // Drops the next batches, if they are of a revoked lease.
  void DropRevoked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::optional<Item>> Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsRevoked(uint64_t lease) const {
    return partitions_.revoked != nullptr && partitions_.revoked(lease);
  }

  const v1::Data data_;
  const DatasetShape shape_;
  const size_t capacity_;
  const Partitions partitions_;
  const Split split_;
  BatchCache* const cache_;

  Mutex mutex_;
  CondVar changed_;
  std::deque<Item> ready_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Batch>> free_ ABSL_GUARDED_BY(mutex_);
  uint64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;  // records of the partition
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);

  Thread thread_;
};

}  // namespace paramd
