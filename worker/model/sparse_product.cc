#include "worker/model/sparse_product.h"

#include <cassert>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/model/sparse_product.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace paramd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kSums = 8;

// The features of one row.
struct Row {
  const uint32_t* columns;
  const float* values;
  size_t size;
};

Row RowOf(const Batch& batch, size_t row) {
  const size_t begin = batch.row_offsets[row];
  return {batch.columns.data() + begin, batch.values.data() + begin,
          batch.row_offsets[row + 1] - begin};
}

float Dot(const Row& row, const float* HWY_RESTRICT weights) {
  const hn::CappedTag<float, kSums> d;
  const hn::Rebind<int32_t, decltype(d)> di;
  const size_t lanes = hn::Lanes(d);
  HWY_ALIGN float sums[kSums] = {};
  const size_t whole = row.size - row.size % kSums;
  for (size_t lane = 0; lane < kSums; lane += lanes) {
    auto sum = hn::Zero(d);
    for (size_t i = lane; i < whole; i += kSums) {
      const auto columns = hn::LoadU(di, reinterpret_cast<const int32_t*>(row.columns + i));
      const auto product =
          hn::Mul(hn::LoadU(d, row.values + i), hn::GatherIndex(d, weights, columns));
      sum = hn::Add(sum, product);
    }
    hn::Store(sum, d, sums + lane);
  }
  for (size_t i = whole; i < row.size; ++i) {
    sums[i - whole] += row.values[i] * weights[row.columns[i]];
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

void AddDots(const Batch& batch, const float* HWY_RESTRICT weights, float* HWY_RESTRICT z) {
  for (size_t row = 0; row < batch.rows(); ++row) z[row] += Dot(RowOf(batch, row), weights);
}

// Outputs [j, j + lanes of d) of a row.
template <class D>
void AddRowProduct(D d, const Row& row, const float* HWY_RESTRICT weights, size_t k, size_t j,
                   float* HWY_RESTRICT z) {
  auto sum = hn::LoadU(d, z + j);
  for (size_t i = 0; i < row.size; ++i) {
    const auto w = hn::LoadU(d, weights + row.columns[i] * k + j);
    sum = hn::Add(sum, hn::Mul(hn::Set(d, row.values[i]), w));
  }
  hn::StoreU(sum, d, z + j);
}

template <class D>
void AddRowTransposed(D d, const Row& row, const float* HWY_RESTRICT derivatives, size_t k,
                      size_t j, float* HWY_RESTRICT dw) {
  const auto derivative = hn::LoadU(d, derivatives + j);
  for (size_t i = 0; i < row.size; ++i) {
    float* const w = dw + row.columns[i] * k + j;
    hn::StoreU(hn::Add(hn::LoadU(d, w), hn::Mul(hn::Set(d, row.values[i]), derivative)), d, w);
  }
}

void AddRowProducts(const Batch& batch, const float* HWY_RESTRICT weights, size_t k,
                    float* HWY_RESTRICT z) {
  const hn::CappedTag<float, 8> d;
  const hn::CappedTag<float, 1> one;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < batch.rows(); ++r, z += k) {
    const Row row = RowOf(batch, r);
    size_t j = 0;
    for (; j + lanes <= k; j += lanes) AddRowProduct(d, row, weights, k, j, z);
    for (; j < k; ++j) AddRowProduct(one, row, weights, k, j, z);
  }
}

void AddRowsTransposed(const Batch& batch, const float* HWY_RESTRICT derivatives, size_t k,
                       float* HWY_RESTRICT dw) {
  const hn::CappedTag<float, 8> d;
  const hn::CappedTag<float, 1> one;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < batch.rows(); ++r, derivatives += k) {
    const Row row = RowOf(batch, r);
    size_t j = 0;
    for (; j + lanes <= k; j += lanes) AddRowTransposed(d, row, derivatives, k, j, dw);
    for (; j < k; ++j) AddRowTransposed(one, row, derivatives, k, j, dw);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace paramd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace paramd {

HWY_EXPORT(AddDots);
HWY_EXPORT(AddRowProducts);
HWY_EXPORT(AddRowsTransposed);

void AddSparseProduct(const Batch& batch, absl::Span<const float> weights, size_t k,
                      absl::Span<float> z) {
  assert(weights.size() == batch.unique_keys.size() * k && z.size() == batch.rows() * k);
  if (k == 1) {
    HWY_DYNAMIC_DISPATCH(AddDots)(batch, weights.data(), z.data());
  } else {
    HWY_DYNAMIC_DISPATCH(AddRowProducts)(batch, weights.data(), k, z.data());
  }
}

void AddSparseTransposedProduct(const Batch& batch, absl::Span<const float> d, size_t k,
                                absl::Span<float> dw) {
  assert(dw.size() == batch.unique_keys.size() * k && d.size() == batch.rows() * k);
  HWY_DYNAMIC_DISPATCH(AddRowsTransposed)(batch, d.data(), k, dw.data());
}

}  // namespace paramd
#endif  // HWY_ONCE
