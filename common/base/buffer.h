#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace paramd {

// Shared bytes of a fixed size, from a pool of the process: in a steady state nothing is allocated.
// Copies share the bytes; the last one gives them back. The reference count is thread-safe, the
// bytes are as safe as plain memory. They are not initialised, and aligned to 64 bytes.
class Buffer {
 public:
  // Empty.
  Buffer() = default;
  explicit Buffer(size_t size);
  Buffer(const Buffer& other) : block_(other.block_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Buffer() {
    if (block_ != nullptr) Unreference(block_);
  }

  uint8_t* data() const {
    return block_ == nullptr ? nullptr : reinterpret_cast<uint8_t*>(block_ + 1);
  }
  float* floats() const { return reinterpret_cast<float*>(data()); }
  size_t size() const { return block_ == nullptr ? 0 : block_->size; }

  // Makes it smaller. Only while it is not shared.
  void Shrink(size_t size) {
    if (block_ != nullptr) block_->size = size;
  }

  // For owners that are not C++ objects: gives the reference away, which Release later takes back.
  void* Detach() { return std::exchange(block_, nullptr); }
  static void Release(void* detached) { Unreference(static_cast<Block*>(detached)); }

 private:
  struct alignas(64) Block {
    std::atomic<uint32_t> references{1};
    uint32_t size_class = 0;
    size_t size = 0;
    Block* next = nullptr;  // in the pool
  };
  class Pool;

  static void Unreference(Block* block);

  Block* block_ = nullptr;
};

}  // namespace paramd
