#include "tests/testing/count_allocations.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace paramd {
namespace {

std::atomic<size_t> allocations = 0;
std::atomic<size_t> live_bytes = 0;

void* Allocate(size_t size, size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  // A size that aligned_alloc takes.
  const size_t whole = (size + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, whole == 0 ? alignment : whole);
  if (memory == nullptr) std::abort();
  live_bytes.fetch_add(malloc_usable_size(memory), std::memory_order_relaxed);
  return memory;
}

void Free(void* memory) {
  live_bytes.fetch_sub(malloc_usable_size(memory), std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

size_t Allocations() { return allocations.load(std::memory_order_relaxed); }
size_t LiveBytes() { return live_bytes.load(std::memory_order_relaxed); }

}  // namespace paramd

// All forms: with a sanitizer those that are left out would be its own.
void* operator new(size_t size) { return paramd::Allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(size_t size, std::align_val_t alignment) {
  return paramd::Allocate(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new[](size_t size, std::align_val_t alignment) {
  return operator new(size, alignment);
}
void* operator new(size_t size, const std::nothrow_t&) noexcept { return operator new(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return operator new(size); }
void operator delete(void* memory) noexcept { paramd::Free(memory); }
void operator delete(void* memory, size_t) noexcept { paramd::Free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { paramd::Free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { paramd::Free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { paramd::Free(memory); }
void operator delete[](void* memory) noexcept { paramd::Free(memory); }
void operator delete[](void* memory, size_t) noexcept { paramd::Free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { paramd::Free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { paramd::Free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { paramd::Free(memory); }
