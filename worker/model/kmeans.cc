#include "worker/model/kmeans.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "worker/model/kmeans_seeding.h"
#include "worker/model/nearest_centre.h"
#include "worker/model/table_spec.h"

namespace paramd {
namespace {

using Parameters = absl::Span<const absl::Span<const float>>;

class Kmeans final : public Model {
 public:
  Kmeans(const v1::Model& config, size_t columns)
      : clusters_(config.clusters()), columns_(columns), seed_(config.seed()) {}

  Task task() const override { return Task::kClustering; }
  int outputs() const override { return 2; }
  absl::Status CheckLabels(const Batch& batch) const override { return absl::OkStatus(); }

  std::vector<v1::TableSpec> Tables() const override {
    v1::TableSpec sums =
        DenseTable("sums", clusters_, static_cast<int>(columns_ + 1), v1::Optimizer::SGD);
    sums.mutable_optimizer()->set_learning_rate(1);
    return {sums};
  }

  // Enough points of every cluster.
  size_t SampleRows() const override {
    return std::max(2 * clusters_, std::min<size_t>(256 * clusters_, 16384));
  }

  void Begin(const Batch& sample) override {
    if (sample.rows() == 0) return;
    seeds_ = SeedCentres(sample.values, columns_, clusters_, seed_);
    sample_.resize(clusters_ * (columns_ + 1));
    const std::vector<float> none(sample_.size());
    AddPoints(sample, none, absl::MakeSpan(sample_));
  }

  double Gradients(const Batch& batch, Parameters parameters,
                   absl::Span<const absl::Span<float>> gradients) override {
    const absl::Span<float> gradient = gradients[0];
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    const double loss = AddPoints(batch, parameters[0], gradient);
    for (size_t i = 0; i < sample_.size(); ++i) gradient[i] += sample_[i];
    sample_.clear();
    return loss;
  }

  void Predict(const Batch& batch, Parameters parameters, std::vector<float>* scores) override {
    FindNearest(batch, parameters[0]);
    // Without any centre nothing is known.
    scores->assign(2 * batch.rows(), std::numeric_limits<float>::quiet_NaN());
    if (clusters_of_.empty()) return;
    for (size_t row = 0; row < batch.rows(); ++row) {
      (*scores)[2 * row] = static_cast<float>(ClusterOf(row));
      (*scores)[2 * row + 1] = static_cast<float>(nearest_.distances()[row]);
    }
  }

 private:
  // Adds minus the points of each centre and their weights to `gradient`; returns the loss.
  double AddPoints(const Batch& batch, absl::Span<const float> sums, absl::Span<float> gradient) {
    FindNearest(batch, sums);
    if (clusters_of_.empty()) return 0;
    double loss = 0;
    for (size_t row = 0; row < batch.rows(); ++row) {
      const float weight = batch.weights.empty() ? 1 : batch.weights[row];
      const float* const point = batch.values.data() + row * columns_;
      float* const sum = gradient.data() + ClusterOf(row) * (columns_ + 1);
      for (size_t j = 0; j < columns_; ++j) sum[j] -= weight * point[j];
      sum[columns_] -= weight;
      loss += weight * nearest_.distances()[row];
    }
    return loss;
  }

  void FindNearest(const Batch& batch, absl::Span<const float> sums) {
    centres_.clear();
    clusters_of_.clear();
    for (size_t i = 0; i < clusters_; ++i) AddCentre(i, sums.subspan(i * (columns_ + 1)));
    if (!clusters_of_.empty()) nearest_.Find(batch.values, centres_, columns_);
  }

  void AddCentre(size_t cluster, absl::Span<const float> sum) {
    const float count = sum[columns_];
    if (count <= 0 && seeds_.empty()) return;
    for (size_t j = 0; j < columns_; ++j) {
      centres_.push_back(count > 0 ? sum[j] / count : seeds_[cluster * columns_ + j]);
    }
    clusters_of_.push_back(static_cast<uint32_t>(cluster));
  }

  uint32_t ClusterOf(size_t row) const { return clusters_of_[nearest_.numbers()[row]]; }

  const size_t clusters_;
  const size_t columns_;
  const uint64_t seed_;
  std::vector<float> seeds_;   // [clusters][columns]; empty before Begin
  std::vector<float> sample_;  // the gradient of the sample, until it was given
  // Scratch: centres that there are, [..][columns], and which clusters they are of.
  std::vector<float> centres_;
  std::vector<uint32_t> clusters_of_;
  NearestCentre nearest_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeKmeans(const v1::Model& config,
                                                  const DatasetShape& shape) {
  if (shape.sparse) {
    return absl::InvalidArgumentError(
        "model.type kmeans needs dense data, such as data.format csv");
  }
  return std::make_unique<Kmeans>(config, static_cast<size_t>(shape.columns));
}

}  // namespace paramd
