#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/types/span.h"

namespace paramd {

// A cursor over bytes that lie in several pieces, as a message was received:
//
//   ByteReader bytes(pieces);
//   uint8_t scratch[4];
//   const uint8_t* length = bytes.Exactly(4, scratch);  // in place, or gathered in scratch
//   ByteReader body = bytes.Take(Length(length));       // a cursor of its own
//
// Borrows the pieces and the array of them; whoever made it keeps both. A copy is cheap and an
// independent cursor. Reading past the end is the caller's error: compare with remaining() first.
// Not thread-safe; copies may be used by different threads.
class ByteReader {
 public:
  using Piece = absl::Span<const uint8_t>;

  ByteReader() = default;

  // Pieces may be empty.
  explicit ByteReader(absl::Span<const Piece> pieces) : next_(pieces.data()) {
    for (const Piece& piece : pieces) remaining_ += piece.size();
    Enter();
  }

  size_t remaining() const { return remaining_; }

  // Of the remaining bytes, those that lie in one piece at the cursor: none only at the end.
  size_t contiguous() const { return static_cast<size_t>(end_ - at_); }

  // The next bytes in place: as many as lie in one piece, at most `max`.
  Piece Next(size_t max) {
    const Piece piece(at_, std::min(max, contiguous()));
    Advance(piece.size());
    return piece;
  }

  // The next `size` bytes in one piece: in place if they lie so, otherwise copied to `scratch`,
  // which has room for them.
  const uint8_t* Exactly(size_t size, uint8_t* scratch) {
    if (size <= contiguous()) return Next(size).data();
    Copy(size, scratch);
    return scratch;
  }

  // Copies the next `size` bytes to `out`.
  void Copy(size_t size, uint8_t* out) {
    assert(size <= remaining_);
    while (size > 0) {
      const Piece piece = Next(size);
      std::memcpy(out, piece.data(), piece.size());
      out += piece.size();
      size -= piece.size();
    }
  }

  void Skip(size_t size) {
    assert(size <= remaining_);
    while (size > 0) size -= Next(size).size();
  }

  // A cursor over the next `size` bytes and no more; this one goes on behind them.
  ByteReader Take(size_t size) {
    assert(size <= remaining_);
    ByteReader part = *this;
    part.remaining_ = size;
    part.end_ = at_ + std::min(size, contiguous());
    Skip(size);
    return part;
  }

 private:
  void Advance(size_t size) {
    at_ += size;
    remaining_ -= size;
    if (at_ == end_) Enter();
  }

  // Goes to the next piece that is not empty, if there are bytes left.
  void Enter() {
    while (at_ == end_ && remaining_ > 0) {
      at_ = next_->data();
      end_ = at_ + std::min(next_->size(), remaining_);
      ++next_;
    }
  }

  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;  // of the current piece, or of what may be read of it
  const Piece* next_ = nullptr;
  size_t remaining_ = 0;
};

}  // namespace paramd
