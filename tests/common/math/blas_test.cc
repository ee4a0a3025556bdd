#include "common/math/blas.h"

#include <catch2/catch.hpp>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

std::vector<float> RandomMatrix(size_t size, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(size);
  for (float& value : values) value = static_cast<float>(random.NextUnit() - 0.5);
  return values;
}

// Element (i, j) of a matrix, or of its transpose.
double At(const std::vector<float>& m, size_t cols, size_t i, size_t j, bool transposed) {
  return transposed ? m[j * cols + i] : m[i * cols + j];
}

void CheckAgainstLoops(size_t m, size_t n, size_t k, bool ta, bool tb) {
  const std::vector<float> a = RandomMatrix(m * k, 1), b = RandomMatrix(k * n, 2);
  const std::vector<float> before = RandomMatrix(m * n, 3);
  const ConstMatrix ma = ta ? ConstMatrix{a.data(), k, m} : ConstMatrix{a.data(), m, k};
  const ConstMatrix mb = tb ? ConstMatrix{b.data(), n, k} : ConstMatrix{b.data(), k, n};
  std::vector<float> c = before;
  const MutableMatrix mc = {c.data(), m, n};
  if (ta) {
    MatMulTransposedA(2.0f, ma, mb, 0.5f, mc);
  } else if (tb) {
    MatMulTransposedB(2.0f, ma, mb, 0.5f, mc);
  } else {
    MatMul(2.0f, ma, mb, 0.5f, mc);
  }
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double sum = 0.5 * before[i * n + j];
      for (size_t x = 0; x < k; ++x)
        sum += 2.0 * At(a, ma.cols, i, x, ta) * At(b, mb.cols, x, j, tb);
      REQUIRE(c[i * n + j] == Approx(sum).margin(1e-5));
    }
  }
}

TEST_CASE("matrix products are those of three loops") {
  SetBlasThreads(1);
  for (const size_t m : {1, 3, 64})
    for (const size_t n : {1, 2, 17})
      for (const size_t k : {1, 5, 100}) {
        CheckAgainstLoops(m, n, k, false, false);
        CheckAgainstLoops(m, n, k, true, false);
        CheckAgainstLoops(m, n, k, false, true);
      }
}

TEST_CASE("an empty sum is zero, and no rows are no work") {
  std::vector<float> c(4, 7.0f);
  MatMul(1, {nullptr, 2, 0}, {nullptr, 0, 2}, 0, {c.data(), 2, 2});
  CHECK(c == std::vector<float>(4, 0.0f));
  MatMul(1, {nullptr, 0, 3}, {RandomMatrix(6, 1).data(), 3, 2}, 0, {nullptr, 0, 2});
}

}  // namespace
}  // namespace paramd
