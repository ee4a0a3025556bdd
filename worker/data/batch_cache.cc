#include "worker/data/batch_cache.h"

#include <spdlog/spdlog.h>

#include <cstdint>
#include <utility>

#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "worker/data/cache_reader.h"
#include "worker/data/cache_writer.h"
#include "worker/data/parsed_batches.h"

namespace paramd {

// Batches that are parsed, and written as they pass.
class BatchCache::Recorded final : public BatchSource {
 public:
  Recorded(BatchCache& cache, const BatchRequest& request, const CacheKey& key,
           std::unique_ptr<BatchSource> parsed, std::unique_ptr<CacheWriter> writer)
      : cache_(cache),
        request_(request),
        key_(key),
        parsed_(std::move(parsed)),
        writer_(std::move(writer)) {}

  absl::StatusOr<bool> Next(Batch* batch) override {
    ASSIGN_OR_RETURN(const bool more, parsed_->Next(batch));
    if (writer_ == nullptr) return more;
    absl::Status status = writer_->Add(*batch, parsed_->stats());
    if (status.ok() && !more) status = Finish();
    if (!status.ok()) cache_.StopWriting(status);
    if (!status.ok() || !more) writer_ = nullptr;
    return more;
  }
  uint64_t BytesLeft() const override { return parsed_->BytesLeft(); }
  const ReadStats& stats() const override { return parsed_->stats(); }

 private:
  // Files that changed while they were read have no cache.
  absl::Status Finish() {
    const absl::StatusOr<CacheKey> now = MakeCacheKey(request_);
    return now.ok() && now->header == key_.header ? writer_->Commit() : absl::OkStatus();
  }

  BatchCache& cache_;
  const BatchRequest request_;
  const CacheKey key_;
  const std::unique_ptr<BatchSource> parsed_;
  std::unique_ptr<CacheWriter> writer_;  // null: nothing is written, or no more
};

// Batches of a cache file; when it turns out to be damaged, those that are missing are parsed.
class BatchCache::Cached final : public BatchSource {
 public:
  Cached(BatchCache& cache, const BatchRequest& request, const CacheKey& key,
         std::unique_ptr<CacheReader> reader)
      : cache_(cache), request_(request), key_(key), source_(std::move(reader)) {}

  absl::StatusOr<bool> Next(Batch* batch) override {
    absl::StatusOr<bool> more = source_->Next(batch);
    if (!more.ok() && !is_parsed_) {
      spdlog::warn("{}; the files are parsed again", std::string(more.status().message()));
      RETURN_IF_ERROR(Parse(batch));
      more = source_->Next(batch);
    }
    if (more.ok() && *more) ++batches_;
    return more;
  }
  uint64_t BytesLeft() const override { return source_->BytesLeft(); }
  const ReadStats& stats() const override { return source_->stats(); }

 private:
  // Goes on with the files behind the batches that there were.
  absl::Status Parse(Batch* batch) {
    is_parsed_ = true;
    ASSIGN_OR_RETURN(source_, cache_.Record(request_, key_));
    for (uint64_t i = 0; i < batches_; ++i) RETURN_IF_ERROR(source_->Next(batch).status());
    return absl::OkStatus();
  }

  BatchCache& cache_;
  const BatchRequest request_;
  const CacheKey key_;
  std::unique_ptr<BatchSource> source_;
  bool is_parsed_ = false;
  uint64_t batches_ = 0;
};

BatchCache::BatchCache(const std::string& folder) : folder_(folder) {
  if (const absl::Status status = MakeDirectories(folder_); !status.ok()) StopWriting(status);
}

absl::StatusOr<std::unique_ptr<BatchSource>> BatchCache::Open(const BatchRequest& request) {
  const absl::StatusOr<CacheKey> key = MakeCacheKey(request);
  // A file that cannot be looked at: parsing says what is wrong with it.
  if (!key.ok()) return ParsedBatches::Open(request);
  absl::StatusOr<std::unique_ptr<CacheReader>> reader =
      CacheReader::Open(PathOf(*key), *key, request.shape, request.batch_rows);
  if (reader.ok()) {
    if (!has_read_.exchange(true)) spdlog::info("batches are read from the cache in {}", folder_);
    return std::make_unique<Cached>(*this, request, *key, *std::move(reader));
  }
  const std::string why(reader.status().message());
  if (absl::IsFailedPrecondition(reader.status())) {
    spdlog::info("{}; the files are parsed again", why);
  } else if (!absl::IsNotFound(reader.status())) {
    spdlog::warn("{}; the files are parsed again", why);
  }
  return Record(request, *key);
}

absl::StatusOr<std::unique_ptr<BatchSource>> BatchCache::Record(const BatchRequest& request,
                                                                const CacheKey& key) {
  ASSIGN_OR_RETURN(std::unique_ptr<BatchSource> parsed, ParsedBatches::Open(request));
  if (!writes_) return parsed;
  absl::StatusOr<std::unique_ptr<CacheWriter>> writer =
      CacheWriter::Create(PathOf(key), key, request.shape);
  if (writer.ok()) {
    return std::make_unique<Recorded>(*this, request, key, std::move(parsed), *std::move(writer));
  }
  // ABORTED: another worker writes it.
  if (!absl::IsAborted(writer.status())) StopWriting(writer.status());
  return parsed;
}

void BatchCache::StopWriting(const absl::Status& why) {
  if (!writes_.exchange(false)) return;
  spdlog::warn("nothing is written to the cache in {} any more: {}", folder_,
               std::string(why.message()));
}

}  // namespace paramd
