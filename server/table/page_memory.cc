#include "server/table/page_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

namespace paramd {
namespace {

constexpr size_t kPage = 4096;
constexpr std::align_val_t kCacheLine{64};
// From here on pages come from the system and go back to it, so that arrays that grow leave no
// holes in the heap.
constexpr size_t kMapped = size_t{128} << 10;

size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

void* Map(size_t bytes) {
  void* const data =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
  return data;
}

// A mapping that begins where a huge page could.
void* MapAligned(size_t bytes) {
  auto* const begin = static_cast<uint8_t*>(Map(bytes + PageMemory::kHugePage));
  const size_t before = RoundUp(reinterpret_cast<uintptr_t>(begin), PageMemory::kHugePage) -
                        reinterpret_cast<uintptr_t>(begin);
  if (before > 0) munmap(begin, before);
  munmap(begin + before + bytes, PageMemory::kHugePage - before);
  return begin + before;
}

}  // namespace

PageMemory::PageMemory(size_t bytes, bool huge) : bytes_(bytes) {
  if (bytes < kMapped) {
    data_ = ::operator new(bytes, kCacheLine);
    std::memset(data_, 0, bytes);
    return;
  }
  bytes_ = RoundUp(bytes, kPage);
  if (bytes < kHugePage) {
    data_ = Map(bytes_);
    return;
  }
  data_ = MapAligned(bytes_);
  // Only advice: it makes no difference to what the memory holds.
  madvise(data_, bytes_, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

PageMemory::~PageMemory() {
  if (bytes_ < kMapped) {
    ::operator delete(data_, kCacheLine);
  } else {
    munmap(data_, bytes_);
  }
}

}  // namespace paramd
