#include "deploy/paramctl/progress.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <sstream>
#include <string>

#include "tests/testing/manual_clock.h"

namespace paramd {
namespace {

v1::JobStatus Training(uint32_t epoch, double progress) {
  v1::JobStatus job;
  job.set_state(v1::RUNNING);
  job.set_phase(v1::TRAINING);
  job.set_epoch(epoch);
  job.set_epochs(5);
  job.set_progress(progress);
  job.set_examples_per_second(12345);
  job.set_loss(0.34121);
  job.set_eta_seconds(12);
  return job;
}

TEST_CASE("the bar") {
  CHECK(FormatProgressBar(Training(2, 0.5)) ==
        "epoch 2/5 [============>           ]  50 %  12.3k examples/s  loss 0.3412  12 s left");
  CHECK(FormatProgressBar(Training(5, 1.5)) ==
        "epoch 5/5 [========================] 100 %  12.3k examples/s  loss 0.3412  12 s left");
  v1::JobStatus job = Training(1, 0);
  job.set_eta_seconds(NAN);
  job.set_loss(NAN);
  CHECK(FormatProgressBar(job) ==
        "epoch 1/5 [>                       ]   0 %  12.3k examples/s  loss -");
  job.set_phase(v1::SAVING);
  CHECK(FormatProgressBar(job) == "saving");
  job.set_phase(v1::MEASURING);
  CHECK(FormatProgressBar(job) == "measuring");
}

TEST_CASE("lines: when there is news, and every five seconds") {
  ManualClock clock;
  std::ostringstream out;
  Progress progress(out, false, clock);
  const auto shown = [&] {
    std::string text = out.str();
    out.str("");
    return text;
  };
  const std::string line = "epoch 1/5  10 %  12.3k examples/s  loss 0.3412  12 s left\n";
  progress.Show(Training(1, 0.1));
  CHECK(shown() == line);
  progress.Show(Training(1, 0.1));
  CHECK(shown() == "");
  clock.Advance(absl::Seconds(5));
  progress.Show(Training(1, 0.1));
  CHECK(shown() == line);
  v1::JobStatus job = Training(1, 0.1);
  v1::Evaluation& evaluation = *job.add_evaluations();
  evaluation.set_number(1);
  evaluation.set_epoch(1);
  evaluation.mutable_metrics()->set_rmse(0.5);
  evaluation.mutable_metrics()->set_auc(NAN);
  evaluation.mutable_metrics()->set_logloss(NAN);
  evaluation.mutable_metrics()->set_accuracy(NAN);
  progress.Show(job);
  CHECK(shown() == "held out after epoch 1: RMSE 0.5000\n");
  progress.Show(job);
  CHECK(shown() == "");
  job.set_phase(v1::SAVING);
  progress.Show(job);
  progress.Finish();
  CHECK(shown() == "saving\n");
}

TEST_CASE("a bar is drawn over, and events stand above it") {
  ManualClock clock;
  std::ostringstream out;
  Progress progress(out, true, clock);
  const std::string bar = FormatProgressBar(Training(1, 0.1));
  progress.Show(Training(1, 0.1));
  progress.Say("worker-1 is gone");
  progress.Finish();
  CHECK(out.str() == "\r\x1b[K" + bar + "\r\x1b[Kworker-1 is gone\n" + bar + "\r\x1b[K");
}

}  // namespace
}  // namespace paramd
