#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace paramd {

// Which blocks of a shard's rows have changed since one of the last few copies of it was made. What
// a block is, the kind of shard says. Until the first copy nothing is kept, and marking costs a
// branch. Not thread-safe.
class ChangedBlocks {
 public:
  static constexpr uint32_t kBlocks = 1 << 16;
  using Set = std::bitset<kBlocks>;

  // Rows of the blocks [first, end) were changed.
  void MarkRange(uint64_t first, uint64_t end) {
    if (latest_ == nullptr) return;
    for (uint64_t block = first; block < end; ++block) latest_->set(block);
  }

  // Rows of keys with these hashes were changed, added or removed.
  void MarkHashes(absl::Span<const uint64_t> hashes) {
    if (latest_ == nullptr) return;
    for (const uint64_t hash : hashes) latest_->set(OfHash(hash));
  }

  // A copy is made at operation `index`. Returns the blocks that have changed since the one that
  // was made at operation `since`; nothing, when that is not known. Earlier ones are forgotten.
  std::optional<Set> Cut(uint64_t since, uint64_t index);

  // Nothing is known any more.
  void Clear();

  // The block of the hash of a key.
  static uint32_t OfHash(uint64_t hash) { return static_cast<uint32_t>(hash) & (kBlocks - 1); }

 private:
  // From a copy to the next one.
  struct Period {
    uint64_t begin = 0;  // operation that the copy was made at
    std::unique_ptr<Set> changed;
  };
  // Copies that never became a checkpoint are forgotten beyond so many.
  static constexpr size_t kMostPeriods = 4;

  std::vector<Period> periods_;  // in the order of time
  Set* latest_ = nullptr;        // of the last period; null: there is none
};

}  // namespace paramd
