#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/rpc/daemon_server.h"
#include "paramd/v1/parameter.pb.h"
#include "tests/common/rpc/stream_service.h"

namespace paramd {

// A server made of a test's function, and what has come to it. Thread-safe.
class FakeServer {
 public:
  using Writer = std::shared_ptr<StreamService::Stream::Writer>;
  // Called for one operation after the other, however many streams there are.
  using Handle = std::function<void(const v1::Operation&, const Writer&)>;

  explicit FakeServer(Handle handle)
      : handle_(std::move(handle)),
        service_([this](const Writer& writer) {
          return StreamService::Stream::Handlers{.on_request =
                                                     [this, writer](v1::Operation& operation) {
                                                       MutexLock lock(mutex_);
                                                       operations_.push_back(operation);
                                                       handle_(operation, writer);
                                                     },
                                                 .on_closed = nullptr};
        }),
        daemon_(StartDaemon(service_)) {}

  const std::string& address() const { return daemon_->address(); }

  std::vector<v1::Operation> operations() {
    MutexLock lock(mutex_);
    return operations_;
  }

 private:
  const Handle handle_;
  Mutex mutex_;
  std::vector<v1::Operation> operations_ ABSL_GUARDED_BY(mutex_);
  StreamService service_;
  std::unique_ptr<DaemonServer> daemon_;
};

}  // namespace paramd
