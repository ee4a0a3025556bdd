#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace paramd {

// The bound of consistency.staleness: auto. Time is cut into windows; after each, the rule is:
//
//   1. The loss rose: it was above its level by more than a twentieth, and by more than a hundredth
//      of all that it had fallen, in two windows one after the other. The bound is halved, and not
//      raised above that again for the next 8 windows; 16 after the second time, and so on.
//   2. Otherwise, workers waited for slower ones for more than a tenth of their time: the bound is
//      doubled (from 0 it goes to 1); for more than a quarter of it: multiplied by four.
//   3. Otherwise, they waited for less than a hundredth of it: the bound is halved, as nobody uses
//      it and a smaller one keeps parameters fresher if a worker falls behind. Not within 8 windows
//      after it was raised; 16 when it had to be raised again after that, and so on.
//
// The level follows the losses down at once and up by a tenth of the way in each window, so that
// data which are harder do not count for long. Always within the limits. Pure; not thread-safe.
class StalenessTuner {
 public:
  struct Limits {
    uint32_t min = 0;
    uint32_t max = 0;
  };
  // One stretch of training under one bound.
  struct Window {
    // Part of the workers' time that they waited for slower ones, 0 to 1.
    double waited = 0;
    // Mean training loss of its examples; NaN and infinity are a rise.
    double loss = 0;
  };
  struct Choice {
    uint32_t steps;
    std::string reason;  // a clause: "workers waited 63 % of the time"
  };

  // The bound is `steps` to begin with, or what of the limits is nearest to it.
  StalenessTuner(Limits limits, uint32_t steps);

  uint32_t steps() const { return steps_; }

  // The bound from now on, when that changes.
  std::optional<Choice> Look(const Window& window);

 private:
  // A limit that is in force for a while, each time for longer.
  struct Hold {
    uint32_t next = 8;  // windows
    uint32_t left = 0;
    void Begin();
    void Count() { left -= left > 0; }
  };

  bool Rose(double loss);
  Choice Change(uint32_t steps, std::string reason);

  const Limits limits_;
  uint32_t steps_;
  // Infinity: there was no window yet.
  double level_ = std::numeric_limits<double>::infinity();
  double first_ = 0;  // loss of the first window
  int rises_ = 0;     // windows one after the other
  // While it is held the bound is at most this.
  uint32_t ceiling_ = 0;
  Hold ceiling_hold_;
  // While it is held the bound is not lowered because nobody waits.
  Hold raised_hold_;
  bool lowered_ = false;  // by rule 3, since it was last raised
};

}  // namespace paramd
