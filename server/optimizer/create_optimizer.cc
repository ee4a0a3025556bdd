#include "server/optimizer/create_optimizer.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "server/optimizer/adagrad.h"
#include "server/optimizer/ftrl.h"
#include "server/optimizer/sgd.h"

namespace paramd {
namespace {

// `value` as float32, when it lies in [min, max].
absl::StatusOr<float> InRange(absl::string_view name, double value, double min, double max) {
  if (value >= min && value <= max) return static_cast<float>(value);
  return absl::InvalidArgumentError(absl::StrCat("optimizer: ", name, " is ", value,
                                                 ", which is not between ", min, " and ", max));
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Optimizer>> CreateOptimizer(const v1::Optimizer& settings) {
  ASSIGN_OR_RETURN(const float l2, InRange("l2", settings.l2(), 0, 1e6));
  switch (settings.type()) {
    case v1::Optimizer::SGD: {
      ASSIGN_OR_RETURN(const float rate,
                       InRange("learning_rate", settings.learning_rate(), 0, 1e6));
      return MakeSgd({.learning_rate = rate, .l2 = l2});
    }
    case v1::Optimizer::ADAGRAD: {
      ASSIGN_OR_RETURN(const float rate,
                       InRange("learning_rate", settings.learning_rate(), 0, 1e6));
      ASSIGN_OR_RETURN(const float epsilon, InRange("epsilon", settings.epsilon(), 0, 1));
      return MakeAdagrad({.learning_rate = rate, .epsilon = epsilon, .l2 = l2});
    }
    case v1::Optimizer::FTRL: {
      ASSIGN_OR_RETURN(const float alpha, InRange("alpha", settings.alpha(), 1e-9, 1e6));
      ASSIGN_OR_RETURN(const float beta, InRange("beta", settings.beta(), 0, 1e6));
      ASSIGN_OR_RETURN(const float l1, InRange("l1", settings.l1(), 0, 1e6));
      return MakeFtrl({.alpha = alpha, .beta = beta, .l1 = l1, .l2 = l2});
    }
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("optimizer: type ", static_cast<int>(settings.type()), " is unknown"));
  }
}

}  // namespace paramd
