#include "worker/model/linear_layer.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "common/math/blas.h"
#include "worker/model/sparse_product.h"
#include "worker/model/table_spec.h"

namespace paramd {
namespace {

ConstMatrix Features(const Batch& batch) {
  return {batch.values.data(), batch.rows(), static_cast<size_t>(batch.dense_cols)};
}

}  // namespace

std::vector<v1::TableSpec> LinearLayer::Tables() const {
  std::vector<v1::TableSpec> tables = {
      FeatureTable(shape_, "weights", outputs_, v1::Optimizer::FTRL)};
  if (has_bias_) tables.push_back(DenseTable("bias", 1, outputs_, v1::Optimizer::FTRL));
  return tables;
}

void LinearLayer::Forward(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                          std::vector<float>* z) const {
  const size_t k = static_cast<size_t>(outputs_);
  const absl::Span<const float> weights = parameters[0];
  z->clear();
  if (has_bias_) {
    assert(parameters[1].size() == k);
    for (size_t row = 0; row < batch.rows(); ++row) {
      z->insert(z->end(), parameters[1].begin(), parameters[1].end());
    }
  } else {
    z->resize(batch.rows() * k);
  }
  if (batch.sparse) {
    AddSparseProduct(batch, weights, k, absl::MakeSpan(*z));
  } else {
    assert(weights.size() == static_cast<size_t>(batch.dense_cols) * k);
    MatMul(1, Features(batch), {weights.data(), static_cast<size_t>(batch.dense_cols), k}, 1,
           {z->data(), batch.rows(), k});
  }
}

void LinearLayer::Backward(const Batch& batch, absl::Span<const float> d,
                           absl::Span<const absl::Span<float>> gradients) const {
  const size_t k = static_cast<size_t>(outputs_);
  assert(d.size() == batch.rows() * k);
  const absl::Span<float> dw = gradients[0];
  if (batch.sparse) {
    assert(dw.size() == batch.unique_keys.size() * k);
    std::fill(dw.begin(), dw.end(), 0.0f);
    AddSparseTransposedProduct(batch, d, k, dw);
  } else {
    const size_t features = static_cast<size_t>(shape_.columns);
    assert(dw.size() == features * k);
    MatMulTransposedA(1, Features(batch), {d.data(), batch.rows(), k}, 0, {dw.data(), features, k});
  }
  if (!has_bias_) return;
  std::fill(gradients[1].begin(), gradients[1].end(), 0.0f);
  for (size_t i = 0; i < d.size(); i += k) {
    for (size_t j = 0; j < k; ++j) gradients[1][j] += d[i + j];
  }
}

}  // namespace paramd
