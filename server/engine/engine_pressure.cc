// The part of Engine that takes no more than there is room for.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "server/engine/engine.h"

namespace paramd {
namespace {

// Part of max_replica_bytes from which on a backup is said to be behind.
constexpr uint64_t kBehind = 4;

constexpr char kWhatToDo[] =
    "; give it more (cluster.server.memory), add servers, or let fewer keys have rows "
    "(tables[].rows)";

// Whether it would take memory that stays.
bool Grows(const Operation& operation, const CheckedOperation& checked) {
  return std::any_of(checked.parts.begin(), checked.parts.end(), [&](const ShardPart& part) {
    if (operation.kind == OperationKind::kPush) return part.shard->GrowsByPush(part.rows);
    return !operation.ignore_clock && part.shard->GrowsByPull(operation.client, part.rows);
  });
}

}  // namespace

absl::Status Engine::CheckRoom(const Operation& operation, const CheckedOperation& checked,
                               bool* slow) {
  if (checked.table == nullptr) return absl::OkStatus();
  const bool push = operation.kind == OperationKind::kPush;
  memory_.Expect(operation.keys.size() * sizeof(uint64_t) + operation.values.remaining());
  const MemoryLevel level = memory_.level();
  const bool grows = level != MemoryLevel::kPlenty && Grows(operation, checked);
  if (grows && level == MemoryLevel::kFull) {
    MutexLock lock(links_mutex_);
    return absl::ResourceExhaustedError(
        absl::StrCat(NameOf(self_), " has no memory for more rows: ", memory_.Describe(),
                     " are in use", kWhatToDo));
  }
  *slow = grows;
  if (!push || !replicates()) return absl::OkStatus();
  return CheckBackups(operation, checked);
}

absl::Status Engine::CheckBackups(const Operation& operation, const CheckedOperation& checked) {
  std::shared_ptr<ReplicaLink> full;
  std::string name;
  {
    MutexLock lock(links_mutex_);
    for (const auto& [server, link] : links_) {
      if (link->queued_bytes() > options_.max_replica_bytes) {
        return absl::ResourceExhaustedError(
            absl::StrCat("backup ", NameOf(server),
                         " does not keep up: ", link->queued_bytes() >> 20, " MiB wait for it"));
      }
      if (!link->full()) continue;
      full = link;
      name = NameOf(server);
    }
  }
  if (full == nullptr || !Grows(operation, checked)) return absl::OkStatus();
  // Whether it still is.
  ReplicaFrame question;
  question.header.set_kind(v1::Header::PUSH);
  SendTo(*full, std::move(question), nullptr);
  return absl::ResourceExhaustedError(
      absl::StrCat("backup ", name, " has no memory for more rows", kWhatToDo));
}

ReplyCallback Engine::Slowed(const ReplyCallback& done) {
  return [this, done](const Reply& reply) {
    // What is refused holds up all that follows, so that has to be said at once.
    if (!reply.status.ok()) return done(reply);
    memory_.CallLater([done, reply] { done(reply); });
  };
}

std::string Engine::NameOf(uint32_t server) const {
  const auto found = server_names_.find(server);
  return found == server_names_.end() || found->second.empty() ? absl::StrCat("server ", server)
                                                               : found->second;
}

void Engine::AddPressure(v1::ServerReport* report) const {
  report->set_memory(memory_.used());
  switch (memory_.level()) {
    case MemoryLevel::kPlenty:
      break;
    case MemoryLevel::kSlow:
      report->add_problems(absl::StrCat("memory is short: ", memory_.Describe(),
                                        " are in use; pushes that add rows are slowed down",
                                        kWhatToDo));
      break;
    case MemoryLevel::kFull:
      report->add_problems(absl::StrCat("memory is full: ", memory_.Describe(),
                                        " are in use; pushes that add rows are refused "
                                        "(RESOURCE_EXHAUSTED)",
                                        kWhatToDo));
      break;
  }
  MutexLock lock(links_mutex_);
  for (const auto& [server, link] : links_) {
    const uint64_t queued = link->queued_bytes();
    if (queued > options_.max_replica_bytes / kBehind) {
      report->add_problems(
          absl::StrCat("backup ", NameOf(server), " is ", queued >> 20, " MiB behind",
                       queued > options_.max_replica_bytes ? "; pushes are refused" : ""));
    }
    if (link->full()) {
      report->add_problems(absl::StrCat("backup ", NameOf(server),
                                        " has no memory for more rows; pushes that add rows are "
                                        "refused (RESOURCE_EXHAUSTED)"));
    }
  }
}

}  // namespace paramd
