#pragma once

#include <cstdint>

#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// When training is looked at and what is made of it (training.* of the configuration): which
// evaluation is the best, when patience is at its end, when the next evaluation is due. Pure: what
// happens then is the core's business. Not thread-safe.
class TrainingControl {
 public:
  // Goes on from `state`; an empty one is a beginning.
  TrainingControl(v1::Training settings, v1::TrainingControlState state);

  // Counts an evaluation. Whether it is better than all before it, by training.metric and by more
  // than training.min_delta. One whose figure is NaN is no better than any.
  bool Add(const v1::Metrics& metrics);
  // The model of the best evaluation is in its file.
  void BestSaved() { state_.set_best_saved(true); }
  // training.patience evaluations in a row were no better than the best one.
  bool OutOfPatience() const;

  // Whether `examples` trained on ask for an evaluation (training.eval_examples). If so the next
  // one is due at the next multiple.
  bool TakeEvaluation(uint64_t examples);

  const v1::TrainingControlState& state() const { return state_; }

 private:
  v1::Training settings_;
  v1::TrainingControlState state_;
};

}  // namespace paramd
