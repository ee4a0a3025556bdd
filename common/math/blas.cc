#include "common/math/blas.h"

#include <cblas-openblas.h>

#include <algorithm>
#include <cassert>

namespace paramd {
namespace {

// BLAS wants a row length of at least one even where there is nothing to read.
blasint Stride(size_t cols) { return static_cast<blasint>(std::max<size_t>(cols, 1)); }

void Gemm(CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, size_t k, float alpha,
          ConstMatrix a, ConstMatrix b, float beta, MutableMatrix c) {
  cblas_sgemm(CblasRowMajor, transpose_a, transpose_b, static_cast<blasint>(c.rows),
              static_cast<blasint>(c.cols), static_cast<blasint>(k), alpha, a.data, Stride(a.cols),
              b.data, Stride(b.cols), beta, c.data, Stride(c.cols));
}

}  // namespace

void MatMul(float alpha, ConstMatrix a, ConstMatrix b, float beta, MutableMatrix c) {
  assert(a.cols == b.rows && c.rows == a.rows && c.cols == b.cols);
  Gemm(CblasNoTrans, CblasNoTrans, a.cols, alpha, a, b, beta, c);
}

void MatMulTransposedA(float alpha, ConstMatrix a, ConstMatrix b, float beta, MutableMatrix c) {
  assert(a.rows == b.rows && c.rows == a.cols && c.cols == b.cols);
  Gemm(CblasTrans, CblasNoTrans, a.rows, alpha, a, b, beta, c);
}

void MatMulTransposedB(float alpha, ConstMatrix a, ConstMatrix b, float beta, MutableMatrix c) {
  assert(a.cols == b.cols && c.rows == a.rows && c.cols == b.rows);
  Gemm(CblasNoTrans, CblasTrans, a.cols, alpha, a, b, beta, c);
}

void SetBlasThreads(int threads) { openblas_set_num_threads(std::max(threads, 1)); }

}  // namespace paramd
