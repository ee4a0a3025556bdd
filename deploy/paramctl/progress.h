#pragma once

#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "paramd/v1/status.pb.h"

namespace paramd {

// "epoch 2/5 [=====>    ]  41 %  12.3k examples/s  loss 0.3412  12 s left", or the phase before and
// after training. Pure.
std::string FormatProgressBar(const v1::JobStatus& job);

// The same without the bar, for a log. Pure.
std::string FormatProgressLine(const v1::JobStatus& job);

// Shows the progress of a job: a bar in one line of a terminal, otherwise plain lines, one at each
// new phase, epoch or evaluation and every 5 s. Not thread-safe.
class Progress {
 public:
  // `out`, `clock`: outlive the object.
  Progress(std::ostream& out, bool bar, const Clock& clock);

  void Show(const v1::JobStatus& job);
  // A line of its own.
  void Say(const std::string& line);
  // Takes the bar away.
  void Finish();

 private:
  std::ostream& out_;
  const bool bar_;
  const Clock& clock_;
  std::string shown_;         // bar: its text; otherwise what calls for a new line when it changes
  uint32_t evaluations_ = 0;  // number of the last one shown
  absl::Duration shown_at_;
};

}  // namespace paramd
