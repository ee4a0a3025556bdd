#pragma once

#include <cstdint>
#include <vector>

namespace paramd {

// Rows that an operation removed, for replicas to do the same: they lie elsewhere there, and would
// be found in another order.
struct RemovedRows {
  std::vector<uint64_t> hashes;
  // Rows of the operation that were looked at before each was removed. Ascending.
  std::vector<uint32_t> after;
};

}  // namespace paramd
