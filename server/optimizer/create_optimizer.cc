#include "server/optimizer/create_optimizer.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "server/optimizer/adadelta.h"
#include "server/optimizer/adagrad.h"
#include "server/optimizer/adam.h"
#include "server/optimizer/dc_sgd.h"
#include "server/optimizer/ftrl.h"
#include "server/optimizer/momentum.h"
#include "server/optimizer/nesterov.h"
#include "server/optimizer/rmsprop.h"
#include "server/optimizer/sgd.h"
#include "server/optimizer/step.h"

namespace paramd {
namespace {

using Result = absl::StatusOr<std::unique_ptr<const Optimizer>>;

constexpr double kLargestFraction = 0.999999;

// `value`, when it lies in [min, max].
absl::StatusOr<double> InRange(absl::string_view name, double value, double min, double max) {
  if (value >= min && value <= max) return value;
  return absl::InvalidArgumentError(absl::StrCat("optimizer: ", name, " is ", value,
                                                 ", which is not between ", min, " and ", max));
}

absl::Status CheckSchedule(const v1::Schedule& schedule) {
  switch (schedule.type()) {
    case v1::Schedule::TYPE_UNSPECIFIED:
    case v1::Schedule::CONSTANT:
      return absl::OkStatus();
    case v1::Schedule::STEP:
      if (schedule.every() == 0) break;
      return InRange("schedule.factor", schedule.factor(), 0, 1).status();
    case v1::Schedule::POLYNOMIAL:
      RETURN_IF_ERROR(InRange("schedule.power", schedule.power(), 0, 100).status());
      [[fallthrough]];
    case v1::Schedule::COSINE:
      if (schedule.steps() == 0) break;
      return InRange("schedule.end", schedule.end(), 0, 1).status();
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          "optimizer: schedule.type ", static_cast<int>(schedule.type()), " is unknown"));
  }
  return absl::InvalidArgumentError("optimizer: the schedule is 0 steps long");
}

absl::Status CheckDelay(const v1::Optimizer& settings) {
  switch (settings.delay().type()) {
    case v1::DelayCompensation::TYPE_UNSPECIFIED:
    case v1::DelayCompensation::NONE:
    case v1::DelayCompensation::SCALED_RATE:
      return absl::OkStatus();
    case v1::DelayCompensation::DC_ASGD_C:
    case v1::DelayCompensation::DC_ASGD_A:
    case v1::DelayCompensation::ADA_DELAY:
      if (settings.type() == v1::Optimizer::SGD) return absl::OkStatus();
      return absl::InvalidArgumentError("optimizer: this delay.type is for sgd only");
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          "optimizer: delay.type ", static_cast<int>(settings.delay().type()), " is unknown"));
  }
}

// What all rules have; learning_rate and the betas are those of the rules that have them.
absl::StatusOr<StepSettings> CommonSettings(const v1::Optimizer& settings) {
  RETURN_IF_ERROR(CheckSchedule(settings.schedule()));
  RETURN_IF_ERROR(CheckDelay(settings));
  StepSettings step = {.schedule = settings.schedule(), .delay = settings.delay().type()};
  ASSIGN_OR_RETURN(step.l1, InRange("l1", settings.l1(), 0, 1e6));
  if (settings.has_clip_value()) {
    ASSIGN_OR_RETURN(step.clip, InRange("clip_value", settings.clip_value(), 1e-30, 1e30));
  }
  if (settings.has_clip_norm()) {  // the worker's business
    RETURN_IF_ERROR(InRange("clip_norm", settings.clip_norm(), 1e-30, 1e30).status());
  }
  if (settings.type() != v1::Optimizer::FTRL) {
    ASSIGN_OR_RETURN(step.learning_rate,
                     InRange("learning_rate", settings.learning_rate(), 0, 1e6));
  }
  return step;
}

Result CreateSgd(const v1::Optimizer& settings, const StepSettings& step, float l2) {
  const v1::DelayCompensation& delay = settings.delay();
  if (delay.type() == v1::DelayCompensation::DC_ASGD_C) {
    ASSIGN_OR_RETURN(const double lambda, InRange("delay.lambda", delay.lambda(), 0, 1e6));
    return MakeDcSgd({.lambda = static_cast<float>(lambda), .l2 = l2}, step);
  }
  if (delay.type() == v1::DelayCompensation::DC_ASGD_A) {
    ASSIGN_OR_RETURN(const double lambda, InRange("delay.lambda", delay.lambda(), 0, 1e6));
    ASSIGN_OR_RETURN(const double keep,
                     InRange("delay.mean_decay", delay.mean_decay(), 0, kLargestFraction));
    return MakeAdaptiveDcSgd({.lambda = static_cast<float>(lambda),
                              .mean_decay = static_cast<float>(keep),
                              .one_minus_mean_decay = static_cast<float>(1 - keep),
                              .l2 = l2},
                             step);
  }
  return MakeSgd({.l2 = l2}, step);
}

