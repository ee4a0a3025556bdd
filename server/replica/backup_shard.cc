#include "server/replica/backup_shard.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/wire/frame.h"

namespace paramd {
namespace {

RemovedRows RemovedOf(const ShardOperation& operation) {
  if (operation.removals == nullptr) return {};
  return {.hashes = {operation.removals->hashes().begin(), operation.removals->hashes().end()},
          .after = {operation.removals->after().begin(), operation.removals->after().end()}};
}

std::vector<PushId> MarksOf(const google::protobuf::RepeatedPtrField<v1::Mark>& marks) {
  std::vector<PushId> ids;
  for (const v1::Mark& mark : marks) {
    ids.push_back({.client = mark.client(),
                   .incarnation = mark.incarnation(),
                   .sequence = mark.sequence(),
                   .clock = mark.clock(),
                   .piece = std::max<uint32_t>(mark.pieces(), 1) - 1});
  }
  return ids;
}

// All that is left, as float32.
void AppendFloats(ByteReader bytes, std::vector<float>* values) {
  const size_t before = values->size(), size = bytes.remaining() / sizeof(float);
  values->resize(before + size);
  bytes.Copy(size * sizeof(float), reinterpret_cast<uint8_t*>(values->data() + before));
}

}  // namespace

BackupShard::BackupShard(std::shared_ptr<Shard> shard, bool filled, uint64_t since)
    : shard_(std::move(shard)), since_(since), filled_(filled) {
  shard_->SetServing(false);
}

absl::Status BackupShard::Take(const ShardOperation& operation) {
  MutexLock lock(mutex_);
  if (operation.header->kind() == v1::Header::SNAPSHOT) return TakeSnapshot(operation);
  if (!filled_) {
    Keep(operation);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Replayed replayed, Replay(operation, false));
  switch (replayed) {
    case Replayed::kServing:
      return absl::FailedPreconditionError("the shard has another primary now");
    case Replayed::kAhead:
      Keep(operation);
      return absl::OkStatus();
    case Replayed::kHad:
      return absl::OkStatus();
    case Replayed::kApplied:
      break;
  }
  return kept_.empty() ? absl::OkStatus() : ReplayKept(false);
}

void BackupShard::Promote() {
  MutexLock lock(mutex_);
  // What is kept was looked at when it came.
  ReplayKept(true).IgnoreError();
  kept_.clear();
  shard_->SetServing(true);
}

bool BackupShard::filled() const {
  MutexLock lock(mutex_);
  return filled_;
}

absl::StatusOr<Replayed> BackupShard::Replay(const ShardOperation& operation, bool skip_gap) {
  const v1::Header& header = *operation.header;
  switch (header.kind()) {
    case v1::Header::PUSH:
      return ReplayPush(operation, skip_gap);
    case v1::Header::CLOSE:
      return ReplayStep(operation, skip_gap);
    case v1::Header::PULLED: {
      RowSet rows = operation.rows;
      hashes_.resize(rows.keys.size());
      RETURN_IF_ERROR(shard_->CheckRows(&rows, hashes_.data()));
      return shard_->ReplayPulled(operation.index, skip_gap, header.client(), header.clock(), rows);
    }
    case v1::Header::FORGET:
      return shard_->ReplayForget(operation.index, skip_gap, header.client());
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("kind ", static_cast<int>(header.kind()), " is not for replicas"));
  }
}

absl::StatusOr<Replayed> BackupShard::ReplayPush(const ShardOperation& operation, bool skip_gap) {
  const v1::Header& header = *operation.header;
  RowSet rows = operation.rows;
  hashes_.resize(rows.keys.size());
  RETURN_IF_ERROR(shard_->CheckRows(&rows, hashes_.data()));
  ASSIGN_OR_RETURN(const ValueCodec codec, FromProto(header.value_codec()));
  decoder_.Reset(codec, {.rows = static_cast<uint32_t>(rows.count), .dim = shard_->dim()},
                 operation.values);
  return shard_->ReplayPush(operation.index, skip_gap,
                            {.client = header.client(),
                             .incarnation = header.incarnation(),
                             .sequence = header.sequence(),
                             .clock = header.clock(),
                             .piece = operation.piece},
                            rows, decoder_,
                            {.examples = std::max<uint64_t>(header.examples(), 1),
                             .clock = header.clock(),
                             .delay = header.replicated().delay()},
                            RemovedOf(operation));
}

