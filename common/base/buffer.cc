#include "common/base/buffer.h"

#include <array>
#include <bit>
#include <new>

#include "common/base/mutex.h"

namespace paramd {

// Blocks that are not in use, by size: powers of two. Lives as long as the process.
class Buffer::Pool {
 public:
  static Pool& Shared() {
    static Pool* const pool = new Pool;
    return *pool;
  }

  Block* Take(size_t size) {
    const uint32_t size_class = ClassOf(size);
    Block* block = nullptr;
    if (size_class < kClasses) {
      MutexLock lock(mutex_);
      Block*& first = free_[size_class];
      if (first != nullptr) {
        block = first;
        first = block->next;
        pooled_ -= BytesOf(size_class);
      }
    }
    if (block == nullptr) {
      const size_t bytes = size_class < kClasses ? BytesOf(size_class) : size;
      void* const memory = ::operator new(sizeof(Block) + bytes, std::align_val_t(alignof(Block)));
      block = new (memory) Block;
      block->size_class = size_class;
    }
    block->references.store(1, std::memory_order_relaxed);
    block->size = size;
    return block;
  }

  void Return(Block* block) {
    const uint32_t size_class = block->size_class;
    if (size_class < kClasses) {
      MutexLock lock(mutex_);
      if (pooled_ + BytesOf(size_class) <= kMaxPooled) {
        pooled_ += BytesOf(size_class);
        block->next = free_[size_class];
        free_[size_class] = block;
        return;
      }
    }
    block->~Block();
    ::operator delete(block, std::align_val_t(alignof(Block)));
  }

 private:
  static constexpr size_t kSmallest = 256;
  static constexpr uint32_t kClasses = 17;  // up to 16 MiB; larger ones are not kept
  static constexpr size_t kMaxPooled = 64 * 1024 * 1024;

  static size_t BytesOf(uint32_t size_class) { return kSmallest << size_class; }
  static uint32_t ClassOf(size_t size) {
    return size <= kSmallest ? 0 : static_cast<uint32_t>(std::bit_width((size - 1) / kSmallest));
  }

  Mutex mutex_;
  std::array<Block*, kClasses> free_ ABSL_GUARDED_BY(mutex_) = {};
  size_t pooled_ ABSL_GUARDED_BY(mutex_) = 0;
};

Buffer::Buffer(size_t size) : block_(Pool::Shared().Take(size)) {}

void Buffer::Unreference(Block* block) {
  if (block->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Pool::Shared().Return(block);
  }
}

}  // namespace paramd
