#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/table/hasher.h"

namespace paramd {

// How often hashes have occurred lately, in bounded memory: never less than the truth, and more
// only when other hashes share all its counters. Cormode and Muthukrishnan, "An improved data
// stream summary: the count-min sketch and its applications", Journal of Algorithms 55 (2005),
// section 3, with the conservative update of Estan and Varghese, "New directions in traffic
// measurement and accounting", SIGCOMM 2002, section 4.1.
//
// When width() / 2 occurrences have been counted all counters are halved, so that the error stays
// what it is however long the stream: of hashes that never came before, at most 2.4 % (on the
// average 0.7 %) find all four counters taken. A hash must come again before that to be
// remembered. Not thread-safe.
class CountMinSketch {
 public:
  static constexpr uint32_t kMaxCount = 65535;

  // In at most `bytes` bytes, but at least 128.
  explicit CountMinSketch(size_t bytes);

  // Counts an occurrence; returns the estimate, which it is part of.
  uint32_t Add(uint64_t hash);

  // Counters in each of the four rows.
  size_t width() const { return counters_.size() / kRows; }
  size_t bytes() const { return counters_.capacity() * sizeof(counters_[0]); }

  // All it knows: the counters, and how many occurrences were counted since they were halved.
  absl::Span<const uint16_t> counters() const { return counters_; }
  uint64_t added() const { return added_; }
  // Takes over what another sketch of this size knew. False, and nothing is changed: it had
  // another size.
  bool Restore(absl::Span<const uint16_t> counters, uint64_t added);

  void AddTo(Hasher& hasher) const;

 private:
  static constexpr size_t kRows = 4;

  void Halve();

  int shift_ = 0;                   // of a mixed hash, to the number of a counter
  std::vector<uint16_t> counters_;  // [kRows][width], width a power of two
  size_t added_ = 0;                // since they were halved
};

}  // namespace paramd
