#pragma once

#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>

namespace paramd {

// A queue in a ring of memory that grows and is never given back. Not thread-safe.
template <typename T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  // Element `i` < size() from the front.
  T& operator[](size_t i) { return slots_[(first_ + i) % slots_.size()]; }
  const T& operator[](size_t i) const { return slots_[(first_ + i) % slots_.size()]; }
  T& front() { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }

  T& push_back(T value) {
    if (size_ == slots_.size()) Grow();
    ++size_;
    return back() = std::move(value);
  }

  void pop_front() {
    assert(size_ > 0);
    front() = T();
    first_ = (first_ + 1) % slots_.size();
    --size_;
  }

  void clear() {
    while (!empty()) pop_front();
  }

 private:
  void Grow() {
    std::vector<T> larger(slots_.empty() ? 8 : 2 * slots_.size());
    for (size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> slots_;
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace paramd
