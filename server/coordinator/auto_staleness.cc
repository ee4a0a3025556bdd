#include "server/coordinator/auto_staleness.h"

#include <algorithm>
#include <utility>

#include "common/config/duration.h"
#include "server/consistency/policy.h"

namespace paramd {
namespace {

constexpr uint64_t kSteps = 4;
constexpr int kHeartbeats = 2;

StalenessTuner NewTuner(const v1::ShardMap& shard_map) {
  StalenessTuner::Limits limits = {.min = UINT32_MAX, .max = 0};
  uint32_t steps = 0;
  for (const v1::TablePlacement& table : shard_map.tables()) {
    if (!HasAutoStaleness(table.spec().consistency())) continue;
    const v1::Consistency& consistency = table.spec().consistency();
    limits.min = std::min(limits.min, consistency.staleness_min());
    limits.max = std::max(limits.max, consistency.staleness_max());
    steps = std::max(steps, consistency.staleness().steps());
  }
  return StalenessTuner(limits, steps);
}

}  // namespace

AutoStaleness::AutoStaleness(const v1::ShardMap& shard_map, const v1::Config& config)
    : shortest_window_(kHeartbeats * ToDuration(config.cluster().heartbeat().interval())),
      fewest_examples_(kSteps * std::max(config.data().batch_size(), 1u)),
      tuner_(NewTuner(shard_map)) {}

AutoStaleness::Moment AutoStaleness::MomentOf(const v1::ShardMap& shard_map,
                                              const std::deque<Member>& members,
                                              absl::Duration now) {
  Moment moment = {.time = now};
  for (const Member& member : members) {
    if (!member.live()) continue;
    if (member.record.role() == v1::WORKER) {
      moment.workers.push_back(member.record.id());
      moment.examples += member.worker_report.examples();
      moment.loss_sum += member.worker_report.loss_sum();
    }
    for (const v1::TableReport& table : member.server_report.tables()) {
      if (table.table() >= static_cast<uint32_t>(shard_map.tables_size()) ||
          !HasAutoStaleness(
              shard_map.tables(static_cast<int>(table.table())).spec().consistency())) {
        continue;
      }
      double& waited = moment.waited[table.table()];
      waited = std::max(waited, table.waited_seconds());
    }
  }
  return moment;
}

StalenessTuner::Window AutoStaleness::Between(const Moment& begin, const Moment& end) {
  double waited = 0;
  for (const auto& [table, seconds] : end.waited) {
    const auto before = begin.waited.find(table);
    waited = std::max(waited, seconds - (before == begin.waited.end() ? 0 : before->second));
  }
  const double seconds = absl::ToDoubleSeconds(end.time - begin.time);
  const double of_workers = seconds * static_cast<double>(end.workers.size());
  return {
      .waited = std::clamp(waited / of_workers, 0.0, 1.0),
      .loss = (end.loss_sum - begin.loss_sum) / static_cast<double>(end.examples - begin.examples)};
}

std::optional<v1::StalenessChoice> AutoStaleness::Look(const v1::ShardMap& shard_map,
                                                       const std::deque<Member>& members,
                                                       absl::Duration now) {
  // Sums of members that are not heard of yet would be missing at the beginning.
  if (std::any_of(members.begin(), members.end(),
                  [](const Member& member) { return member.live() && !member.has_reported; })) {
    Pause();
    return std::nullopt;
  }
  Moment moment = MomentOf(shard_map, members, now);
  // Alone, nobody waits.
  if (moment.workers.size() < 2) {
    begin_.reset();
    return std::nullopt;
  }
  if (!begin_.has_value() || begin_->workers != moment.workers ||
      begin_->examples > moment.examples) {
    begin_ = std::move(moment);
    return std::nullopt;
  }
  if (moment.time - begin_->time < shortest_window_ ||
      moment.examples - begin_->examples < fewest_examples_ * moment.workers.size()) {
    return std::nullopt;
  }
  const StalenessTuner::Window window = Between(*begin_, moment);
  begin_ = std::move(moment);
  const std::optional<StalenessTuner::Choice> choice = tuner_.Look(window);
  if (!choice.has_value()) return std::nullopt;
  v1::StalenessChoice made;
  made.set_steps(choice->steps);
  made.set_waited(window.waited);
  made.set_loss(window.loss);
  made.set_reason(choice->reason);
  return made;
}

}  // namespace paramd
