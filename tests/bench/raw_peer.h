#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace paramd {

// The machine's limit: two processes, a loopback TCP connection with plain blocking reads and
// writes, and the same arithmetic at the receiver as the servers do, on arrays that are indexed
// directly. Starts the other process, which must happen before this one has threads. Ends it when
// destroyed.
class RawPeer {
 public:
  // The peer holds `floats` dense parameters, and, for sparse operations of `dim` values a key,
  // rows of `keys` keys with AdaGrad state.
  RawPeer(size_t floats, size_t keys, uint32_t dim);
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  // 64 bytes there and back.
  void PingPong();

  // w -= rate * g for dense parameters from the first on; returns when it is done.
  void PushDense(absl::Span<const float> gradients);
  void PullDense(absl::Span<float> values);

  // AdaGrad on the rows `keys`, 8 bytes a key and 4 a value; keys < the number of keys.
  void PushSparse(absl::Span<const uint64_t> keys, absl::Span<const float> gradients);
  void PullSparse(absl::Span<const uint64_t> keys, absl::Span<float> values);

  // Processor seconds of both processes so far.
  double CpuSeconds() const;

 private:
  void Run(int fd, size_t floats, size_t keys);

  const uint32_t dim_;
  int fd_ = -1;
  int pid_ = -1;
};

// User and system seconds of a process, from /proc.
double CpuSecondsOf(int pid);

}  // namespace paramd
