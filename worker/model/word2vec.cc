#include "worker/model/word2vec.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/model/exponentials.h"
#include "worker/model/skip_gram_pairs.h"
#include "worker/model/table_spec.h"

namespace paramd {
namespace {

using Parameters = absl::Span<const absl::Span<const float>>;

constexpr size_t kInput = 0, kOutput = 1;

class Word2vec final : public Model {
 public:
  explicit Word2vec(const v1::Model& config)
      : dim_(config.dim()),
        negatives_(config.negatives()),
        init_scale_(config.init_scale()),
        pairs_(config.window(), config.negatives(), config.seed()) {}

  Task task() const override { return Task::kEmbedding; }
  int outputs() const override { return 2; }
  absl::Status CheckLabels(const Batch& batch) const override { return absl::OkStatus(); }

  std::vector<v1::TableSpec> Tables() const override {
    const int dim = static_cast<int>(dim_);
    std::vector<v1::TableSpec> tables = {SparseTable("input", dim, v1::Optimizer::ADAGRAD),
                                         SparseTable("output", dim, v1::Optimizer::ADAGRAD)};
    tables[kInput].set_initial_scale(init_scale_);
    return tables;
  }

  void Prepare(Batch* batch) override { pairs_.Draw(batch); }

  absl::Span<const uint64_t> Keys(const Batch& batch, size_t table) const override {
    return table == kInput ? batch.unique_keys : batch.drawn_keys;
  }

  double Gradients(const Batch& batch, Parameters parameters,
                   absl::Span<const absl::Span<float>> gradients) override {
    for (const absl::Span<float> table : gradients) std::fill(table.begin(), table.end(), 0.0f);
    const SkipGramPairList pairs(batch, negatives_);
    if (pairs.size() == 0) return 0;
    Differentiate(pairs, parameters);
    double sum = 0;
    for (size_t i = 0; i < pairs.size(); ++i) {
      const SkipGramPair pair = pairs[i];
      const float weight = batch.weights.empty() ? 1 : batch.weights[pair.row];
      sum += weight * LossOf(i, pair);
      AddGradient(i, pair, weight / static_cast<float>(pairs.size()), parameters, gradients);
    }
    return static_cast<double>(batch.rows()) * sum / static_cast<double>(pairs.size());
  }

  void Predict(const Batch& batch, Parameters parameters, std::vector<float>* scores) override {
    const SkipGramPairList pairs(batch, negatives_);
    Differentiate(pairs, parameters);
    scores->assign(2 * batch.rows(), 0.0f);
    for (size_t i = 0; i < pairs.size(); ++i) {
      const SkipGramPair pair = pairs[i];
      (*scores)[2 * pair.row] += static_cast<float>(LossOf(i, pair));
      (*scores)[2 * pair.row + 1] += 1;
    }
  }

 private:
  size_t outputs_of_pair() const { return 1 + negatives_; }

  // Fills losses_ and z_, the derivatives by the products, for every output of every pair; those
  // that are left out are not to be used.
  void Differentiate(const SkipGramPairList& pairs, Parameters parameters) {
    const size_t size = pairs.size() * outputs_of_pair();
    labels_.assign(size, 0.0f);
    z_.resize(size);
    losses_.resize(size);
    for (size_t i = 0; i < pairs.size(); ++i) {
      const SkipGramPair pair = pairs[i];
      const float* const v = parameters[kInput].data() + pair.word * dim_;
      labels_[i * outputs_of_pair()] = 1;
      for (size_t n = 0; n < pair.outputs.size(); ++n) {
        z_[i * outputs_of_pair() + n] =
            pair.outputs[n] == SkipGramPair::kLeftOut
                ? 0
                : Dot(v, parameters[kOutput].data() + pair.outputs[n] * dim_);
      }
    }
    DifferentiateLogistic(labels_, absl::MakeSpan(z_), absl::MakeSpan(losses_));
  }

  // Four sums, so that the additions need not wait for one another.
  float Dot(const float* a, const float* b) const {
    float sums[4] = {0, 0, 0, 0};
    size_t j = 0;
    for (; j + 4 <= dim_; j += 4) {
      for (size_t lane = 0; lane < 4; ++lane) sums[lane] += a[j + lane] * b[j + lane];
    }
    for (; j < dim_; ++j) sums[0] += a[j] * b[j];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  double LossOf(size_t i, const SkipGramPair& pair) const {
    double sum = 0;
    for (size_t n = 0; n < pair.outputs.size(); ++n) {
      if (pair.outputs[n] == SkipGramPair::kLeftOut) continue;
      sum += losses_[i * outputs_of_pair() + n];
    }
    return sum;
  }

  // Adds `scale` times the gradients of the pair's loss.
  void AddGradient(size_t i, const SkipGramPair& pair, float scale, Parameters parameters,
                   absl::Span<const absl::Span<float>> gradients) const {
    const float* const v = parameters[kInput].data() + pair.word * dim_;
    float* const dv = gradients[kInput].data() + pair.word * dim_;
    for (size_t n = 0; n < pair.outputs.size(); ++n) {
      if (pair.outputs[n] == SkipGramPair::kLeftOut) continue;
      const float d = scale * z_[i * outputs_of_pair() + n];
      const float* const u = parameters[kOutput].data() + pair.outputs[n] * dim_;
      float* const du = gradients[kOutput].data() + pair.outputs[n] * dim_;
      for (size_t j = 0; j < dim_; ++j) dv[j] += d * u[j];
      for (size_t j = 0; j < dim_; ++j) du[j] += d * v[j];
    }
  }

  const size_t dim_;
  const size_t negatives_;
  const double init_scale_;
  SkipGramPairs pairs_;
  // Scratch, [pairs][1 + negatives].
  std::vector<float> labels_;
  std::vector<float> z_;
  std::vector<double> losses_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> MakeWord2vec(const v1::Model& config,
                                                    const DatasetShape& shape) {
  if (!shape.sparse) {
    return absl::InvalidArgumentError(
        "model.type word2vec needs words, which data.format text has");
  }
  return std::make_unique<Word2vec>(config);
}

}  // namespace paramd
