#include "tests/testing/fault_proxy/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace paramd {
namespace {

constexpr size_t kReadBytes = 256 << 10;
// How often a throttled connection writes.
constexpr absl::Duration kTick = absl::Milliseconds(2);

}  // namespace

Connection::Connection(Socket client, Socket server, Lane& up, Lane& down)
    : client_(std::move(client)),
      server_(std::move(server)),
      up_(up, client_, server_),
      down_(down, server_, client_) {}

// A socket without events is left out: poll would report its errors again and again.
pollfd Connection::PollOf(const Socket& socket, const Direction& read, const Direction& written) {
  const bool reads = read.end == End::kNone && !read.flow.full();
  const int events = (reads ? POLLIN : 0) | (written.blocked ? POLLOUT : 0);
  return {.fd = events == 0 ? -1 : socket.fd(), .events = static_cast<int16_t>(events)};
}

absl::Duration Connection::WakeOf(const Direction& direction, absl::Duration now) {
  if (direction.blocked || direction.lane.rules().cut) return absl::InfiniteDuration();
  const absl::Duration due = direction.flow.due();
  return due > now ? due : now + kTick;
}

absl::Duration Connection::Wake(absl::Duration now) const {
  return std::min(WakeOf(up_, now), WakeOf(down_, now));
}

void Connection::Move(absl::Duration now) {
  for (Direction* direction : {&up_, &down_}) {
    if (is_open()) Read(*direction, now);
    if (is_open()) Write(*direction, now);
    if (is_open()) Finish(*direction);
  }
}

void Connection::Read(Direction& direction, absl::Duration now) {
  if (direction.end != End::kNone || direction.flow.full()) return;
  thread_local std::vector<char> bytes(kReadBytes);
  const ssize_t got = recv(direction.from.fd(), bytes.data(), bytes.size(), 0);
  if (got > 0) {
    return Take(direction, std::string(bytes.data(), static_cast<size_t>(got)), now);
  }
  if (got == 0) {
    direction.end = End::kEnd;
  } else if (errno != EAGAIN && errno != EINTR) {
    direction.end = End::kBroken;
  }
}

void Connection::Take(Direction& direction, std::string bytes, absl::Duration now) {
  if (direction.discards) return;
  switch (direction.lane.Take(bytes.size())) {
    case Lane::Fate::kPass:
      // A stream with a hole would be no stream.
      if (direction.lost) return Reset();
      return direction.flow.Add(std::move(bytes), direction.lane.Due(now));
    case Lane::Fate::kLost:
      direction.lost = true;
      return;
    case Lane::Fate::kReset:
      return Reset();
  }
}

void Connection::Write(Direction& direction, absl::Duration now) {
  direction.blocked = false;
  while (true) {
    const absl::string_view ready = direction.flow.Ready(now);
    const uint64_t allowed = direction.lane.Allowed(ready.size(), now);
    if (allowed == 0) return;
    const ssize_t sent = send(direction.to.fd(), ready.data(), allowed, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      direction.blocked = true;
      return;
    }
    if (sent < 0) return Reset();
    direction.flow.Remove(static_cast<uint64_t>(sent));
    if (direction.lane.Passed(static_cast<uint64_t>(sent)) == Lane::Fate::kReset) return Reset();
  }
}

void Connection::Finish(Direction& direction) {
  if (!direction.flow.empty() || direction.lane.rules().cut) return;
  if (direction.end == End::kBroken) return Reset();
  if (direction.end != End::kEnd) return;
  direction.end = End::kClosed;
  shutdown(direction.to.fd(), SHUT_WR);
  if (up_.end != End::kClosed || down_.end != End::kClosed) return;
  client_ = Socket();
  server_ = Socket();
}

void Connection::Reset() {
  was_reset_ = true;
  client_.Reset();
  server_.Reset();
}

void Connection::HalfClose(Way way) {
  Direction& direction = way == kUp ? up_ : down_;
  direction.discards = true;
  direction.blocked = false;
  direction.flow.Clear();
  shutdown(direction.to.fd(), SHUT_WR);
}

}  // namespace paramd
