#include "server/coordinator/training_control.h"

#include <cmath>
#include <limits>
#include <utility>

namespace paramd {
namespace {

// The figure that evaluations are compared by, so that smaller is better.
double Cost(const v1::Metrics& metrics, v1::Training::Metric metric) {
  switch (metric) {
    case v1::Training::AUC:
      return -metrics.auc();
    case v1::Training::ACCURACY:
      return -metrics.accuracy();
    case v1::Training::RMSE:
      return metrics.rmse();
    case v1::Training::LOGLOSS:
      return metrics.logloss();
    case v1::Training::LOSS:
      return metrics.loss();
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace

TrainingControl::TrainingControl(v1::Training settings, v1::TrainingControlState state)
    : settings_(std::move(settings)), state_(std::move(state)) {
  if (state_.next_evaluation() == 0) state_.set_next_evaluation(settings_.eval_examples());
}

bool TrainingControl::Add(const v1::Metrics& metrics) {
  state_.set_evaluations(state_.evaluations() + 1);
  const double cost = Cost(metrics, settings_.metric());
  const bool better =
      state_.best() == 0 ? !std::isnan(cost) : cost < state_.best_cost() - settings_.min_delta();
  if (!better) return false;
  state_.set_best(state_.evaluations());
  state_.set_best_cost(cost);
  return true;
}

bool TrainingControl::OutOfPatience() const {
  return settings_.patience() > 0 && state_.evaluations() - state_.best() >= settings_.patience();
}

bool TrainingControl::TakeEvaluation(uint64_t examples) {
  const uint64_t every = settings_.eval_examples();
  if (every == 0 || examples < state_.next_evaluation()) return false;
  state_.set_next_evaluation((examples / every + 1) * every);
  return true;
}

}  // namespace paramd
