#include "worker/model/create_model.h"

#include "absl/strings/str_cat.h"
#include "worker/model/deep_fm.h"
#include "worker/model/factorization_machine.h"
#include "worker/model/feature_sum.h"
#include "worker/model/field_aware_fm.h"
#include "worker/model/kmeans.h"
#include "worker/model/linear_regression.h"
#include "worker/model/logistic_regression.h"
#include "worker/model/matrix_factorization.h"
#include "worker/model/mlp.h"
#include "worker/model/softmax_regression.h"
#include "worker/model/wide_deep.h"
#include "worker/model/word2vec.h"

namespace paramd {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Model>> (*)(const v1::Model&, const DatasetShape&);

struct Registration {
  v1::Model::Type type;
  Maker make;
};

// Every model. A new one is a file of its own and a line here.
constexpr Registration kModels[] = {
    {v1::Model::LINEAR_REGRESSION, MakeLinearRegression},
    {v1::Model::LOGISTIC_REGRESSION, MakeLogisticRegression},
    {v1::Model::SOFTMAX_REGRESSION, MakeSoftmaxRegression},
    {v1::Model::FEATURE_SUM, MakeFeatureSum},
    {v1::Model::MLP, MakeMlp},
    {v1::Model::FACTORIZATION_MACHINE, MakeFactorizationMachine},
    {v1::Model::FIELD_AWARE_FM, MakeFieldAwareFm},
    {v1::Model::MATRIX_FACTORIZATION, MakeMatrixFactorization},
    {v1::Model::KMEANS, MakeKmeans},
    {v1::Model::WIDE_DEEP, MakeWideDeep},
    {v1::Model::DEEP_FM, MakeDeepFm},
    {v1::Model::WORD2VEC, MakeWord2vec},
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> CreateModel(const v1::Model& config,
                                                   const DatasetShape& shape) {
  if (!shape.sparse && shape.columns < 1) {
    return absl::InvalidArgumentError("the data have no feature column");
  }
  for (const Registration& registration : kModels) {
    if (registration.type == config.type()) return registration.make(config, shape);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "there is no model of type ", v1::Model::Type_Name(config.type()), " (", config.type(), ")"));
}

}  // namespace paramd
