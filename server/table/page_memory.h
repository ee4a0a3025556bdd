#pragma once

#include <cstddef>
#include <utility>

namespace paramd {

// A piece of memory that begins as zeros, aligned to cache lines. From kHugePage bytes on it is
// aligned to huge pages, and what was never written takes no memory. Owns it; not thread-safe.
class PageMemory {
 public:
  static constexpr size_t kHugePage = size_t{2} << 20;

  PageMemory() = default;

  // `huge`: where the system grants it, the whole huge pages within are huge pages, each of which
  // takes its full size at its first write. Throws std::bad_alloc.
  PageMemory(size_t bytes, bool huge);

  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  PageMemory& operator=(PageMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace paramd
