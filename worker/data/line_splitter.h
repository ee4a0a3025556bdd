#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/byte_source.h"

namespace paramd {

// Cuts a stream of bytes into lines. Lines end with "\n" or "\r\n"; the last one may lack it.
// A UTF-8 byte order mark at the beginning is left out. Memory is bounded by the longest line
// allowed. Not thread-safe.
class LineSplitter {
 public:
  struct Options {
    size_t block_bytes = size_t{256} << 10;    // read at once, at least 1
    size_t max_line_bytes = size_t{16} << 20;  // a longer line is not kept
  };

  explicit LineSplitter(std::unique_ptr<ByteSource> source)
      : LineSplitter(std::move(source), Options()) {}
  LineSplitter(std::unique_ptr<ByteSource> source, const Options& options);

  // Moves to the next line; false at the end. Errors: those of the source.
  absl::StatusOr<bool> Next();

  // The line without its end; valid until Next. Empty when it was too long.
  absl::string_view line() const { return line_; }
  bool too_long() const { return too_long_; }
  // Number of the line in the stream, from 1.
  uint64_t number() const { return number_; }
  // Bytes of the stream up to the end of the line.
  uint64_t consumed() const { return read_ - (end_ - begin_); }

 private:
  // Makes room and reads a block behind what is there. False at the end of the source.
  absl::StatusOr<bool> ReadBlock();
  void TakeLine(size_t length, size_t with_end);

  const Options options_;
  const std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  uint64_t read_ = 0;  // bytes of the source
  size_t begin_ = 0;   // bytes [begin_, end_) of the buffer are read and not yet taken
  size_t end_ = 0;
  absl::string_view line_;
  bool too_long_ = false;
  uint64_t number_ = 0;
};

}  // namespace paramd
