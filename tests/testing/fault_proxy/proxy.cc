#include "tests/testing/fault_proxy/proxy.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

using Kind = ProxyCommand::Kind;

bool WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Proxy>> Proxy::Create(Options options) {
  std::unique_ptr<Proxy> proxy = absl::WrapUnique(new Proxy(options));
  ASSIGN_OR_RETURN(proxy->address_, ParseAddress(options.listen));
  if (!options.to.empty()) {
    ASSIGN_OR_RETURN(proxy->to_, ParseAddress(options.to));
  }
  RETURN_IF_ERROR(proxy->Listen(true));
  return proxy;
}

Proxy::Proxy(const Options& options)
    : options_(options),
      up_(options.seed, Connection::kUp),
      down_(options.seed, Connection::kDown) {}

absl::Status Proxy::Listen(bool accepts) {
  if (listener_.is_open() && accepts == accepts_) return absl::OkStatus();
  // The port is free for a moment: one that only is bound cannot be had beside one that listens.
  listener_ = Socket();
  ASSIGN_OR_RETURN(listener_, BindSocket(&address_, accepts));
  accepts_ = accepts;
  return absl::OkStatus();
}

void Proxy::Run(int control, int answers) {
  std::string input;
  while (true) {
    if (Wait(control)) {
      char bytes[4096];
      const ssize_t got = read(control, bytes, sizeof(bytes));
      if (got <= 0) return;
      input.append(bytes, static_cast<size_t>(got));
      for (size_t end; (end = input.find('\n')) != std::string::npos; input.erase(0, end + 1)) {
        if (!WriteAll(answers, Answer(absl::string_view(input).substr(0, end)) + "\n")) return;
      }
    }
    MoveAll();
  }
}

// ---- commands

std::string Proxy::Answer(absl::string_view line) {
  const absl::StatusOr<ProxyCommand> command = ParseProxyCommand(line);
  if (!command.ok()) return absl::StrCat("error ", command.status().message());
  const absl::StatusOr<std::string> answer = Execute(*command);
  if (!answer.ok()) return absl::StrCat("error ", answer.status().message());
  return *answer;
}

absl::StatusOr<std::string> Proxy::Execute(const ProxyCommand& command) {
  switch (command.kind) {
    case Kind::kStats:
      return Stats();
    case Kind::kTo: {
      ASSIGN_OR_RETURN(to_, ParseAddress(command.target));
      break;
    }
    case Kind::kHeal:
      RETURN_IF_ERROR(Heal());
      break;
    case Kind::kRefuse:
      RETURN_IF_ERROR(Listen(false));
      break;
    case Kind::kReset:
      for (Connection& connection : connections_) connection.Reset();
      break;
    case Kind::kHalfClose:
      for (Connection& connection : connections_) {
        if (command.up) connection.HalfClose(Connection::kUp);
        if (command.down) connection.HalfClose(Connection::kDown);
      }
      break;
    default:
      if (command.up) SetRules(command, up_.rules());
      if (command.down) SetRules(command, down_.rules());
  }
  return "ok";
}

void Proxy::SetRules(const ProxyCommand& command, LaneRules& rules) {
  if (command.kind == Kind::kDelay) {
    rules.delay = command.delay;
    rules.jitter = command.jitter;
  } else if (command.kind == Kind::kThrottle) {
    rules.bytes_per_second = *command.bytes;
  } else if (command.kind == Kind::kCut) {
    rules.cut = true;
  } else if (command.kind == Kind::kSwallow) {
    rules.swallow = command.bytes.value_or(UINT64_MAX);
  } else {
    rules.reset_after = *command.bytes;
  }
}

absl::Status Proxy::Heal() {
  up_.rules() = LaneRules();
  down_.rules() = LaneRules();
  return Listen(true);
}

std::string Proxy::Stats() const {
  return absl::StrCat("ok open=", connections_.size(), " accepted=", accepted_, " resets=", resets_,
                      " up=", up_.passed(), " down=", down_.passed(),
                      " swallowed=", up_.swallowed() + down_.swallowed());
}

// ---- connections

bool Proxy::Wait(int control) {
  std::vector<pollfd> polled = {{.fd = control, .events = POLLIN},
                                {.fd = accepts_ ? listener_.fd() : -1, .events = POLLIN}};
  const absl::Duration now = options_.clock->SinceBoot();
  absl::Duration wake = absl::InfiniteDuration();
  for (const Connection& connection : connections_) {
    polled.push_back(connection.ClientPoll());
    polled.push_back(connection.ServerPoll());
    wake = std::min(wake, connection.Wake(now));
  }
  const timespec timeout = absl::ToTimespec(std::max(absl::ZeroDuration(), wake - now));
  ppoll(polled.data(), polled.size(), wake == absl::InfiniteDuration() ? nullptr : &timeout,
        nullptr);
  return polled[0].revents != 0;
}

void Proxy::Accept() {
  if (!accepts_) return;
  while (true) {
    Socket client = AcceptSocket(listener_);
    if (!client.is_open()) return;
    ++accepted_;
    absl::StatusOr<Socket> server = absl::UnavailableError("nowhere to go");
    if (to_.has_value()) server = ConnectSocket(*to_);
    if (server.ok()) {
      connections_.emplace_back(std::move(client), *std::move(server), up_, down_);
    } else {
      client.Reset();
    }
  }
}

void Proxy::MoveAll() {
  Accept();
  const absl::Duration now = options_.clock->SinceBoot();
  for (Connection& connection : connections_) {
    if (connection.is_open()) connection.Move(now);
  }
  // Nothing is thrown away any more; where something was no further byte may come.
  const bool swallows = up_.rules().swallow.has_value() || down_.rules().swallow.has_value();
  for (Connection& connection : connections_) {
    if (!swallows && connection.has_lost_bytes()) connection.Reset();
  }
  connections_.remove_if([this](const Connection& connection) {
    if (connection.was_reset()) ++resets_;
    return !connection.is_open();
  });
}

}  // namespace paramd
