#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace paramd {

// What a row holds before its first update: column i of row r is uniform in [-scale, scale), drawn
// by a counter-based generator keyed by (seed, table, r, i). The same on every server and for any
// number of shards; a row needs no storage until it is changed. A pure function.
struct Initializer {
  uint64_t seed = 0;
  uint64_t table = 0;  // HashOfName
  float scale = 0;     // 0: all zero

  // `row`: key (sparse) or number (dense) of the row.
  void Fill(uint64_t row, absl::Span<float> values) const;

  // XXH3-64 of a table's name.
  static uint64_t HashOfName(absl::string_view name);
};

}  // namespace paramd
