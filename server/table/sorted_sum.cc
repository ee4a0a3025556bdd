#include "server/table/sorted_sum.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace paramd {
namespace {

// The keys of all pushes, ascending, each once.
std::vector<uint64_t> UnionOfKeys(absl::Span<const WeightedPush> pushes) {
  if (pushes.empty()) return {};
  if (pushes.size() == 1) return pushes[0].push.keys;
  const std::vector<uint64_t> a = UnionOfKeys(pushes.subspan(0, pushes.size() / 2));
  const std::vector<uint64_t> b = UnionOfKeys(pushes.subspan(pushes.size() / 2));
  std::vector<uint64_t> both;
  both.reserve(a.size() + b.size());
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

}  // namespace

SortedSum SumByKey(absl::Span<const WeightedPush> pushes, uint32_t dim) {
  std::vector<uint64_t> keys = UnionOfKeys(pushes);
  std::vector<double> sum(keys.size() * dim);
  for (const auto& [weight, push] : pushes) {
    if (push.keys.empty()) continue;
    const float* gradient = push.gradients.data();
    auto at = std::lower_bound(keys.begin(), keys.end(), push.keys.front());
    for (const uint64_t key : push.keys) {
      while (*at != key) ++at;
      double* const total = &sum[static_cast<size_t>(at - keys.begin()) * dim];
      for (uint32_t i = 0; i < dim; ++i) total[i] += weight * gradient[i];
      gradient += dim;
    }
  }
  return {.keys = std::move(keys), .gradients = {sum.begin(), sum.end()}};
}

}  // namespace paramd
