#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace paramd {

// Centres [clusters][dims] to begin with, from a sample of the points, [n][dims] with n > 0:
// 1. k-means++ (Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA
// 2007,
//    section 2.2), which draws each centre among the points with probability proportional to the
//    squared distance to the centres before it; here the best of 2 + ln(clusters) such draws.
// 2. Lloyd's algorithm on the sample.
// 3. LocalSearch++ (Lattanzi and Sohler, "A better k-means++ algorithm via local search", ICML
// 2019,
//    algorithm 2): a point is drawn likewise and takes the place of the centre that is missed least
//    where that pays, which finds the clusters that the first step passed over; Lloyd again.
// Up to 64 clusters, where one that is missed weighs most, that is done three times and the best
// taken. The same for the same arguments. Where there are fewer different points than clusters,
// some centres are equal.
std::vector<float> SeedCentres(absl::Span<const float> points, size_t dims, size_t clusters,
                               uint64_t seed);

}  // namespace paramd
