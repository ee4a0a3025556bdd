#pragma once

#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// Adds the values that `other` counts to `column`: what comes out is of all of them together, by
// the update of Chan, Golub and LeVeque 1979 ("Updating formulae and a pairwise algorithm for
// computing sample variances", equation 2.1), which loses no digits to a large mean:
//   d = mean_b - mean_a, n = n_a + n_b
//   mean = mean_a + d n_b / n
//   squares = squares_a + squares_b + d^2 n_a n_b / n
void MergeStatistics(const v1::ColumnStatistics& other, v1::ColumnStatistics* column);

}  // namespace paramd
