#include "deploy/paramctl/progress.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/paramctl/job_names.h"
#include "deploy/paramctl/status_table.h"
#include "deploy/paramctl/text_table.h"

namespace paramd {
namespace {

constexpr absl::Duration kLineInterval = absl::Seconds(5);
constexpr int kBarWidth = 24;

std::string Bar(double progress) {
  const int done = static_cast<int>(kBarWidth * std::clamp(progress, 0.0, 1.0));
  std::string bar(kBarWidth, ' ');
  std::fill_n(bar.begin(), done, '=');
  if (done < kBarWidth) bar[done] = '>';
  return absl::StrCat("[", bar, "] ");
}

bool IsTraining(const v1::JobStatus& job) { return job.phase() == v1::TRAINING; }

std::string Figures(const v1::JobStatus& job) {
  std::string text = absl::StrFormat(
      "%3.0f %%  %s examples/s  loss %s", 100 * std::clamp(job.progress(), 0.0, 1.0),
      HumanCount(job.examples_per_second()), HumanNumber(job.loss(), 4));
  if (std::isfinite(job.eta_seconds())) {
    absl::StrAppend(&text, "  ", HumanSeconds(job.eta_seconds()), " left");
  }
  return text;
}

std::string Epoch(const v1::JobStatus& job) {
  return absl::StrCat("epoch ", job.epoch(), "/", job.epochs(), " ");
}

}  // namespace

std::string FormatProgressBar(const v1::JobStatus& job) {
  if (!IsTraining(job)) return JobPhaseName(job.phase());
  return absl::StrCat(Epoch(job), Bar(job.progress()), Figures(job));
}

std::string FormatProgressLine(const v1::JobStatus& job) {
  if (!IsTraining(job)) return JobPhaseName(job.phase());
  return absl::StrCat(Epoch(job), Figures(job));
}

Progress::Progress(std::ostream& out, bool bar, const Clock& clock)
    : out_(out), bar_(bar), clock_(clock) {}

void Progress::Show(const v1::JobStatus& job) {
  for (const v1::Evaluation& evaluation : job.evaluations()) {
    if (evaluation.number() <= evaluations_) continue;
    evaluations_ = evaluation.number();
    Say(absl::StrCat("held out after epoch ", evaluation.epoch(), ": ",
                     FormatMetrics(evaluation.metrics())));
  }
  if (bar_) {
    shown_ = FormatProgressBar(job);
    out_ << "\r\x1b[K" << shown_ << std::flush;
    return;
  }
  const std::string key = absl::StrCat(JobPhaseName(job.phase()), " ", job.epoch());
  if (key == shown_ && clock_.SinceBoot() - shown_at_ < kLineInterval) return;
  const std::string line = FormatProgressLine(job);
  if (!line.empty()) out_ << line << "\n" << std::flush;
  shown_ = key;
  shown_at_ = clock_.SinceBoot();
}

void Progress::Say(const std::string& line) {
  out_ << (bar_ ? "\r\x1b[K" : "") << line << "\n" << std::flush;
  if (bar_) out_ << shown_ << std::flush;
}

void Progress::Finish() {
  if (bar_ && !shown_.empty()) out_ << "\r\x1b[K" << std::flush;
  shown_.clear();
}

}  // namespace paramd
