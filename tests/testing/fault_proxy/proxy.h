#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"
#include "tests/testing/fault_proxy/command.h"
#include "tests/testing/fault_proxy/connection.h"
#include "tests/testing/fault_proxy/lane.h"
#include "tests/testing/fault_proxy/socket.h"

namespace paramd {

// A TCP proxy that does to connections what networks do. One thread.
class Proxy {
 public:
  struct Options {
    std::string listen = "127.0.0.1:0";
    // Where connections lead; empty: they are reset until a command says where.
    std::string to;
    // Of what is random.
    uint64_t seed = 0;
    Clock* clock = &Clock::System();
  };

  // INVALID_ARGUMENT: no address; UNAVAILABLE: it cannot be bound.
  static absl::StatusOr<std::unique_ptr<Proxy>> Create(Options options);

  // host:port.
  std::string address() const { return AddressOf(address_); }

  // Works until `control` ends, whose lines are commands (see ProxyCommand); writes an answer to
  // each, a line, to `answers`: "ok …", or "error …" and nothing has changed.
  void Run(int control, int answers);

 private:
  explicit Proxy(const Options& options);

  std::string Answer(absl::string_view line);
  absl::StatusOr<std::string> Execute(const ProxyCommand& command);
  absl::Status Listen(bool accepts);
  absl::Status Heal();
  std::string Stats() const;
  void SetRules(const ProxyCommand& command, LaneRules& rules);

  // Waits for something to do, at the sockets or at `control`; whether there is input at `control`.
  bool Wait(int control);
  void Accept();
  void MoveAll();

  const Options options_;
  sockaddr_in address_ = {};
  std::optional<sockaddr_in> to_;
  Socket listener_;
  bool accepts_ = false;
  Lane up_;
  Lane down_;
  std::list<Connection> connections_;
  uint64_t accepted_ = 0;
  uint64_t resets_ = 0;
};

}  // namespace paramd
