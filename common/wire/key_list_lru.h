#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <utility>

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

  // Holds a list of `keys` keys, dropping those used longest ago; not at all when it alone is too
  // much. A name that is held gets the new value.
  void Insert(absl::string_view name, uint64_t keys, Value value) {
    const uint64_t bytes = BytesOf(keys);
    if (const auto found = index_.find(name); found != index_.end()) Erase(found->second);
    if (bytes > budget_) return;
    while (used_ + bytes > budget_) Erase(std::prev(entries_.end()));
    entries_.push_front({std::string(name), bytes, std::move(value)});
    index_.emplace(entries_.front().name, entries_.begin());
    used_ += bytes;
  }

  void Clear() {
    index_.clear();
    entries_.clear();
    used_ = 0;
  }

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string name;
    uint64_t bytes = 0;
    Value value;
  };
  using Entries = std::list<Entry>;

  // Part of the protocol: what a list counts for, with segments and bookkeeping.
  static uint64_t BytesOf(uint64_t keys) { return 1024 + 8 * keys; }

  void Erase(typename Entries::iterator entry) {
    used_ -= entry->bytes;
    index_.erase(entry->name);
    entries_.erase(entry);
  }

  const uint64_t budget_;
  uint64_t used_ = 0;
  Entries entries_;  // used last first
  absl::flat_hash_map<absl::string_view, typename Entries::iterator> index_;
};

}  // namespace paramd
