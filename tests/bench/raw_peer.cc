#include "tests/bench/raw_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace paramd {
namespace {

enum class Kind : uint64_t { kPing, kPushDense, kPullDense, kPushSparse, kPullSparse };

struct Request {
  Kind kind = Kind::kPing;
  uint64_t size = 0;
  uint64_t rest[6] = {};  // 64 bytes in all
};

// Bytes that are read and applied at a time, and keys of a sparse operation.
constexpr size_t kChunk = 256 << 10;
constexpr size_t kChunkKeys = 64 << 10;
constexpr float kRate = 0.01f;

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

// False: the connection is closed.
bool ReadAll(int fd, void* data, size_t size) {
  auto* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = read(fd, at, size);
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

void WriteAll(int fd, const void* data, size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t put = write(fd, at, size);
    if (put <= 0) Fail("raw peer: write");
    at += put;
    size -= static_cast<size_t>(put);
  }
}

void Expect(bool ok) {
  if (!ok) Fail("raw peer: read");
}

}  // namespace

RawPeer::RawPeer(size_t floats, size_t keys, uint32_t dim) : dim_(dim) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(listener, 1) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    Fail("raw peer: listen");
  }
  const int one = 1;
  pid_ = fork();
  if (pid_ < 0) Fail("raw peer: fork");
  if (pid_ == 0) {
    const int fd = accept(listener, nullptr, nullptr);
    close(listener);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    Run(fd, floats, keys);
    std::_Exit(0);
  }
  close(listener);
  fd_ = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    Fail("raw peer: connect");
  }
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

RawPeer::~RawPeer() {
  close(fd_);
  waitpid(pid_, nullptr, 0);
}

void RawPeer::Run(int fd, size_t floats, size_t keys) {
  std::vector<float> parameters(floats);
  std::vector<float> rows(keys * 2 * dim_);  // parameters, then the sum of squares
  std::vector<float> buffer(std::max(kChunk / sizeof(float), kChunkKeys * dim_));
  std::vector<uint64_t> indices(kChunkKeys);
  Request request;
  while (ReadAll(fd, &request, sizeof(request))) {
    const uint64_t size = request.size;
    switch (request.kind) {
      case Kind::kPing:
        break;
      case Kind::kPushDense:
        for (uint64_t at = 0; at < size;) {
          const uint64_t count = std::min<uint64_t>(kChunk / sizeof(float), size - at);
          Expect(ReadAll(fd, buffer.data(), count * sizeof(float)));
          for (uint64_t i = 0; i < count; ++i) parameters[at + i] -= kRate * buffer[i];
          at += count;
        }
        break;
      case Kind::kPullDense:
        WriteAll(fd, parameters.data(), size * sizeof(float));
        continue;
      case Kind::kPushSparse:
        for (uint64_t at = 0; at < size; at += kChunkKeys) {
          const uint64_t count = std::min<uint64_t>(kChunkKeys, size - at);
          Expect(ReadAll(fd, indices.data(), count * sizeof(uint64_t)));
          Expect(ReadAll(fd, buffer.data(), count * dim_ * sizeof(float)));
          const float* gradient = buffer.data();
          for (uint64_t i = 0; i < count; ++i) {
            float* const row = rows.data() + indices[i] * 2 * dim_;
            for (uint32_t j = 0; j < dim_; ++j) {
              const float g = *gradient++;
              row[dim_ + j] += g * g;
              row[j] -= kRate * g / (std::sqrt(row[dim_ + j]) + 1e-8f);
            }
          }
        }
        break;
      case Kind::kPullSparse:
        for (uint64_t at = 0; at < size; at += kChunkKeys) {
          const uint64_t count = std::min<uint64_t>(kChunkKeys, size - at);
          Expect(ReadAll(fd, indices.data(), count * sizeof(uint64_t)));
          for (uint64_t i = 0; i < count; ++i) {
            std::copy_n(rows.data() + indices[i] * 2 * dim_, dim_, buffer.data() + i * dim_);
          }
          WriteAll(fd, buffer.data(), count * dim_ * sizeof(float));
        }
        continue;
    }
    WriteAll(fd, &request, sizeof(request));
  }
}

void RawPeer::PingPong() {
  Request request;
  WriteAll(fd_, &request, sizeof(request));
  Expect(ReadAll(fd_, &request, sizeof(request)));
}

void RawPeer::PushDense(absl::Span<const float> gradients) {
  Request request = {.kind = Kind::kPushDense, .size = gradients.size()};
  WriteAll(fd_, &request, sizeof(request));
  WriteAll(fd_, gradients.data(), gradients.size() * sizeof(float));
  Expect(ReadAll(fd_, &request, sizeof(request)));
}

void RawPeer::PullDense(absl::Span<float> values) {
  const Request request = {.kind = Kind::kPullDense, .size = values.size()};
  WriteAll(fd_, &request, sizeof(request));
  Expect(ReadAll(fd_, values.data(), values.size() * sizeof(float)));
}

void RawPeer::PushSparse(absl::Span<const uint64_t> keys, absl::Span<const float> gradients) {
  Request request = {.kind = Kind::kPushSparse, .size = keys.size()};
  WriteAll(fd_, &request, sizeof(request));
  for (size_t at = 0; at < keys.size(); at += kChunkKeys) {
    const size_t count = std::min(kChunkKeys, keys.size() - at);
    WriteAll(fd_, keys.data() + at, count * sizeof(uint64_t));
    WriteAll(fd_, gradients.data() + at * dim_, count * dim_ * sizeof(float));
  }
  Expect(ReadAll(fd_, &request, sizeof(request)));
}

void RawPeer::PullSparse(absl::Span<const uint64_t> keys, absl::Span<float> values) {
  const Request request = {.kind = Kind::kPullSparse, .size = keys.size()};
  WriteAll(fd_, &request, sizeof(request));
  const auto write = [&](size_t at) {
    if (at >= keys.size()) return;
    WriteAll(fd_, keys.data() + at, std::min(kChunkKeys, keys.size() - at) * sizeof(uint64_t));
  };
  // The peer looks up one chunk while the next is on its way.
  write(0);
  for (size_t at = 0; at < keys.size(); at += kChunkKeys) {
    write(at + kChunkKeys);
    const size_t count = std::min(kChunkKeys, keys.size() - at);
    Expect(ReadAll(fd_, values.data() + at * dim_, count * dim_ * sizeof(float)));
  }
}

double RawPeer::CpuSeconds() const { return CpuSecondsOf(pid_) + CpuSecondsOf(getpid()); }

double CpuSecondsOf(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string field;
  // The name in parentheses may have spaces; utime and stime are the 12th and 13th after it.
  std::getline(file, field, ')');
  double ticks = 0;
  for (int i = 1; i <= 13 && file >> field; ++i) {
    if (i >= 12) ticks += std::stod(field);
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace paramd