Result CreateWithMomentum(const v1::Optimizer& settings, const StepSettings& step, float l2) {
  ASSIGN_OR_RETURN(const double momentum,
                   InRange("momentum", settings.momentum(), 0, kLargestFraction));
  const auto kept = static_cast<float>(momentum);
  if (settings.type() == v1::Optimizer::NESTEROV) {
    return MakeNesterov({.momentum = kept, .l2 = l2}, step);
  }
  return MakeMomentum({.momentum = kept, .l2 = l2}, step);
}

Result CreateWithMeanSquare(const v1::Optimizer& settings, const StepSettings& step, float l2) {
  ASSIGN_OR_RETURN(const double epsilon, InRange("epsilon", settings.epsilon(), 0, 1));
  ASSIGN_OR_RETURN(const double rho, InRange("rho", settings.rho(), 0, kLargestFraction));
  const auto keep = static_cast<float>(rho), rest = static_cast<float>(1 - rho),
             least = static_cast<float>(epsilon);
  if (settings.type() == v1::Optimizer::ADADELTA) {
    return MakeAdadelta({.rho = keep, .one_minus_rho = rest, .epsilon = least, .l2 = l2}, step);
  }
  return MakeRmsprop({.rho = keep, .one_minus_rho = rest, .epsilon = least, .l2 = l2}, step);
}

Result CreateAdam(const v1::Optimizer& settings, StepSettings step, float l2) {
  ASSIGN_OR_RETURN(step.beta1, InRange("beta1", settings.beta1(), 0, kLargestFraction));
  ASSIGN_OR_RETURN(step.beta2, InRange("beta2", settings.beta2(), 0, kLargestFraction));
  ASSIGN_OR_RETURN(const double epsilon, InRange("epsilon", settings.epsilon(), 0, 1));
  double decay = 0;
  if (settings.type() == v1::Optimizer::ADAMW) {
    ASSIGN_OR_RETURN(decay, InRange("weight_decay", settings.weight_decay(), 0, 1e6));
  }
  return MakeAdam({.beta1 = static_cast<float>(step.beta1),
                   .one_minus_beta1 = static_cast<float>(1 - step.beta1),
                   .beta2 = static_cast<float>(step.beta2),
                   .one_minus_beta2 = static_cast<float>(1 - step.beta2),
                   .epsilon = static_cast<float>(epsilon),
                   .l2 = l2,
                   .weight_decay = static_cast<float>(decay)},
                  step);
}

Result CreateFtrl(const v1::Optimizer& settings, const StepSettings& step, float l2) {
  ASSIGN_OR_RETURN(const double alpha, InRange("alpha", settings.alpha(), 1e-9, 1e6));
  ASSIGN_OR_RETURN(const double beta, InRange("beta", settings.beta(), 0, 1e6));
  return MakeFtrl({.alpha = static_cast<float>(alpha),
                   .beta = static_cast<float>(beta),
                   .l1 = static_cast<float>(step.l1),
                   .l2 = l2},
                  step);
}

}  // namespace

Result CreateOptimizer(const v1::Optimizer& settings) {
  ASSIGN_OR_RETURN(const StepSettings step, CommonSettings(settings));
  ASSIGN_OR_RETURN(const double exact_l2, InRange("l2", settings.l2(), 0, 1e6));
  const auto l2 = static_cast<float>(exact_l2);
  switch (settings.type()) {
    case v1::Optimizer::SGD:
      return CreateSgd(settings, step, l2);
    case v1::Optimizer::ADAGRAD: {
      ASSIGN_OR_RETURN(const double epsilon, InRange("epsilon", settings.epsilon(), 0, 1));
      return MakeAdagrad({.epsilon = static_cast<float>(epsilon), .l2 = l2}, step);
    }
    case v1::Optimizer::MOMENTUM:
    case v1::Optimizer::NESTEROV:
      return CreateWithMomentum(settings, step, l2);
    case v1::Optimizer::RMSPROP:
    case v1::Optimizer::ADADELTA:
      return CreateWithMeanSquare(settings, step, l2);
    case v1::Optimizer::ADAM:
    case v1::Optimizer::ADAMW:
      return CreateAdam(settings, step, l2);
    case v1::Optimizer::FTRL:
      return CreateFtrl(settings, step, l2);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("optimizer: type ", static_cast<int>(settings.type()), " is unknown"));
  }
}

}  // namespace paramd
