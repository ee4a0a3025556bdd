#pragma once

#include <netinet/in.h>

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace paramd {

// Owns a descriptor. Not thread-safe.
class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  // Closes it in good order.
  ~Socket();

  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  // Closes it so that the other side gets a RST.
  void Reset();

 private:
  int fd_;
};

// "127.0.0.1:4711". INVALID_ARGUMENT: not a number and a port.
absl::StatusOr<sockaddr_in> ParseAddress(const std::string& address);
std::string AddressOf(const sockaddr_in& address);

// Sockets for TCP that never block. UNAVAILABLE: the system says no.
// Bound to *address, whose port is filled in; accepts connections only if `listens`, otherwise they
// are refused.
absl::StatusOr<Socket> BindSocket(sockaddr_in* address, bool listens);
// On the way to `address`; writable when that is decided.
absl::StatusOr<Socket> ConnectSocket(const sockaddr_in& address);
// The next connection; a closed one: there is none.
Socket AcceptSocket(const Socket& listener);

}  // namespace paramd
