// The part of Engine that takes over views and tells others what it holds.

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "server/engine/engine.h"
#include "server/table/hasher.h"
#include "server/table/shard.h"

namespace paramd {

namespace {

// Backups that the view makes primaries serve clients from now on. Whether there are any.
bool Promote(const View& before, const View& view) {
  bool any = false;
  for (size_t table = 0; table < before.backups.size(); ++table) {
    for (uint32_t i = 0; i < before.backups[table].size(); ++i) {
      const std::shared_ptr<BackupShard>& backup = before.backups[table][i];
      if (backup == nullptr || view.backups[table][i] != nullptr) continue;
      if (view.tables[table]->shard(i) == nullptr) continue;
      backup->Promote();
      any = true;
    }
  }
  return any;
}

void AddShardReports(uint32_t table, const View& view, v1::ServerReport* report) {
  for (uint32_t i = 0; i < view.tables[table]->shards(); ++i) {
    const Shard* const shard = view.ServedShard(table, i);
    if (shard == nullptr) continue;
    const Shard::Traffic traffic = shard->traffic();
    v1::ShardReport& one = *report->add_shards();
    one.set_table(table);
    one.set_shard(i);
    one.set_bytes(shard->Size().bytes);
    one.set_pushed_rows(traffic.pushed_rows);
    one.set_pulled_rows(traffic.pulled_rows);
  }
}

}  // namespace

// ---- views

void Engine::SetServerId(uint32_t id) {
  {
    MutexLock lock(links_mutex_);
    self_ = id;
  }
  MutexLock lock(mutex_);
  server_id_ = id;
}

absl::Status Engine::ApplyView(const v1::ClusterView& message) {
  ASSIGN_OR_RETURN(std::optional<std::vector<PendingPull>> waiting, Install(message));
  if (!waiting.has_value()) return absl::OkStatus();
  PARAMD_FAILPOINT("view.applied");
  ReleaseLinks(message);
  for (PendingPull& pull : *waiting) Resume(std::move(pull));
  Settle();
  WaitUntilClosed();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::vector<PendingPull>>> Engine::Install(
    const v1::ClusterView& message) {
  MutexLock installing(view_mutex_);
  std::shared_ptr<const View> before;
  std::optional<uint32_t> server;
  {
    MutexLock lock(mutex_);
    before = view_;
    server = server_id_;
  }
  if (!server) return absl::FailedPreconditionError("a view came before the server's id");
  if (message.version() <= before->version) return std::nullopt;
  ASSIGN_OR_RETURN(std::shared_ptr<const View> view, View::Make(message, *server, *before));
  PARAMD_FAILPOINT("view.apply");
  // Who leaves is out of the clocks first: no step that it finishes from now on counts, so what it
  // has pushed for it can be dropped, wherever it is.
  absl::flat_hash_set<uint32_t> staying;
  std::vector<std::pair<uint32_t, uint64_t>> leaving;  // with their clocks
  {
    MutexLock lock(mutex_);
    for (const auto& [client, incarnation] : before->workers) {
      if (view->IsMember(client, incarnation)) {
        staying.insert(client);
      } else if (const std::optional<uint64_t> clock = clocks_.ClockOf(client)) {
        leaving.emplace_back(client, *clock);
      }
    }
    clocks_.RetainOnly(staying);
  }
  for (const auto& [client, clock] : leaving) {
    ForEachSynchronousShard(
        *before, [client = client, clock = clock](Shard& shard) { shard.Discard(client, clock); });
    ForgetPulled(*before, client);
  }
  // A step is closed on all shards here or on none: not while shards come or go.
  HoldSteps();
  const auto let_go = absl::MakeCleanup([this] { LetStepsGo(); });
  ASSIGN_OR_RETURN(const bool logged, OpenLogFor(message, *before, *view));
  ASSIGN_OR_RETURN(const bool loaded, LoadShards(message, *before, *view));
  const bool comes = logged || loaded;
  const bool promotes = Promote(*before, *view);
  ConnectBackups(message, *view);
  LogShards(*view);
  const bool again = ServeAgain(*before, *view);
  Freeze(message, *before, *view);
  absl::flat_hash_set<uint32_t> training;
  for (const v1::WorkerMember& worker : message.workers()) {
    if (worker.training()) training.insert(worker.id());
  }
  MutexLock lock(mutex_);
  view_ = std::move(view);
  const bool arrives = before->version == 0 && !training.empty();
  if (before->version == 0) {
    clocks_.Begin(message.shard_map().clock());
    closed_ = decided_ = clocks_.MinClock();
  }
  if (promotes || comes || again || arrives) {
    awaited_epoch_ = view_->epoch;
    catch_up_ = true;
  }
  // Who trains comes here, too. Who has ended meanwhile has left all clocks.
  if (comes || arrives) awaited_clients_ = training;
  const auto& workers = view_->workers;
  absl::erase_if(awaited_clients_, [&](uint32_t client) { return !training.contains(client); });
  absl::erase_if(sent_again_, [&](const auto& entry) { return !workers.contains(entry.first); });
  // Those that are still allowed wait again, as the new view says.
  return parked_.TakeIf([](const PendingPull&) { return true; });
}

// ---- what others want to know

void Engine::LoadTable(uint32_t table, absl::Span<const uint64_t> keys,
                       absl::Span<const float> values) {
  std::shared_ptr<const View> view;
  {
    MutexLock lock(mutex_);
    view = view_;
  }
  view->tables[table]->Load(keys, values);
}

absl::StatusOr<ShardSnapshot> Engine::ReadShard(uint32_t table, uint32_t shard,
                                                uint64_t epoch) const {
  std::shared_ptr<const View> view;
  {
    MutexLock lock(mutex_);
    view = view_;
  }
  if (epoch > view->epoch) {
    return absl::UnavailableError(
        absl::StrCat("epoch ", epoch, " was asked for, the shard map has epoch ", view->epoch));
  }
  const bool exists = table < view->tables.size() && shard < view->tables[table]->shards();
  if (!exists || view->ServedShard(table, shard) == nullptr) {
    const std::string what = absl::StrCat("table ", table, ", shard ", shard, " is not here");
    // It may have been, or leaves just now.
    const bool moved = exists && (epoch < view->epoch || view->moving[table][shard]);
    return moved ? absl::UnavailableError(what) : absl::NotFoundError(what);
  }
  return view->ServedShard(table, shard)->Snapshot();
}

v1::ServerReport Engine::Report() const {
  v1::ServerReport report;
  std::shared_ptr<const View> view;
  std::vector<double> waited;
  {
    MutexLock lock(mutex_);
    view = view_;
    const ClockTracker::ClientClock slowest =
        clocks_.Slowest().value_or(ClockTracker::ClientClock());
    for (const auto& [clock, pull] : parked_.all()) {
      // It came ahead of its step: the client computes another one meanwhile.
      if (clocks_.ClockOf(pull.operation.client).value_or(0) < pull.operation.clock) continue;
      v1::WaitingPull& waiting = *report.add_waiting();
      waiting.set_table(pull.operation.table);
      waiting.set_client(pull.operation.client);
      waiting.set_clock(pull.operation.clock);
      waiting.set_waits_for_client(slowest.client);
      waiting.set_waits_for_clock(slowest.clock);
    }
    for (uint32_t i = 0; i < view->tables.size(); ++i) {
      waited.push_back(absl::ToDoubleSeconds(parked_.Waited(i)));
    }
  }
  for (size_t i = 0; i < view->tables.size(); ++i) {
    v1::TableReport& table = *report.add_tables();
    table.set_table(static_cast<uint32_t>(i));
    table.set_rows(view->tables[i]->ServedSize().rows);
    table.set_bytes(view->tables[i]->Size().bytes);
    for (const uint64_t count : view->staleness[i]->pushes.Counts()) {
      table.add_push_staleness(count);
    }
    for (const uint64_t count : view->staleness[i]->pulls.Counts()) {
      table.add_pull_staleness(count);
    }
    table.set_waited_seconds(waited[i]);
    AddShardReports(static_cast<uint32_t>(i), *view, &report);
  }
  const EngineCounters counters = Counters();
  report.set_pushes(counters.pushes);
  report.set_pulls(counters.pulls);
  report.set_refused(counters.refused);
  report.set_late(counters.dropped);
  AddPressure(&report);
  MutexLock lock(links_mutex_);
  if (log_link_ != nullptr && !log_link_->problem().empty()) {
    report.add_problems(log_link_->problem());
  }
  return report;
}

EngineCounters Engine::Counters() const {
  return {.pushes = pushes_.load(std::memory_order_relaxed),
          .pulls = pulls_.load(std::memory_order_relaxed),
          .refused = refused_.load(std::memory_order_relaxed),
          .duplicates = duplicates_.load(std::memory_order_relaxed),
          .late = late_.load(std::memory_order_relaxed),
          .dropped = dropped_.load(std::memory_order_relaxed)};
}

uint64_t Engine::Digest() const {
  Hasher hasher;
  std::shared_ptr<const View> view;
  {
    MutexLock lock(mutex_);
    view = view_;
    hasher.AddValues(clocks_.MinClock(), uint64_t{parked_.all().size()});
  }
  for (const std::shared_ptr<const Table>& table : view->tables) {
    for (uint32_t i = 0; i < table->shards(); ++i) {
      if (const Shard* const shard = table->shard(i)) hasher.AddValues(i, shard->Digest());
    }
  }
  return hasher.Digest();
}

}  // namespace paramd
