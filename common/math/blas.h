#pragma once

#include <cstddef>

namespace paramd {

// Thin wrappers of OpenBLAS for row-major matrices of float32. Thread-safe, as OpenBLAS is.
// Sizes must fit an int.

// A matrix in memory that someone else owns: element (i, j) is data[i * cols + j].
struct ConstMatrix {
  const float* data = nullptr;
  size_t rows = 0;
  size_t cols = 0;
};

struct MutableMatrix {
  float* data = nullptr;
  size_t rows = 0;
  size_t cols = 0;
};

// c = alpha * a b + beta * c, for a [m x k], b [k x n], c [m x n].
void MatMul(float alpha, ConstMatrix a, ConstMatrix b, float beta, MutableMatrix c);

// c = alpha * a^T b + beta * c, for a [k x m], b [k x n], c [m x n].
void MatMulTransposedA(float alpha, ConstMatrix a, ConstMatrix b, float beta, MutableMatrix c);

// c = alpha * a b^T + beta * c, for a [m x k], b [n x k], c [m x n].
void MatMulTransposedB(float alpha, ConstMatrix a, ConstMatrix b, float beta, MutableMatrix c);

// Threads that OpenBLAS computes with from now on, in the whole process. At least 1.
void SetBlasThreads(int threads);

}  // namespace paramd
