#pragma once

#include <cstddef>

#include "absl/types/span.h"
#include "worker/data/batch.h"

namespace paramd {

// Products with the features X [rows][keys] of a sparse batch. Vector code without fused
// multiply-add; the order of the additions is fixed, so that the result is the same to the bit on
// every CPU. Stateless, hence thread-safe.

// z [rows][k] += X W for W [keys][k].
// k = 1: the products of a row's features are added into eight sums, the i-th into sum i mod 8, and
// these as ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)), which is added to z. Otherwise the
// products are added to z one after the other.
void AddSparseProduct(const Batch& batch, absl::Span<const float> weights, size_t k,
                      absl::Span<float> z);

// dw [keys][k] += X^T D for D [rows][k], the products added to dw row after row.
void AddSparseTransposedProduct(const Batch& batch, absl::Span<const float> d, size_t k,
                                absl::Span<float> dw);

}  // namespace paramd
