#pragma once

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "worker/data/batch.h"

namespace paramd {

// Vectors of the features of a sparse batch with fields, V [keys][k], pooled for each field:
//   P[row][f] = sum of x_i V[column_i] over the features i of the row in field f.
// Stateless, hence thread-safe.

// p [rows][fields][k], resized.
void PoolFields(const Batch& batch, absl::Span<const float> vectors, size_t k, size_t fields,
                std::vector<float>* p);

// dV = the derivative by V, [keys][k], for dp, the derivative of anything by P.
void UnpoolFields(const Batch& batch, absl::Span<const float> dp, size_t k, size_t fields,
                  absl::Span<float> dv);

}  // namespace paramd
