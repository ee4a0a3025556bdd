#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "common/wire/byte_reader.h"

namespace paramd {

// Bytes cut into pieces as a received message is. Every piece has memory of its own, of exactly its
// size, so that the address sanitizer sees each read past an end.
class Pieces {
 public:
  // Cuts `bytes` before each of `cuts`, which ascend; equal ones make empty pieces.
  explicit Pieces(absl::Span<const uint8_t> bytes, absl::Span<const size_t> cuts = {}) {
    size_t begin = 0;
    for (const size_t cut : cuts) {
      Add(bytes.subspan(begin, cut - begin));
      begin = cut;
    }
    Add(bytes.subspan(begin));
  }

  ByteReader reader() const { return ByteReader(pieces_); }
  absl::Span<const ByteReader::Piece> pieces() const { return pieces_; }

 private:
  void Add(absl::Span<const uint8_t> bytes) {
    memory_.push_back(std::make_unique<uint8_t[]>(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), memory_.back().get());
    pieces_.emplace_back(memory_.back().get(), bytes.size());
  }

  std::vector<std::unique_ptr<uint8_t[]>> memory_;
  std::vector<ByteReader::Piece> pieces_;
};

// Cuts after every `size` bytes of `total`.
inline std::vector<size_t> CutsEvery(size_t size, size_t total) {
  std::vector<size_t> cuts;
  for (size_t at = size; at < total; at += size) cuts.push_back(at);
  return cuts;
}

}  // namespace paramd
