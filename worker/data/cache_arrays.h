#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace paramd {

// Arrays of numbers in a block of a cache file (CACHE.md): each number in the fewest bytes that
// hold all of its array, little-endian, each array beginning at a multiple of 8 and padded with
// zeros. Loops are without branches, so that compilers turn them into vector code.
namespace cache_arrays {

static_assert(std::endian::native == std::endian::little, "arrays are written as they are");

// Bytes of a number of an array that is not there.
inline constexpr uint8_t kNone = 255;

constexpr uint64_t Padded(uint64_t bytes) { return (bytes + 7) / 8 * 8; }

// Bytes of an array of `size` numbers, with padding.
constexpr uint64_t ArrayBytes(uint64_t size, uint8_t width) {
  return width == kNone ? 0 : Padded(size * width);
}

// 1, 2 or 4.
inline uint8_t WidthOf(absl::Span<const uint32_t> numbers) {
  uint32_t bits = 0;
  for (const uint32_t number : numbers) bits |= number;
  return bits <= 0xff ? 1 : bits <= 0xffff ? 2 : 4;
}

// 0: all are 1; 1: all are whole, from 0 to 255; otherwise 4.
inline uint8_t WidthOf(absl::Span<const float> numbers) {
  uint32_t not_ones = 0, not_bytes = 0;
  for (const float number : numbers) {
    const auto byte = static_cast<uint8_t>(number >= 0.0f && number <= 255.0f ? number : 0.0f);
    const auto bits = std::bit_cast<uint32_t>(number);
    not_ones |= bits ^ std::bit_cast<uint32_t>(1.0f);
    not_bytes |= bits ^ std::bit_cast<uint32_t>(static_cast<float>(byte));
  }
  return not_ones == 0 ? 0 : not_bytes == 0 ? 1 : 4;
}

// Numbers as bytes, converted to `As`.
template <typename As, typename T>
void Write(const std::vector<T>& numbers, char* out) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto number = static_cast<As>(numbers[i]);
    std::memcpy(out + i * sizeof(As), &number, sizeof(As));
  }
}

// The same backwards; fills `numbers`.
template <typename As, typename T>
void Read(const char* bytes, std::vector<T>* numbers) {
  T* const out = numbers->data();
  const size_t size = numbers->size();
  for (size_t i = 0; i < size; ++i) {
    As number;
    std::memcpy(&number, bytes + i * sizeof(As), sizeof(As));
    out[i] = static_cast<T>(number);
  }
}

// Writes one array after the other to memory that has room for them.
class Output {
 public:
  explicit Output(uint64_t* at) : at_(reinterpret_cast<char*>(at)) {}

  // `numbers` of `width` bytes each, as of WidthOf.
  template <typename T>
  void Add(const std::vector<T>& numbers, uint8_t width) {
    if (width == kNone || width == 0) return;
    char* const out = Advance(numbers.size() * width);
    if (width == 1) {
      Write<uint8_t>(numbers, out);
    } else if (width == 2) {
      Write<uint16_t>(numbers, out);
    } else {
      Write<T>(numbers, out);
    }
  }
  void AddBytes(absl::string_view bytes) {
    if (!bytes.empty()) std::memcpy(Advance(bytes.size()), bytes.data(), bytes.size());
  }

 private:
  char* Advance(uint64_t bytes) {
    char* const begin = at_;
    at_ += Padded(bytes);
    if (at_ != begin) std::memset(at_ - sizeof(uint64_t), 0, sizeof(uint64_t));  // the padding
    return begin;
  }

  char* at_;
};

// Reads what Output wrote. The caller has seen to it that all of it is there.
class Input {
 public:
  explicit Input(const uint64_t* at) : at_(reinterpret_cast<const char*>(at)) {}

  // Replaces `numbers` by an array of `size`.
  template <typename T>
  void Take(size_t size, uint8_t width, std::vector<T>* numbers) {
    if (width == kNone) return numbers->clear();
    if (width == 0) return numbers->assign(size, T{1});
    numbers->resize(size);
    const char* const bytes = TakeBytes(size * width).data();
    if (width == 1) {
      Read<uint8_t>(bytes, numbers);
    } else if (width == 2) {
      Read<uint16_t>(bytes, numbers);
    } else {
      Read<T>(bytes, numbers);
    }
  }
  absl::string_view TakeBytes(uint64_t bytes) {
    const absl::string_view taken(at_, bytes);
    at_ += Padded(bytes);
    return taken;
  }

 private:
  const char* at_;
};

}  // namespace cache_arrays
}  // namespace paramd
