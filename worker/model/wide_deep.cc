#include "worker/model/wide_deep.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "worker/model/deep_part.h"
#include "worker/model/objective_loss.h"
#include "worker/model/sparse_product.h"
#include "worker/model/table_spec.h"

namespace paramd {
namespace {

class WideDeep final : public Model {
 public:
  WideDeep(std::unique_ptr<DeepPart> deep, std::unique_ptr<Loss> loss)
      : deep_(std::move(deep)), loss_(std::move(loss)) {}

  Task task() const override { return loss_->task(); }
  int outputs() const override { return 1; }
  absl::Status CheckLabels(const Batch& batch) const override { return loss_->CheckLabels(batch); }

  std::vector<v1::TableSpec> Tables() const override {
    std::vector<v1::TableSpec> tables = {SparseTable("wide", 1, v1::Optimizer::FTRL)};
    for (v1::TableSpec& table : deep_->Tables()) tables.push_back(std::move(table));
    return tables;
  }

  double Gradients(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                   absl::Span<const absl::Span<float>> gradients) override {
    deep_->ForwardTraining(batch, parameters.subspan(1), &z_);
    AddSparseProduct(batch, parameters[0], 1, absl::MakeSpan(z_));
    const double loss = loss_->DifferentiateMean(batch, absl::MakeSpan(z_));
    std::fill(gradients[0].begin(), gradients[0].end(), 0.0f);
    AddSparseTransposedProduct(batch, z_, 1, gradients[0]);
    deep_->BackwardLayers(z_, parameters.subspan(1), gradients.subspan(1));
    deep_->BackwardEmbeddings(batch, gradients[1]);
    return loss;
  }

  void Predict(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
               std::vector<float>* scores) override {
    deep_->Forward(batch, parameters.subspan(1), scores);
    AddSparseProduct(batch, parameters[0], 1, absl::MakeSpan(*scores));
    loss_->ToScores(absl::MakeSpan(*scores));
  }

 private:
  const std::unique_ptr<DeepPart> deep_;
  const std::unique_ptr<Loss> loss_;
  std::vector<float> z_;  // scratch, [rows]
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeWideDeep(const v1::Model& config,
                                                    const DatasetShape& shape) {
  ASSIGN_OR_RETURN(std::unique_ptr<Loss> loss, MakeObjectiveLoss(config, "wide_deep"));
  ASSIGN_OR_RETURN(std::unique_ptr<DeepPart> deep, DeepPart::Make(config, shape, "wide_deep"));
  return std::make_unique<WideDeep>(std::move(deep), std::move(loss));
}

}  // namespace paramd
