#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <vector>

#include "absl/types/span.h"
#include "common/base/buffer.h"
#include "common/wire/byte_reader.h"

namespace paramd {

// A slice of a buffer's bytes [begin, begin + size), which keeps the buffer alive. Nothing is
// copied.
inline grpc::Slice SliceOf(Buffer buffer, size_t begin, size_t size) {
  uint8_t* const data = buffer.data() + begin;
  return grpc::Slice(data, size, &Buffer::Release, buffer.Detach());
}

// The bytes of a message that was received, in the pieces they came in. Keeps its memory for the
// next message. Not thread-safe.
class MessagePieces {
 public:
  // The pieces are valid until the next call.
  absl::Span<const ByteReader::Piece> Of(const grpc::ByteBuffer& message) {
    pieces_.clear();
    if (!message.Dump(&slices_).ok()) slices_.clear();
    for (const grpc::Slice& slice : slices_) pieces_.emplace_back(slice.begin(), slice.size());
    return pieces_;
  }

  // Lets go of the message.
  void Clear() {
    pieces_.clear();
    slices_.clear();
  }

 private:
  std::vector<grpc::Slice> slices_;
  std::vector<ByteReader::Piece> pieces_;
};

}  // namespace paramd
