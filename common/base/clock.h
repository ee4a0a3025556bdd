#pragma once

#include "absl/time/time.h"

namespace paramd {

// Source of time. Thread-safe. Code that decides by time takes one, so that tests bring their own.
class Clock {
 public:
  virtual ~Clock() = default;

  // Time since the machine started, including sleep (CLOCK_BOOTTIME). Never goes back; setting the
  // wall clock does not move it. Leases and rates use this.
  virtual absl::Duration SinceBoot() const = 0;

  // Calendar time, for people only.
  virtual absl::Time Wall() const = 0;

  // The machine's clock; lives forever.
  static Clock& System();
};

}  // namespace paramd
