#pragma once

#include <functional>

#include "common/base/clock.h"

namespace paramd {

// Makes a worker slow, for tests and measurements of what the others do about it. Not thread-safe.
class Slowdown {
 public:
  // Work takes `factor` (1 or more) times as long; 1: it is left alone.
  explicit Slowdown(double factor, const Clock& clock = Clock::System())
      : factor_(factor), clock_(clock) {}

  // Calls `work`, and sleeps for factor - 1 times the time that it took.
  void Run(const std::function<void()>& work) const;

 private:
  const double factor_;
  const Clock& clock_;
};

}  // namespace paramd
