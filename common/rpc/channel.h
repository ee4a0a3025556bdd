#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace paramd {

// How connections between daemons are made, in one place. Thread-safe functions.
struct ChannelOptions {
  // By default the largest transport.max_message that may be configured: a shard host learns the
  // configured one from the coordinator only after it has begun to listen.
  int max_message_bytes = 1 << 30;
  // Silence after which the peer is asked for a sign of life, and the time it has for the answer.
  absl::Duration keepalive = absl::Seconds(10);
};

// A channel of its own (no connection is shared with another channel) to host:port. Connects when
// it is first used.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const ChannelOptions& options);

// Sets on a server what the channels above expect.
void ConfigureServer(grpc::ServerBuilder& builder, const ChannelOptions& options);

}  // namespace paramd
