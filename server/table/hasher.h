#pragma once

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "absl/types/span.h"

namespace paramd {

// XXH3-64 of a sequence of plain values. Not thread-safe.
class Hasher {
 public:
  Hasher() : state_(XXH3_createState(), XXH3_freeState) { XXH3_64bits_reset(state_.get()); }

  template <typename T>
  void Add(absl::Span<const T> values) {
    static_assert(std::is_arithmetic_v<T>, "padding would be hashed");
    XXH3_64bits_update(state_.get(), values.data(), values.size() * sizeof(T));
  }

  template <typename... T>
  void AddValues(T... values) {
    (Add(absl::Span<const T>(&values, 1)), ...);
  }

  uint64_t Digest() const { return XXH3_64bits_digest(state_.get()); }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

}  // namespace paramd
