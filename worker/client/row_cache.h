#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "common/base/mutex.h"

namespace paramd {

// Rows of a sparse table that were pulled, each with its version: it has every change of the steps
// before that clock. A fixed number of rows, in sets of four by the key's hash; a new row takes the
// place of the oldest in its set. (The process cache of Ho et al., "More effective distributed ML
// via a stale synchronous parallel parameter server", NIPS 2013, section 4.) Thread-safe.
class RowCache {
 public:
  // Memory for rows of `dim` values is about `bytes`; it is taken as rows come.
  RowCache(uint32_t dim, uint64_t bytes);

  // Copies the rows of keys[i] whose version is at least `oldest` to values[order[i] * dim, ...),
  // and sets `stale` to the other i, ascending.
  void Read(absl::Span<const uint64_t> keys, absl::Span<const uint32_t> order, uint64_t oldest,
            float* values, std::vector<uint32_t>* stale) const;

  // Keeps the rows of keys[i], which are values[order[i] * dim, ...), unless it has newer ones.
  void Write(absl::Span<const uint64_t> keys, absl::Span<const uint32_t> order, uint64_t version,
             const float* values);

 private:
  static constexpr size_t kWays = 4;

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  // Zero, and without memory until it is written to.
  template <typename T>
  using Array = std::unique_ptr<T[], Free>;
  template <typename T>
  static Array<T> Zeros(size_t size) {
    return Array<T>(static_cast<T*>(std::calloc(size, sizeof(T))));
  }

  size_t SetOf(uint64_t key) const;
  // The slot of `key`; kNone.
  size_t Find(uint64_t key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  static constexpr size_t kNone = SIZE_MAX;

  const uint32_t dim_;
  const size_t sets_;  // a power of two
  mutable Mutex mutex_;
  Array<uint64_t> keys_ ABSL_GUARDED_BY(mutex_);
  Array<uint64_t> versions_ ABSL_GUARDED_BY(mutex_);  // and one; 0: the slot is empty
  Array<float> rows_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
