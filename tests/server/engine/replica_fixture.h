#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch2/catch.hpp"
#include "common/base/mutex.h"
#include "server/engine/engine.h"
#include "server/replica/replica_link.h"
#include "tests/server/engine/engine_fixture.h"

namespace paramd {

// A link whose messages wait until the test delivers them, in any order. Thread-safe.
class HeldLink final : public ReplicaLink {
 public:
  struct Held {
    ReplicaFrame frame;
    std::vector<std::shared_ptr<Acknowledgement>> acknowledgements;
  };

  void Send(ReplicaFrame frame, std::shared_ptr<Acknowledgement> acknowledgement) override {
    MutexLock lock(mutex_);
    if (released_) return;
    held_.push_back({.frame = std::move(frame)});
    if (acknowledgement != nullptr) {
      held_.back().acknowledgements.push_back(std::move(acknowledgement));
    }
    changed_.NotifyAll();
  }
  void WhenAllTaken(uint64_t epoch, std::shared_ptr<Acknowledgement> acknowledgement) override {
    if (refused_epoch_ >= epoch) acknowledgement->GiveUp();
    WhenAllAnswered(std::move(acknowledgement));
  }
  void WhenAllAnswered(std::shared_ptr<Acknowledgement> acknowledgement) override {
    MutexLock lock(mutex_);
    if (!held_.empty()) held_.back().acknowledgements.push_back(std::move(acknowledgement));
  }
  void Release() override {
    std::deque<Held> held;
    MutexLock lock(mutex_);
    released_ = true;
    held.swap(held_);
  }
  bool released() const override {
    MutexLock lock(mutex_);
    return released_;
  }
  void GiveUp() override {
    while (std::optional<Held> held = Take(0)) GiveUp(*held);
    MutexLock lock(mutex_);
    released_ = true;
  }
  uint64_t queued_bytes() const override { return queued_bytes_; }
  bool full() const override { return full_; }

  size_t size() const {
    MutexLock lock(mutex_);
    return held_.size();
  }

  // Blocks until there is a message.
  void WaitForMessage() {
    MutexLock lock(mutex_);
    while (held_.empty()) changed_.Wait(mutex_);
  }

  // Gives message `i` to a backup, which answers. `from`: the sender's server id.
  absl::Status Deliver(size_t i, Engine& backup, uint32_t from = 1) {
    std::optional<Held> held = Take(i);
    REQUIRE(held.has_value());
    const ReplicaFrame& frame = held->frame;
    // As it comes from the wire.
    v1::Header header;
    REQUIRE(header.ParseFromString(frame.header.SerializeAsString()));
    const ByteReader::Piece keys(frame.keys.data(), frame.keys.size());
    const absl::Status status =
        backup.TakeReplicated(from, header, ByteReader({&keys, 1}), ByteReader(frame.values));
    if (!status.ok()) {
      refused_epoch_ = std::max<uint64_t>(refused_epoch_, header.epoch());
      GiveUp(*held);
    }
    return status;
  }

  void DeliverAll(Engine& backup) {
    while (size() > 0) REQUIRE(Deliver(0, backup) == absl::OkStatus());
  }

  uint64_t queued_bytes_ = 0;
  bool full_ = false;
  uint64_t refused_epoch_ = 0;

 private:
  static void GiveUp(const Held& held) {
    for (const auto& acknowledgement : held.acknowledgements) acknowledgement->GiveUp();
  }

  std::optional<Held> Take(size_t i) {
    MutexLock lock(mutex_);
    if (i >= held_.size()) return std::nullopt;
    std::optional<Held> held = std::move(held_[i]);
    held_.erase(held_.begin() + static_cast<int64_t>(i));
    return held;
  }

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Held> held_ ABSL_GUARDED_BY(mutex_);
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
};

// Server 1 is the primary of every shard and server 2 the backup.
class ReplicaPair {
 public:
  explicit ReplicaPair(const std::vector<v1::TableSpec>& tables,
                       const std::vector<uint32_t>& workers = {1, 2}, bool filled = true,
                       bool wait_for_backup = true)
      : view(TestView(1, tables, workers)) {
    EngineOptions options;
    options.wait_for_backup = wait_for_backup;
    options.connect = [this](uint32_t, const std::string&) {
      auto opened = std::make_unique<HeldLink>();
      link = opened.get();
      return opened;
    };
    options.has_lease = [this] { return lease; };
    options.on_filled = [this](const v1::ShardReplica& replica) {
      MutexLock lock(mutex);
      filled_shards.push_back(replica);
      changed.NotifyAll();
    };
    options.on_released = [this](const v1::ShardsReleased& shards) {
      MutexLock lock(mutex);
      released.insert(released.end(), shards.shards().begin(), shards.shards().end());
    };
    primary.emplace(options);
    backup.emplace(options);
    primary->SetServerId(1);
    backup->SetServerId(2);
    for (const uint32_t id : {1, 2}) {
      v1::ServerMember& server = *view.mutable_shard_map()->add_servers();
      server.set_id(id);
    }
    for (v1::TablePlacement& table : *view.mutable_shard_map()->mutable_tables()) {
      for (int i = 0; i < table.shard_servers_size(); ++i) {
        v1::ShardBackup& one = *table.add_backups()->add_backups();
        one.set_server(2);
        one.set_filled(filled);
      }
    }
    REQUIRE(backup->ApplyView(view).ok());
    REQUIRE(primary->ApplyView(view).ok());
  }

  // Server 1 is gone, and server 2 serves its shards.
  v1::ClusterView FailedOver() const {
    v1::ClusterView next = view;
    next.set_version(2);
    v1::ShardMap& map = *next.mutable_shard_map();
    map.set_epoch(2);
    map.mutable_servers()->DeleteSubrange(0, 1);
    for (v1::TablePlacement& table : *map.mutable_tables()) {
      for (int i = 0; i < table.shard_servers_size(); ++i) {
        table.set_shard_servers(i, 2);
        table.mutable_backups(i)->clear_backups();
      }
    }
    return next;
  }

  std::vector<v1::ShardReplica> released_shards() {
    MutexLock lock(mutex);
    return released;
  }

  // Index and digest of every shard.
  static std::string Describe(const Engine& engine) {
    std::string text;
    const v1::ShardDigests digests = engine.ShardDigests();
    for (const v1::ShardDigest& shard : digests.shards()) {
      text += std::to_string(shard.table()) + "/" + std::to_string(shard.shard()) + " " +
              std::to_string(shard.index()) + " " + std::to_string(shard.digest()) + "\n";
    }
    return text;
  }

  bool lease = true;
  HeldLink* link = nullptr;
  v1::ClusterView view;
  Mutex mutex;
  CondVar changed;
  std::vector<v1::ShardReplica> filled_shards ABSL_GUARDED_BY(mutex);
  std::vector<v1::ShardReplica> released ABSL_GUARDED_BY(mutex);
  std::optional<Engine> primary, backup;
};

// Sends a push that may wait for the backup.
inline PendingReply SendPush(TestClient& client, uint32_t table, uint64_t clock,
                             const CutRows& rows, bool finishes_step = false) {
  Operation operation = client.New(OperationKind::kPush, clock);
  operation.table = table;
  operation.finishes_step = finishes_step;
  operation.examples = 2;
  operation.segments = rows.segments;
  operation.keys = rows.keys;
  const RawValues values(rows.values);
  operation.values = values.reader();
  return client.Send(operation);
}

}  // namespace paramd
