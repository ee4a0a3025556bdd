#include "server/coordinator/stragglers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace paramd {
namespace {

// Heartbeats of a window.
constexpr int kHeartbeats = 8;
// Steps of a window, at least.
constexpr double kSteps = 4;
// Looks that come sooner tell nothing new.
constexpr int kLooksPerHeartbeat = 4;

// Whether a pull of the worker waits for another one.
bool Waits(const std::deque<Member>& members, uint32_t worker) {
  return std::any_of(members.begin(), members.end(), [&](const Member& member) {
    if (!member.live()) return false;
    const auto& pulls = member.server_report.waiting();
    return std::any_of(pulls.begin(), pulls.end(), [&](const v1::WaitingPull& pull) {
      return pull.client() == worker && pull.waits_for_client() != worker;
    });
  });
}

std::string Spell(double seconds) {
  return absl::FormatDuration(absl::Trunc(absl::Seconds(seconds), absl::Microseconds(1)));
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::string Stragglers::Why(uint32_t worker) const {
  const auto found = found_.find(worker);
  return found == found_.end() ? "" : found->second;
}

void Stragglers::Look(const std::deque<Member>& members, const std::set<uint32_t>& training,
                      absl::Duration now) {
  if (options_.factor == 0) return;
  const absl::Duration dt = last_look_.has_value() ? now - *last_look_ : absl::ZeroDuration();
  if (last_look_.has_value() && dt < options_.heartbeat / kLooksPerHeartbeat) return;
  last_look_ = now;
  std::map<uint32_t, Worker> workers;
  for (const Member& member : members) {
    if (member.record.role() != v1::WORKER || !member.live() || !member.has_reported) continue;
    const uint32_t id = member.record.id();
    const uint64_t examples = member.worker_report.examples();
    const auto known = workers_.find(id);
    Worker& worker = workers[id];
    worker = known == workers_.end() ? Worker{.examples = examples} : known->second;
    const bool trained = worker.trains;
    worker.trains =
        training.contains(id) && member.record.starting() == v1::MemberRecord::NOT_STARTING;
    if (trained && worker.trains && !Waits(members, id)) Add(worker, examples, dt);
  }
  workers_ = std::move(workers);
  Judge();
}

void Stragglers::Add(Worker& worker, uint64_t examples, absl::Duration dt) {
  worker.worked += dt;
  if (worker.worked < kHeartbeats * options_.heartbeat) return;
  const double steps =
      static_cast<double>(examples - worker.examples) / std::max(options_.batch_examples, 1u);
  // Who has not ended one yet takes this long at least.
  worker.at_least = absl::ToDoubleSeconds(worker.worked) / std::max(steps, 1.0);
  if (steps < kSteps) return;
  worker = {.trains = true, .examples = examples, .last = worker.at_least};
}

void Stragglers::Judge() {
  found_.clear();
  for (const auto& [id, worker] : workers_) {
    std::vector<double> others;
    for (const auto& [other_id, other] : workers_) {
      if (other_id != id && other.last > 0) others.push_back(other.last);
    }
    if (others.empty()) continue;
    const double own = std::max(worker.last, worker.at_least), median = Median(std::move(others));
    if (own <= options_.factor * median) continue;
    found_[id] = absl::StrCat("its steps take ", Spell(own), ", the median of the others is ",
                              Spell(median));
  }
}

}  // namespace paramd
