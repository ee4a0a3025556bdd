#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace paramd {

// Which key lists a server holds for a stream: the ones used last, as far as they fit. Client and
// server keep one each, with the same operations in the same order and the same budget; so the
// client knows what the server holds without asking. `Value` is what is kept of a list. Not
// thread-safe.
template <typename Value>
class KeyListLru {
 public:
  explicit KeyListLru(uint64_t budget) : budget_(budget) {}

  // The list, which has now been used last; null when it is not held. Valid until the next call.
  Value* Find(absl::string_view name) {
    const auto found = index_.find(name);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &entries_.front().value;
  }

  // Holds a list of `keys` keys in `segments` segments, dropping those used longest ago, and
  // returns what is kept of it, to be filled: it may have the memory of one that was dropped. Null:
  // the list alone is too much. Valid until the next call.
  Value* Insert(absl::string_view name, uint64_t keys, uint64_t segments) {
    const uint64_t bytes = BytesOf(keys, segments);
    if (const auto found = index_.find(name); found != index_.end()) Drop(found->second);
    if (bytes > budget_) return nullptr;
    while (used_ + bytes > budget_) Drop(std::prev(entries_.end()));
    if (dropped_.empty()) dropped_.emplace_front();
    entries_.splice(entries_.begin(), dropped_, dropped_.begin());
    Entry& entry = entries_.front();
    entry.name.assign(name.data(), name.size());
    entry.bytes = bytes;
    index_.emplace(entry.name, entries_.begin());
    used_ += bytes;
    return &entry.value;
  }

  void Clear() {
    while (!entries_.empty()) Drop(entries_.begin());
  }

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string name;
    uint64_t bytes = 0;
    Value value;
  };
  using Entries = std::list<Entry>;

  // Part of the protocol: what a list counts for, with bookkeeping.
  static uint64_t BytesOf(uint64_t keys, uint64_t segments) {
    return 1024 + 8 * keys + 16 * segments;
  }

  void Drop(typename Entries::iterator entry) {
    used_ -= entry->bytes;
    index_.erase(entry->name);
    dropped_.splice(dropped_.begin(), entries_, entry);
    if (dropped_.size() > kDropped) dropped_.pop_back();
  }

  // Lists whose memory is kept for others: the budget does not count it.
  static constexpr size_t kDropped = 8;

  const uint64_t budget_;
  uint64_t used_ = 0;
  Entries entries_;  // used last first
  Entries dropped_;  // for their memory
  absl::flat_hash_map<absl::string_view, typename Entries::iterator> index_;
};

}  // namespace paramd
