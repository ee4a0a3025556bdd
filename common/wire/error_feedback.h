#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "common/wire/top_k.h"

namespace paramd {

// Error feedback for gradients of which only the largest values are sent (Stich, Cordonnier, Jaggi:
// "Sparsified SGD with memory", NeurIPS 2018; Karimireddy et al.: "Error feedback fixes SignSGD",
// ICML 2019; the local accumulation of Lin et al.: "Deep gradient compression", ICLR 2018, without
// its momentum correction). The sender keeps a residual e, at first 0, for every value of a table:
//
//   g' = g + e;   sent = the largest values of g';   e = g' - sent
//
// so that what is left out of one push goes into a later one: the sum of all that was sent and of
// the residuals is the sum of all gradients, up to the rounding of g + e. Neither class is
// thread-safe.

// For a sparse table. A row has memory only while a residual of it is not 0, and at most
// `max_rows` rows have; the values of a row for which there is no more room are all sent.
class SparseErrorFeedback {
 public:
  SparseErrorFeedback(uint32_t dim, size_t max_rows) : dim_(dim), max_rows_(max_rows) {}

  // Adds the residuals of the rows `keys`, unique, to `gradients` (keys.size() x dim), selects the
  // TopKCount(gradients.size(), fraction) largest values, and keeps the others. Returns the
  // positions of the values to send, ascending, for EncodeTopK; more than was asked for when rows
  // have no room. Valid until the next call.
  absl::Span<const uint32_t> Select(absl::Span<const uint64_t> keys, double fraction,
                                    absl::Span<float> gradients);

  // Rows with a residual.
  size_t rows() const { return slots_.size(); }

  // The residual of a row, empty for one without. Valid until the next Select.
  absl::Span<const float> residual(uint64_t key) const;

 private:
  void AddResiduals(absl::Span<const uint64_t> keys, absl::Span<float> gradients) const;

  // Keeps `rest` as the residual of `key`. False, keeping nothing: there is no room.
  bool Keep(uint64_t key, absl::Span<const float> rest);

  float* Row(size_t slot) { return residuals_.data() + slot * dim_; }
  const float* Row(size_t slot) const { return residuals_.data() + slot * dim_; }

  const size_t dim_;
  const size_t max_rows_;
  absl::flat_hash_map<uint64_t, size_t> slots_;
  std::vector<size_t> free_slots_;
  std::vector<float> residuals_;  // slots x dim
  TopKSelector selector_;
  std::vector<uint32_t> sent_;
  std::vector<float> rest_;
};

// For a dense table of rows x dim values, which all have a residual.
class DenseErrorFeedback {
 public:
  DenseErrorFeedback(uint64_t rows, uint32_t dim) : dim_(dim), residuals_(rows * dim) {}

  // As above, for the rows from `first_row` on; always selects as many as was asked for.
  absl::Span<const uint32_t> Select(uint64_t first_row, double fraction,
                                    absl::Span<float> gradients);

  absl::Span<const float> residuals() const { return residuals_; }

 private:
  const size_t dim_;
  std::vector<float> residuals_;
  TopKSelector selector_;
};

}  // namespace paramd
