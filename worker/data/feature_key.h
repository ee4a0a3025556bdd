#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace paramd {

// Keys of features that have names instead of numbers. The same on every machine.

// XXH3-64 (seed 0) of a name: of a word, or of a column, whose number is then the feature's value.
uint64_t NameKey(absl::string_view name);

// XXH3-64 of a category's text, with the key of its column as the seed: so the same text in two
// columns are two features.
uint64_t CategoryKey(uint64_t column_key, absl::string_view text);

}  // namespace paramd
