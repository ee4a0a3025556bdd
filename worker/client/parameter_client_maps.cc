// The part of ParameterClient that takes over shard maps.

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "worker/client/client_table.h"
#include "worker/client/parameter_client.h"
#include "worker/client/recut.h"

namespace paramd {

void ParameterClient::Announce(const v1::ShardMap& map) {
  {
    MutexLock lock(mutex_);
    announced_ = map;
    has_announced_ = true;
  }
  loop_.Wake();
}

void ParameterClient::TakeAnnounced() {
  if (!has_announced_) return;
  v1::ShardMap map;
  {
    MutexLock lock(mutex_);
    has_announced_ = false;
    map = std::move(announced_);
  }
  if (map.epoch() < options_.shard_map.epoch()) return;
  if (map.epoch() > options_.shard_map.epoch()) TakePlacement(map);
  for (size_t i = 0; i < tables_.size(); ++i) {
    tables_[i]->kept.Update(map.tables(static_cast<int>(i)).spec());
  }
}

void ParameterClient::TakePlacement(const v1::ShardMap& map) {
  options_.shard_map = map;
  for (size_t i = 0; i < tables_.size(); ++i) {
    tables_[i]->SetPlacement(static_cast<uint32_t>(i), map.tables(static_cast<int>(i)),
                             PlannerOptions());
  }
  // What goes to another server than it was sent to, and whatever has its number: a shard must not
  // take two pushes of one number, so all of a number is cut together.
  std::map<uint64_t, std::vector<OutgoingOperation>> stranded;
  for (const auto& [server, link] : links_) {
    for (OutgoingOperation& open : link->TakeIf(
             [&, id = server](const OutgoingOperation& open) { return IsStranded(open, id); })) {
      stranded[open.operation.sequence].push_back(std::move(open));
    }
  }
  for (const auto& [server, link] : links_) {
    for (OutgoingOperation& open : link->TakeIf([&](const OutgoingOperation& open) {
           return stranded.contains(open.operation.sequence);
         })) {
      stranded[open.operation.sequence].push_back(std::move(open));
    }
  }
  // The first step of which something is not answered where it was sent to.
  uint64_t first_step = clock_;
  for (const auto& [sequence, operations] : stranded) {
    if (operations.front().operation.kind == OperationKind::kPush) {
      first_step = std::min(first_step, operations.front().operation.clock);
    }
  }
  const std::vector<std::unique_ptr<ServerLink>> removed = ReplaceLinks(map);
  std::map<uint32_t, std::vector<OutgoingOperation>> again;
  for (auto& [sequence, operations] : stranded) CutAgain(std::move(operations), &again);
  for (const auto& [server, link] : links_) link->Insert(std::move(again[server]));
  if (!attached_) return;
  // A server that was not there before has not heard of the steps that it gets pushes of.
  for (uint64_t step = first_step; step < clock_; ++step) {
    for (const auto& [server, link] : links_) FinishStep(step, *link);
  }
  // Servers that have got shards wait until everybody has said that.
  for (const auto& [server, link] : links_) SendControl(OperationKind::kAdvance, clock_, *link);
}

bool ParameterClient::IsStranded(const OutgoingOperation& open, uint32_t server) const {
  const auto& servers = options_.shard_map.servers();
  const bool is_there = std::any_of(servers.begin(), servers.end(),
                                    [&](const auto& member) { return member.id() == server; });
  if (!is_there) return true;
  if (open.plan == nullptr) return false;
  const v1::TablePlacement& placement =
      options_.shard_map.tables(static_cast<int>(open.plan->table));
  const auto segments = open.plan->segments_of(open.plan->parts[open.part]);
  return std::any_of(segments.begin(), segments.end(), [&](const Segment& segment) {
    return placement.shard_servers(static_cast<int>(segment.shard)) != server;
  });
}

std::vector<std::unique_ptr<ServerLink>> ParameterClient::ReplaceLinks(const v1::ShardMap& map) {
  std::vector<std::unique_ptr<ServerLink>> removed;
  std::vector<ServerLink*> added;
  {
    MutexLock lock(links_mutex_);
    std::map<uint32_t, std::unique_ptr<ServerLink>> links;
    for (const v1::ServerMember& server : map.servers()) {
      std::unique_ptr<ServerLink>& link = links[server.id()];
      const auto known = links_.find(server.id());
      if (known != links_.end()) {
        link = std::move(known->second);
      } else {
        link = MakeLink(server);
        added.push_back(link.get());
        if (!shutdown_.ok()) link->Shutdown(shutdown_);
      }
    }
    links_.swap(links);
    for (auto& [server, link] : links) {
      if (link != nullptr) removed.push_back(std::move(link));
    }
  }
  if (!attached_) return removed;
  // In the middle of training: it is where it is, and the last steps may be open still.
  const uint64_t entry = step_examples_.empty() ? clock_ : step_examples_.begin()->first;
  for (ServerLink* const link : added) {
    SendControl(OperationKind::kAttach, entry + 1, *link);
    for (uint64_t step = entry; step < clock_; ++step) FinishStep(step, *link);
  }
  return removed;
}

void ParameterClient::FinishStep(uint64_t step, ServerLink& link) {
  OutgoingOperation out;
  out.operation = Prepare(OperationKind::kPush);
  out.operation.clock = step;
  out.operation.finishes_step = true;
  const auto examples = step_examples_.find(step);
  out.operation.examples = examples == step_examples_.end() ? 0 : examples->second;
  out.receiver = &nobody_;
  link.Send(std::move(out));
}

void ParameterClient::SendControl(OperationKind kind, uint64_t clock, ServerLink& link) {
  OutgoingOperation out;
  out.operation = Prepare(kind);
  out.operation.clock = clock;
  out.receiver = &nobody_;
  link.Send(std::move(out));
}

void ParameterClient::CutAgain(std::vector<OutgoingOperation> operations,
                               std::map<uint32_t, std::vector<OutgoingOperation>>* again) {
  const OutgoingOperation& first = operations.front();
  size_t made = 0;
  // The answer to the pull as it was may still come, with rows that nobody waits for any more.
  const uint64_t sequence = first.operation.kind == OperationKind::kPull
                                ? Prepare(OperationKind::kPull).sequence
                                : first.operation.sequence;
  const auto add = [&](uint32_t server, OutgoingOperation out) {
    out.operation.sequence = sequence;
    out.operation.epoch = options_.shard_map.epoch();
    out.receiver = first.receiver;
    (*again)[server].push_back(std::move(out));
    ++made;
  };
  std::vector<Fragment> fragments;
  // Servers that are still there and finish a step with this.
  absl::flat_hash_set<uint32_t> finishing;
  for (OutgoingOperation& operation : operations) {
    if (operation.operation.finishes_step && links_.contains(operation.server)) {
      finishing.insert(operation.server);
    }
    if (operation.plan == nullptr) continue;
    fragments.push_back(
        {.plan = operation.plan, .part = operation.part, .values = std::move(operation.values)});
  }
  if (!fragments.empty()) {
    ClientTable& table = *tables_[first.operation.table];
    for (auto& [server, fragment] : Recut(
             fragments, first.operation.codec,
             options_.shard_map.tables(static_cast<int>(first.operation.table)), table.planner())) {
      OutgoingOperation out;
      out.operation = first.operation;
      out.operation.finishes_step = finishing.erase(server) > 0;
      out.plan = std::move(fragment.plan);
      out.part = fragment.part;
      out.values = std::move(fragment.values);
      add(server, std::move(out));
    }
  }
  for (const uint32_t server : finishing) {
    OutgoingOperation out;
    out.operation = first.operation;
    out.operation.finishes_step = true;
    add(server, std::move(out));
  }
  // Nobody is left to answer what was for a server that is gone.
  first.receiver->Split(operations.size(), made);
}

}  // namespace paramd
