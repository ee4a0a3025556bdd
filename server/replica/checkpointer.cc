#include "server/replica/checkpointer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "server/replica/replica_frame.h"
#include "server/replica/replica_record.h"
#include "server/storage/checkpoint_writer.h"

namespace paramd {
namespace {

// Compressing is slower than disks are.
constexpr size_t kThreads = 2;
// Copies that wait to be written.
constexpr size_t kAhead = 2;

}  // namespace

Checkpointer::Checkpointer(Options options, std::vector<Source> sources, Done done)
    : options_(std::move(options)), sources_(std::move(sources)), done_(std::move(done)) {
  for (size_t i = 0; i < sources_.size(); ++i) copies_.push_back(std::make_unique<Copy>());
  const size_t threads = std::clamp<size_t>(sources_.size(), 1, kThreads);
  {
    MutexLock lock(mutex_);
    written_.set_number(options_.number);
    running_ = threads;
  }
  threads_.push_back(std::make_unique<Thread>("checkpoint-copy", [this] { CopyAhead(); }));
  for (size_t i = 0; i < threads; ++i) {
    threads_.push_back(std::make_unique<Thread>("checkpoint", [this, i] { Run(i); }));
  }
}

Checkpointer::~Checkpointer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  threads_.clear();
}

void Checkpointer::Begin() {
  MutexLock lock(mutex_);
  begun_ = true;
  changed_.NotifyAll();
}

void Checkpointer::CopyAll() {
  for (size_t i = 0; i < sources_.size() && !stopping_; ++i) {
    MutexLock lock(copies_[i]->mutex);
    CopyLocked(i, *copies_[i]);
  }
}

void Checkpointer::CopyLocked(size_t source, Copy& copy) {
  if (copy.taken) return;
  copy.taken = true;
  const Source& from = sources_[source];
  const auto since = options_.since.find({from.table, from.shard});
  copy.state = from.content->StateSince(since == options_.since.end() ? 0 : since->second);
}

void Checkpointer::CopyAhead() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    {
      MutexLock lock(mutex_);
      while (!stopping_ && (!begun_ || i >= taken_ + kAhead)) changed_.Wait(mutex_);
      if (stopping_) return;
    }
    {
      MutexLock lock(copies_[i]->mutex);
      CopyLocked(i, *copies_[i]);
    }
    MutexLock lock(mutex_);
    copied_ = i + 1;
    changed_.NotifyAll();
  }
}

std::optional<std::pair<size_t, ShardState>> Checkpointer::Take() {
  size_t source = 0;
  {
    MutexLock lock(mutex_);
    if (taken_ == sources_.size()) return std::nullopt;
    source = taken_++;
    changed_.NotifyAll();
    while (!stopping_ && copied_ <= source) changed_.Wait(mutex_);
    if (stopping_) return std::nullopt;
  }
  Copy& copy = *copies_[source];
  MutexLock lock(copy.mutex);
  ShardState state = *std::move(copy.state);
  copy.state.reset();
  return std::make_pair(source, std::move(state));
}

void Checkpointer::Run(size_t thread) {
  LowerPriority();
  {
    MutexLock lock(mutex_);
    while (!begun_ && !stopping_) changed_.Wait(mutex_);
  }
  v1::CheckpointFile file;
  const absl::Status status = WriteFile(thread, &file);
  v1::CheckpointWritten written;
  ShardIndices indices;
  {
    MutexLock lock(mutex_);
    if (status.ok()) {
      *written_.add_files() = std::move(file);
    } else if (written_.error().empty()) {
      written_.set_error(std::string(status.message()));
    }
    if (--running_ > 0 || stopping_) return;
    written = written_;
    indices = indices_;
    if (unchanged_.shards_size() > 0) *written.add_files() = unchanged_;
  }
  done_(written, indices);
}

absl::Status Checkpointer::WriteFile(size_t thread, v1::CheckpointFile* file) {
  file->set_name(absl::StrCat(options_.name, "-", thread, ".records"));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<RecordFileWriter> writer,
      CreateCheckpointFile(options_.folder, options_.number, file->name(), options_.zstd_level));
  while (auto taken = Take()) {
    const Source& source = sources_[taken->first];
    ShardState state = std::move(taken->second);
    const auto before = options_.since.find({source.table, source.shard});
    const bool changed = before == options_.since.end() || before->second != state.index;
    {
      MutexLock lock(mutex_);
      indices_[{source.table, source.shard}] = state.index;
      written_.set_clock(std::max(written_.clock(), state.clock));
      v1::LoggedShard& shard = changed ? *file->add_shards() : *unchanged_.add_shards();
      shard.set_table(source.table);
      shard.set_shard(source.shard);
      shard.set_index(state.index);
    }
    if (changed) RETURN_IF_ERROR(Write(source, std::move(state), *writer));
  }
  RETURN_IF_FAILPOINT("checkpoint.fsync");
  ASSIGN_OR_RETURN(const FileDigest digest, writer->Finish());
  file->set_bytes(digest.bytes);
  file->set_sha256(digest.sha256);
  return absl::OkStatus();
}

absl::Status Checkpointer::Write(const Source& source, ShardState state, RecordFileWriter& writer) {
  // Whoever reads it may be of another life of the job.
  state.restored.insert(state.restored.end(), state.marks.begin(), state.marks.end());
  for (const ReplicaFrame& frame :
       SnapshotFrames(source.table, source.shard, source.content->dim(), source.sparse, state)) {
    RETURN_IF_FAILPOINT("checkpoint.write");
    RETURN_IF_ERROR(writer.Append(ReplicaRecord(frame).pieces()));
  }
  return absl::OkStatus();
}

}  // namespace paramd
