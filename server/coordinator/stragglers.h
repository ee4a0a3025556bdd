#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "server/coordinator/membership.h"

namespace paramd {

// Finds workers that are much slower than the others, by what members report. Training is cut into
// windows of some samples; in each, a worker's step takes
//   t = (time of the window) (1 - part of the samples in which it waited for another) / steps
// where a step is a batch of examples: those who wait for a slow worker take as many steps as it
// does, but not as long for one. A worker is a straggler until the next window when its t is more
// than `factor` times the median of the others'. Windows begin anew when a worker gets work or ends
// it, comes or goes. Pure: time comes in as an argument. Not thread-safe.
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

  void Look(const std::deque<Member>& members, absl::Duration now);

  // Training rests: what comes is another window.
  void Pause() { window_.reset(); }

  // Why the worker is one; empty: it is none.
  std::string Why(uint32_t worker) const;

 private:
  struct Worker {
    uint64_t examples = 0;  // at the beginning
    int waited = 0;         // samples
  };
  struct Window {
    absl::Duration begin, last_sample;
    int samples = 0;
    std::map<uint32_t, Worker> workers;  // by id
  };

  // What has been found, unless the window is too short for that.
  void End(const std::map<uint32_t, uint64_t>& examples, absl::Duration now);

  const Options options_;
  std::optional<Window> window_;
  std::map<uint32_t, std::string> found_;
};

}  // namespace paramd
