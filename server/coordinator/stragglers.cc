#include "server/coordinator/stragglers.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace paramd {
namespace {

constexpr int kSamples = 8;
// Steps that most workers have done in a window, at least.
constexpr double kSteps = 4;

// Examples of the workers that have work, by id.
std::map<uint32_t, uint64_t> ExamplesOf(const std::deque<Member>& members) {
  std::map<uint32_t, uint64_t> examples;
  for (const Member& member : members) {
    if (member.record.role() != v1::WORKER || !member.live() || member.record.idle() ||
        member.record.starting() != v1::MemberRecord::NOT_STARTING || !member.has_reported) {
      continue;
    }
    examples[member.record.id()] = member.worker_report.examples();
  }
  return examples;
}

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

double MedianWithout(const std::map<uint32_t, double>& values, uint32_t left_out) {
  std::vector<double> others;
  for (const auto& [id, value] : values) {
    if (id != left_out) others.push_back(value);
  }
  const auto middle = others.begin() + static_cast<int64_t>(others.size() / 2);
  std::nth_element(others.begin(), middle, others.end());
  return *middle;
}

}  // namespace

std::string Stragglers::Why(uint32_t worker) const {
  const auto found = found_.find(worker);
  return found == found_.end() ? "" : found->second;
}

void Stragglers::Look(const std::deque<Member>& members, absl::Duration now) {
  if (options_.factor == 0) return;
  const std::map<uint32_t, uint64_t> examples = ExamplesOf(members);
  const bool same =
      window_.has_value() &&
      std::equal(examples.begin(), examples.end(), window_->workers.begin(), window_->workers.end(),
                 [](const auto& a, const auto& b) { return a.first == b.first; });
  if (!same) {
    window_ = Window{.begin = now, .last_sample = now};
    for (const auto& [id, done] : examples) window_->workers[id] = {.examples = done};
    return;
  }
  if (now - window_->last_sample < options_.heartbeat) return;
  window_->last_sample = now;
  ++window_->samples;
  for (auto& [id, worker] : window_->workers) worker.waited += Waits(members, id);
  if (window_->samples >= kSamples) End(examples, now);
}

void Stragglers::End(const std::map<uint32_t, uint64_t>& examples, absl::Duration now) {
  if (examples.size() < 2) return found_.clear();
  std::map<uint32_t, double> seconds;  // of a step
  size_t enough = 0;
  for (const auto& [id, worker] : window_->workers) {
    const double steps = static_cast<double>(examples.at(id) - worker.examples) /
                         std::max(options_.batch_examples, 1u);
    enough += steps >= kSteps;
    const double worked = 1 - static_cast<double>(worker.waited) / window_->samples;
    // Who has not ended one yet takes this long at least.
    seconds[id] = absl::ToDoubleSeconds(now - window_->begin) * worked / std::max(steps, 1.0);
  }
  // Otherwise the window goes on.
  if (2 * enough < seconds.size()) return;
  found_.clear();
  for (const auto& [id, own] : seconds) {
    const double median = MedianWithout(seconds, id);
    if (own <= options_.factor * median) continue;
    found_[id] = absl::StrCat("its steps take ", Spell(own), ", the median of the others is ",
                              Spell(median));
  }
  Pause();
}

}  // namespace paramd