absl::StatusOr<Replayed> BackupShard::ReplayStep(const ShardOperation& operation, bool skip_gap) {
  SortedSum sum = {.keys = {operation.rows.keys.begin(), operation.rows.keys.end()}};
  AppendFloats(operation.values, &sum.gradients);
  if (sum.gradients.size() != sum.keys.size() * shard_->dim()) {
    return absl::InvalidArgumentError("lengths of a closed step do not add up");
  }
  const v1::Header& header = *operation.header;
  return shard_->ReplayStep(operation.index, skip_gap, header.clock(), header.examples(), sum,
                            MarksOf(header.replicated().marks()), RemovedOf(operation));
}

absl::Status BackupShard::TakeSnapshot(const ShardOperation& operation) {
  const v1::Header& header = *operation.header;
  const v1::Snapshot& part = header.replicated().snapshot();
  // It comes again when the connection broke. A log may have another one, of later.
  if (filled_ && operation.index <= shard_->index()) return absl::OkStatus();
  if (part.first()) {
    if (part.since() > 0 && (!filled_ || part.since() != shard_->index())) {
      return absl::InvalidArgumentError(absl::StrCat("a snapshot adds to the shard at operation ",
                                                     part.since(), ", which is at ",
                                                     filled_ ? shard_->index() : 0));
    }
    snapshot_ = ShardState{.index = operation.index,
                           .since = part.since(),
                           .blocks = {part.blocks().begin(), part.blocks().end()},
                           .clock = part.clock(),
                           .open_step = part.open_step(),
                           .marks = MarksOf(header.replicated().marks()),
                           .restored = MarksOf(part.restored()),
                           .sketch_added = part.sketch_counts()};
    snapshot_->sketch.resize(part.sketch().size() / sizeof(uint16_t));
    if (!snapshot_->sketch.empty()) {
      std::memcpy(snapshot_->sketch.data(), part.sketch().data(),
                  snapshot_->sketch.size() * sizeof(uint16_t));
    }
    for (const v1::PulledRow& row : part.pulled()) {
      PulledRows::Pull& pull = snapshot_->pulled.emplace_back();
      pull = {.client = row.client(), .clock = row.clock(), .row = row.row()};
      if (row.values().size() != shard_->dim() * sizeof(float)) {
        return absl::InvalidArgumentError("a pulled row of a snapshot has another dimension");
      }
      pull.values.resize(shard_->dim());
      std::memcpy(pull.values.data(), row.values().data(), row.values().size());
    }
  }
  if (!snapshot_.has_value() || snapshot_->index != operation.index) {
    return absl::InvalidArgumentError("the beginning of a snapshot is missing");
  }
  snapshot_->keys.insert(snapshot_->keys.end(), operation.rows.keys.begin(),
                         operation.rows.keys.end());
  AppendFloats(operation.values, &snapshot_->values);
  if (!part.last()) return absl::OkStatus();
  const bool restored = shard_->Restore(*snapshot_);
  snapshot_.reset();
  if (!restored) return absl::InvalidArgumentError("a snapshot does not suit its shard");
  filled_ = true;
  return ReplayKept(false);
}

void BackupShard::Keep(const ShardOperation& operation) {
  auto kept = std::make_unique<Kept>();
  kept->header = *operation.header;
  kept->keys.assign(operation.rows.keys.begin(), operation.rows.keys.end());
  ByteReader values = operation.values;
  kept->values.resize(values.remaining());
  values.Copy(kept->values.size(), kept->values.data());
  kept->piece = kept->values;
  kept->operation = operation;
  kept->operation.header = &kept->header;
  kept->operation.rows.keys = kept->keys;
  kept->operation.values = ByteReader({&kept->piece, 1});
  if (operation.removals != nullptr) {
    // The same one of the copy.
    const auto& all = operation.header->replicated().removals();
    for (int i = 0; i < all.size(); ++i) {
      if (&all.Get(i) == operation.removals) {
        kept->operation.removals = &kept->header.replicated().removals(i);
      }
    }
  }
  kept_.insert_or_assign(operation.index, std::move(kept));
}

absl::Status BackupShard::ReplayKept(bool skip_gaps) {
  while (!kept_.empty()) {
    const auto first = kept_.begin();
    ASSIGN_OR_RETURN(const Replayed replayed, Replay(first->second->operation, skip_gaps));
    if (replayed == Replayed::kAhead) break;
    kept_.erase(first);
  }
  return absl::OkStatus();
}

}  // namespace paramd
