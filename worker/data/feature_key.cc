#include "worker/data/feature_key.h"

#include <xxhash.h>

namespace paramd {

uint64_t NameKey(absl::string_view name) { return XXH3_64bits(name.data(), name.size()); }

uint64_t CategoryKey(uint64_t column_key, absl::string_view text) {
  return XXH3_64bits_withSeed(text.data(), text.size(), column_key);
}

}  // namespace paramd
