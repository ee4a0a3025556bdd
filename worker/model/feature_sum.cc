#include "worker/model/feature_sum.h"

#include "worker/model/linear_layer.h"

namespace paramd {
namespace {

class FeatureSum final : public Model {
 public:
  explicit FeatureSum(const DatasetShape& shape) : layer_(shape, 1, false) {}

  Task task() const override { return Task::kNone; }
  int outputs() const override { return layer_.outputs(); }
  std::vector<v1::TableSpec> Tables() const override { return layer_.Tables(); }
  absl::Status CheckLabels(const Batch& batch) const override { return absl::OkStatus(); }

  double Gradients(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                   absl::Span<const absl::Span<float>> gradients) override {
    minus_one_.assign(batch.rows(), -1.0f);
    layer_.Backward(batch, minus_one_, gradients);
    return 0;
  }

  void Predict(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
               std::vector<float>* scores) override {
    layer_.Forward(batch, parameters, scores);
  }

 private:
  const LinearLayer layer_;
  std::vector<float> minus_one_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeFeatureSum(const v1::Model& config,
                                                      const DatasetShape& shape) {
  return std::make_unique<FeatureSum>(shape);
}

}  // namespace paramd
