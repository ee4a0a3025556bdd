#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "server/coordinator/membership.h"

namespace paramd {

// Finds workers that are much slower than the others, by what members report. Of each worker the
// time in which it has partitions to train on, and waits for no other, is cut into windows of some
// heartbeats, or longer until it has done some steps; in each a step takes
//   t = (time of the window) / steps
// where a step is a batch of examples: those who wait for a slow worker take as many steps as it
// does, but not as long for one. A worker is a straggler while its last t, or that of the window
// under way, is more than `factor` times the median of the others' last. Pure: time comes in as an
// argument. Not thread-safe.
class Stragglers {
 public:
  struct Options {
    // 0: nobody is one.
    double factor = 0;
    // Between two reports of a member.
    absl::Duration heartbeat;
    uint32_t batch_examples = 1;
  };
  explicit Stragglers(const Options& options) : options_(options) {}

  // Often, in comparison with heartbeats. `training`: workers that have partitions to train on.
  void Look(const std::deque<Member>& members, const std::set<uint32_t>& training,
            absl::Duration now);

  // Training rests until the next Look.
  void Pause() { last_look_.reset(); }

  // Why the worker is one; empty: it is none.
  std::string Why(uint32_t worker) const;

 private:
  struct Worker {
    bool trains = false;  // when it was last looked at
    // Of the window under way.
    absl::Duration worked;
    uint64_t examples = 0;  // at its beginning
    double at_least = 0;    // seconds of a step
    // Seconds of a step in the last window; 0: there was none.
    double last = 0;
  };

  // A report of a worker that trains, `dt` after the one before.
  void Add(Worker& worker, uint64_t examples, absl::Duration dt);
  void Judge();

  const Options options_;
  std::optional<absl::Duration> last_look_;
  std::map<uint32_t, Worker> workers_;  // by id
  std::map<uint32_t, std::string> found_;
};

}  // namespace paramd
