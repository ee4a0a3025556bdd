#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace paramd {

// The bytes of one direction of one connection that have come and not left. Not thread-safe.
class Flow {
 public:
  // `due`: when they may leave; never before those that came earlier.
  void Add(std::string bytes, absl::Duration due);

  // Some bytes that may leave at `now`; empty: none. Valid until the next call.
  absl::string_view Ready(absl::Duration now) const;
  // The first `bytes` of Ready have left.
  void Remove(uint64_t bytes);
  // Nobody wants them any more.
  void Clear();

  bool empty() const { return pieces_.empty(); }
  // There is so much that no more is to be read.
  bool full() const { return bytes_ >= kMostBytes; }
  // When the first bytes may leave; never if there are none.
  absl::Duration due() const { return empty() ? absl::InfiniteDuration() : pieces_.front().due; }

 private:
  static constexpr uint64_t kMostBytes = 16 << 20;
  struct Piece {
    std::string bytes;
    absl::Duration due;
  };

  std::deque<Piece> pieces_;
  uint64_t bytes_ = 0;
  // Of the first piece, that have left.
  uint64_t left_ = 0;
};

}  // namespace paramd
