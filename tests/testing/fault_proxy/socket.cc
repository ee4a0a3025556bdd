#include "tests/testing/fault_proxy/socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file_error.h"

namespace paramd {
namespace {

constexpr int kType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr int kOne = 1;

void SendAtOnce(const Socket& socket) {
  setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &kOne, sizeof(kOne));
}

}  // namespace

Socket::~Socket() {
  if (is_open()) close(fd_);
}

void Socket::Reset() {
  if (!is_open()) return;
  // No time to linger: close() throws away what is unsent and sends a RST (socket(7)).
  const linger none = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  close(std::exchange(fd_, -1));
}

absl::StatusOr<sockaddr_in> ParseAddress(const std::string& address) {
  const std::vector<std::string> parts = absl::StrSplit(address, ':');
  sockaddr_in parsed = {};
  parsed.sin_family = AF_INET;
  uint32_t port = 0;
  if (parts.size() != 2 || inet_pton(AF_INET, parts[0].c_str(), &parsed.sin_addr) != 1 ||
      !absl::SimpleAtoi(parts[1], &port) || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", address, "\" is not an address like 127.0.0.1:7070"));
  }
  parsed.sin_port = htons(static_cast<uint16_t>(port));
  return parsed;
}

std::string AddressOf(const sockaddr_in& address) {
  char host[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address.sin_addr, host, sizeof(host));
  return absl::StrCat(host, ":", ntohs(address.sin_port));
}

absl::StatusOr<Socket> BindSocket(sockaddr_in* address, bool listens) {
  Socket listener(socket(AF_INET, kType, 0));
  // The port may have connections that are still closing.
  setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEADDR, &kOne, sizeof(kOne));
  auto* const generic = reinterpret_cast<sockaddr*>(address);
  socklen_t length = sizeof(*address);
  if (bind(listener.fd(), generic, length) != 0 ||
      getsockname(listener.fd(), generic, &length) != 0 ||
      (listens && listen(listener.fd(), 128) != 0)) {
    return FileError(errno, "bind", AddressOf(*address));
  }
  return listener;
}

absl::StatusOr<Socket> ConnectSocket(const sockaddr_in& address) {
  Socket socket(::socket(AF_INET, kType, 0));
  if (connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
      errno != EINPROGRESS) {
    return FileError(errno, "connect to", AddressOf(address));
  }
  SendAtOnce(socket);
  return socket;
}

Socket AcceptSocket(const Socket& listener) {
  Socket socket(accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.is_open()) SendAtOnce(socket);
  return socket;
}

}  // namespace paramd
