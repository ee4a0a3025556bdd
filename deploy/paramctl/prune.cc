#include "deploy/paramctl/prune.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace paramd {
namespace {

void DropEmptyRows(ModelTable* table) {
  size_t kept = 0;
  for (size_t row = 0; row < table->keys.size(); ++row) {
    const auto begin = table->values.begin() + static_cast<ptrdiff_t>(row * table->dim);
    if (std::all_of(begin, begin + table->dim, [](float value) { return value == 0; })) continue;
    std::copy_n(begin, table->dim,
                table->values.begin() + static_cast<ptrdiff_t>(kept * table->dim));
    table->keys[kept++] = table->keys[row];
  }
  table->keys.resize(kept);
  table->values.resize(kept * table->dim);
}

}  // namespace

void Prune(double fraction, bool drop_empty_rows, ModelTable* table) {
  std::vector<float>& values = table->values;
  const auto count = static_cast<ptrdiff_t>(fraction * static_cast<double>(values.size()));
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  // Of equal magnitudes the first ones, so that the result is always the same.
  const auto smaller = [&](size_t a, size_t b) {
    return std::pair(std::abs(values[a]), a) < std::pair(std::abs(values[b]), b);
  };
  if (count < static_cast<ptrdiff_t>(order.size())) {
    std::nth_element(order.begin(), order.begin() + count, order.end(), smaller);
  }
  for (ptrdiff_t i = 0; i < count; ++i) values[order[static_cast<size_t>(i)]] = 0;
  if (table->sparse && drop_empty_rows) DropEmptyRows(table);
}

}  // namespace paramd
