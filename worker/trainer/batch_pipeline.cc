#include "worker/trainer/batch_pipeline.h"

#include <utility>

#include "common/base/status_macros.h"
#include "worker/data/batch_source.h"
#include "worker/data/open_batch_source.h"

namespace paramd {
namespace {

// The next partition is requested when so much text of the current one is left: about what is
// parsed while a request is answered. Nobody else gets a partition that is waiting here, so no
// earlier.
constexpr uint64_t kRequestAtBytesLeft = uint64_t{4} << 20;

}  // namespace

BatchPipeline::BatchPipeline(const v1::Data& data, const DatasetShape& shape, size_t capacity,
                             v1::WorkGrant first, Partitions partitions, const Split& split,
                             BatchCache* cache)
    : data_(data),
      shape_(shape),
      capacity_(capacity),
      partitions_(std::move(partitions)),
      split_(split),
      cache_(cache),
      thread_("reader", [this, first = std::move(first)] { Run(first); }) {}

BatchPipeline::~BatchPipeline() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
}

absl::StatusOr<std::optional<BatchPipeline::Item>> BatchPipeline::Pop() {
  MutexLock lock(mutex_);
  DropRevoked();
  while (ready_.empty() && !ended_) {
    changed_.Wait(mutex_);
    DropRevoked();
  }
  return Take();
}

absl::StatusOr<std::optional<BatchPipeline::Item>> BatchPipeline::TryPop() {
  MutexLock lock(mutex_);
  DropRevoked();
  return Take();
}

void BatchPipeline::DropRevoked() {
  while (!ready_.empty() && ready_.front().batch != nullptr && IsRevoked(ready_.front().lease)) {
    dropped_ += ready_.front().batch->rows();
    free_.push_back(std::move(ready_.front().batch));
    ready_.pop_front();
    changed_.NotifyAll();
  }
}

absl::StatusOr<std::optional<BatchPipeline::Item>> BatchPipeline::Take() {
  if (ready_.empty()) {
    if (!status_.ok()) return status_;
    return std::nullopt;
  }
  Item item = std::move(ready_.front());
  ready_.pop_front();
  changed_.NotifyAll();
  if (item.batch == nullptr) item.stats.records -= std::exchange(dropped_, 0);
  return item;
}

void BatchPipeline::Recycle(std::unique_ptr<Batch> batch) {
  MutexLock lock(mutex_);
  free_.push_back(std::move(batch));
}

void BatchPipeline::Run(v1::WorkGrant grant) {
  std::optional<v1::WorkGrant> current = std::move(grant);
  absl::Status status;
  while (current.has_value()) {
    status = ReadPartition(*current);
    if (!status.ok()) break;
    {
      MutexLock lock(mutex_);
      if (stopping_) break;
    }
    current = partitions_.take();
  }
  MutexLock lock(mutex_);
  // Whatever is wrong with a file is wrong with the data.
  if (!status.ok()) status_ = absl::DataLossError(status.message());
  ended_ = true;
  changed_.NotifyAll();
}

absl::Status BatchPipeline::ReadPartition(const v1::WorkGrant& grant) {
  ASSIGN_OR_RETURN(
      const std::unique_ptr<BatchSource> source,
      OpenBatchSource({.data = data_,
                       .shape = shape_,
                       .partitions = {grant.partitions().begin(), grant.partitions().end()},
                       .split = split_,
                       .batch_rows = static_cast<int>(data_.batch_size())},
                      cache_));
  bool requested = false;
  uint64_t number = 0;
  while (true) {
    if (!requested && source->BytesLeft() <= kRequestAtBytesLeft) {
      partitions_.request();
      requested = true;
    }
    if (partitions_.stopped != nullptr && partitions_.stopped()) break;
    if (IsRevoked(grant.lease())) break;
    std::unique_ptr<Batch> batch = FreeBatch();
    ASSIGN_OR_RETURN(const bool more, source->Next(batch.get()));
    if (!more) break;
    // Trained on before the job was restored.
    if (number < grant.skip_batches()) {
      Recycle(std::move(batch));
      ++number;
      continue;
    }
    batch->source_lease = grant.lease();
    StepOrigin origin;
    if (grant.client() != 0) {
      origin = {.client = grant.client(),
                .incarnation = grant.incarnation(),
                .clock = grant.clock() + number - grant.skip_batches()};
    }
    if (!Push({.batch = std::move(batch),
               .lease = grant.lease(),
               .number = number++,
               .origin = origin,
               .stats = {}})) {
      return absl::OkStatus();
    }
  }
  if (!requested) partitions_.request();
  Push({.batch = nullptr, .lease = grant.lease(), .stats = source->stats()});
  return absl::OkStatus();
}

std::unique_ptr<Batch> BatchPipeline::FreeBatch() {
  MutexLock lock(mutex_);
  if (free_.empty()) return std::make_unique<Batch>();
  std::unique_ptr<Batch> batch = std::move(free_.back());
  free_.pop_back();
  return batch;
}

bool BatchPipeline::Push(Item item) {
  MutexLock lock(mutex_);
  while (ready_.size() >= capacity_ && !stopping_) changed_.Wait(mutex_);
  if (stopping_) return false;
  ready_.push_back(std::move(item));
  changed_.NotifyAll();
  return true;
}

}  // namespace paramd
