#pragma once

#include <poll.h>

#include <string>

#include "absl/time/time.h"
#include "tests/testing/fault_proxy/flow.h"
#include "tests/testing/fault_proxy/lane.h"
#include "tests/testing/fault_proxy/socket.h"

namespace paramd {

// A client's connection to the proxy and the proxy's to the server, with the bytes between them.
// Not thread-safe.
class Connection {
 public:
  enum Way { kUp, kDown };  // from the client to the server, and back

  // The lanes are borrowed.
  Connection(Socket client, Socket server, Lane& up, Lane& down);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // What to poll of the client's socket and of the server's.
  pollfd ClientPoll() const { return PollOf(client_, up_, down_); }
  pollfd ServerPoll() const { return PollOf(server_, down_, up_); }
  // When Move is due although nothing is to be read or written.
  absl::Duration Wake(absl::Duration now) const;

  // Reads and writes what can be at `now`.
  void Move(absl::Duration now);

  void Reset();
  void HalfClose(Way way);

  // Closed for good when neither direction is.
  bool is_open() const { return client_.is_open(); }
  bool was_reset() const { return was_reset_; }
  // Some of its bytes were thrown away, so that what follows would make no sense.
  bool has_lost_bytes() const { return up_.lost || down_.lost; }

 private:
  struct Direction {
    // How the bytes ended that came; kBroken: by a RST. kClosed: who reads has been told.
    enum class End { kNone, kEnd, kBroken, kClosed };

    Direction(Lane& lane, Socket& from, Socket& to) : lane(lane), from(from), to(to) {}

    Lane& lane;
    Socket& from;
    Socket& to;
    Flow flow;
    End end = End::kNone;
    bool blocked = false;   // `to` takes no more for now
    bool discards = false;  // half-closed
    bool lost = false;
  };
  using End = Direction::End;

  static pollfd PollOf(const Socket& socket, const Direction& read, const Direction& written);
  static absl::Duration WakeOf(const Direction& direction, absl::Duration now);
  void Read(Direction& direction, absl::Duration now);
  void Take(Direction& direction, std::string bytes, absl::Duration now);
  void Write(Direction& direction, absl::Duration now);
  // Hands an end on when everything before it has left.
  void Finish(Direction& direction);

  Socket client_;
  Socket server_;
  Direction up_;
  Direction down_;
  bool was_reset_ = false;
};

}  // namespace paramd
