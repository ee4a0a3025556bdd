#include "tests/testing/fault_proxy/flow.h"

#include <algorithm>
#include <utility>

namespace paramd {

void Flow::Add(std::string bytes, absl::Duration due) {
  if (!empty()) due = std::max(due, pieces_.back().due);
  bytes_ += bytes.size();
  pieces_.push_back({.bytes = std::move(bytes), .due = due});
}

absl::string_view Flow::Ready(absl::Duration now) const {
  if (due() > now) return {};
  return absl::string_view(pieces_.front().bytes).substr(left_);
}

void Flow::Remove(uint64_t bytes) {
  bytes_ -= bytes;
  left_ += bytes;
  if (left_ < pieces_.front().bytes.size()) return;
  pieces_.pop_front();
  left_ = 0;
}

void Flow::Clear() { *this = Flow(); }

}  // namespace paramd
