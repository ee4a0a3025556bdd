#pragma once

#include <cstdlib>

namespace paramd {

// Has each completion queue of the process polled for its own connections only. By default (epoll1)
// any thread that polls takes whatever comes in on any connection, and wakes the thread that waits
// for it: measured, half the throughput of large pushes. To be called before gRPC is used and
// before there are threads; GRPC_POLL_STRATEGY, when it is set, goes before.
inline void PollQueuesApart() { setenv("GRPC_POLL_STRATEGY", "poll", /*replace=*/0); }

}  // namespace paramd
