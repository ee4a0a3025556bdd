// ClientStream and ServerStream, with a connection between them.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/thread.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_stream.h"
#include "tests/common/rpc/stream_service.h"

namespace paramd {
namespace {

using Stream = StreamService::Stream;
using Writer = std::shared_ptr<Stream::Writer>;

// A stream to a server, and what has come in on it. Its methods are called by one thread.
class Client {
 public:
  explicit Client(const std::string& address)
      : stub_(v1::ParameterService::NewStub(MakeChannel(address, {}))),
        stream_(ClientStream<v1::Operation, v1::Reply>::Start(
            loop_,
            [this](auto* context, auto* queue) {
              return stub_->PrepareAsyncExchange(context, queue);
            },
            [this](v1::Reply& reply) {
              MutexLock lock(mutex_);
              late_ |= closed_;
              replies_.push_back(std::move(reply));
            },
            [this](absl::Status status) {
              MutexLock lock(mutex_);
              late_ |= closed_;
              closed_ = true;
              status_ = std::move(status);
            })) {}

  ~Client() {
    stream_->Cancel();
    WaitUntilClosed().IgnoreError();
  }

  ClientStream<v1::Operation, v1::Reply>& stream() { return *stream_; }

  void WaitFor(size_t replies) {
    loop_.Wait([&] {
      MutexLock lock(mutex_);
      return replies_.size() >= replies || closed_;
    });
  }
  // What the stream ended with.
  absl::Status WaitUntilClosed() {
    loop_.Wait([&] {
      MutexLock lock(mutex_);
      return closed_;
    });
    MutexLock lock(mutex_);
    CHECK_FALSE(late_);
    return status_;
  }

  std::vector<uint64_t> sequences() {
    MutexLock lock(mutex_);
    std::vector<uint64_t> sequences;
    for (const v1::Reply& reply : replies_) sequences.push_back(reply.sequence());
    return sequences;
  }

 private:
  CompletionLoop loop_{"client"};
  Mutex mutex_;
  std::vector<v1::Reply> replies_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  // Something came after the end.
  bool late_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<v1::ParameterService::Stub> stub_;
  std::shared_ptr<ClientStream<v1::Operation, v1::Reply>> stream_;
};

std::vector<uint64_t> UpTo(uint64_t count) {
  std::vector<uint64_t> numbers(count);
  for (uint64_t i = 0; i < count; ++i) numbers[i] = i;
  return numbers;
}

// Answers every message with its sequence.
Stream::Handlers Echo(const Writer& writer) {
  return {.on_request =
              [writer](v1::Operation& operation) {
                writer->Write(ReplyOf(operation.header().sequence()));
              },
          .on_closed = nullptr};
}

TEST_CASE("many messages, in order, until the client has said everything") {
  StreamService service(Echo);
  const auto daemon = StartDaemon(service);
  Client client(daemon->address());
  constexpr uint64_t kMessages = 5000;
  for (uint64_t i = 0; i < kMessages; ++i) client.stream().Write(OperationOf(i));
  client.stream().FinishWriting();
  client.stream().FinishWriting();
  CHECK(client.WaitUntilClosed().ok());
  CHECK(client.sequences() == UpTo(kMessages));
  client.stream().Write(OperationOf(0));  // dropped
  client.stream().FinishWriting();
}

TEST_CASE("what is held goes out with what follows, in order") {
  StreamService service(Echo);
  const auto daemon = StartDaemon(service);
  Client client(daemon->address());
  client.stream().Write(OperationOf(0));
  client.WaitFor(1);
  client.stream().Write(OperationOf(1), /*hold=*/true);
  SECTION("another one") { client.stream().Write(OperationOf(2)); }
  SECTION("another one that is held, and a flush") {
    client.stream().Write(OperationOf(2), /*hold=*/true);
    client.stream().Flush();
  }
  SECTION("a flush alone, then the end") {
    CHECK_FALSE(client.stream().Flush());
    client.stream().Write(OperationOf(2), /*hold=*/true);
    client.stream().FinishWriting();
  }
  client.WaitFor(3);
  CHECK(client.sequences() == UpTo(3));
}

TEST_CASE("a stream without a message") {
  StreamService service(Echo);
  const auto daemon = StartDaemon(service);
  Client client(daemon->address());
  client.stream().FinishWriting();
  CHECK(client.WaitUntilClosed().ok());
  CHECK(client.sequences().empty());
}

TEST_CASE("one message after the other") {
  StreamService service(Echo);
  const auto daemon = StartDaemon(service);
  Client client(daemon->address());
  for (uint64_t i = 0; i < 200; ++i) {
    client.stream().Write(OperationOf(i));
    client.WaitFor(i + 1);
  }
  CHECK(client.sequences() == UpTo(200));
}

TEST_CASE("the server ends the stream after what it has written") {
  StreamService service([](const Writer& writer) {
    return Stream::Handlers{.on_request =
                                [writer](v1::Operation&) {
                                  for (uint64_t i = 0; i < 100; ++i) writer->Write(ReplyOf(i));
                                  writer->Close(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone"));
                                  writer->Close(grpc::Status::OK);
                                  writer->Write(ReplyOf(100));
                                },
                            .on_closed = nullptr};
  });
  const auto daemon = StartDaemon(service);
  Client client(daemon->address());
  client.stream().Write(OperationOf(0));
  CHECK(client.WaitUntilClosed() == absl::NotFoundError("gone"));
  CHECK(client.sequences() == UpTo(100));
}

TEST_CASE("the server ends the stream before the client has said anything") {
  StreamService service([](const Writer& writer) {
    writer->Close(grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "no"));
    return Stream::Handlers{.on_request = [](v1::Operation&) {}, .on_closed = nullptr};
  });
  const auto daemon = StartDaemon(service);
  Client client(daemon->address());
  CHECK(client.WaitUntilClosed() == absl::PermissionDeniedError("no"));
}

TEST_CASE("the client ends the stream at once") {
  Notification closed;
  Writer kept;
  StreamService service([&](const Writer& writer) {
    kept = writer;
    Stream::Handlers handlers = Echo(writer);
    handlers.on_closed = [&] { closed.Notify(); };
    return handlers;
  });
  const auto daemon = StartDaemon(service);
  Client client(daemon->address());
  client.stream().Write(OperationOf(0));
  client.WaitFor(1);
  CHECK_FALSE(closed.HasBeenNotified());
  client.stream().Cancel();
  client.stream().Cancel();
  CHECK(client.WaitUntilClosed().code() == absl::StatusCode::kCancelled);
  closed.Wait();
  // To nobody.
  kept->Write(ReplyOf(1));
  kept->Close(grpc::Status::OK);
}

TEST_CASE("a server that stops ends the streams") {
  constexpr int kClients = 5;
  std::atomic<int> closed = 0;
  Mutex mutex;
  std::vector<Writer> writers;
  StreamService service([&](const Writer& writer) {
    MutexLock lock(mutex);
    writers.push_back(writer);
    Stream::Handlers handlers = Echo(writer);
    handlers.on_closed = [&] { ++closed; };
    return handlers;
  });
  auto daemon = StartDaemon(service);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<Client>(daemon->address()));
    clients.back()->stream().Write(OperationOf(0));
    clients.back()->WaitFor(1);
  }
  // Answers may be under way.
  for (uint64_t i = 1; i < 300; ++i) clients[0]->stream().Write(OperationOf(i));
  daemon.reset();
  CHECK(closed == kClients);
  for (const auto& client : clients) CHECK_FALSE(client->WaitUntilClosed().ok());
  MutexLock lock(mutex);
  for (const Writer& writer : writers) writer->Write(ReplyOf(9));
}

TEST_CASE("a server that nobody has called stops") {
  StreamService service(Echo);
  StartDaemon(service).reset();
}

TEST_CASE("nobody is at the address") {
  StreamService service(Echo);
  auto daemon = StartDaemon(service);
  const std::string address = daemon->address();
  daemon.reset();
  Client client(address);
  client.stream().Write(OperationOf(0));
  CHECK(client.WaitUntilClosed().code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("many threads write to one stream") {
  constexpr int kThreads = 4;
  constexpr uint64_t kMessages = 500;
  Notification opened;
  Writer kept;
  StreamService service([&](const Writer& writer) {
    kept = writer;
    opened.Notify();
    return Echo(writer);
  });
  const auto daemon = StartDaemon(service);
  Client client(daemon->address());
  opened.Wait();
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (uint64_t id = 0; id < kThreads; ++id) {
      threads.push_back(std::make_unique<Thread>("writer", [&, id] {
        for (uint64_t i = 0; i < kMessages; ++i) {
          // Half of them go there and back.
          const uint64_t sequence = id * kMessages + i;
          if (id % 2 == 0) {
            kept->Write(ReplyOf(sequence));
          } else {
            client.stream().Write(OperationOf(sequence));
          }
        }
      }));
    }
  }
  client.WaitFor(kThreads * kMessages);
  const std::vector<uint64_t> sequences = client.sequences();
  REQUIRE(sequences.size() == kThreads * kMessages);
  uint64_t next[kThreads] = {};
  for (const uint64_t sequence : sequences) {
    CHECK(sequence % kMessages == next[sequence / kMessages]++);
  }
}

TEST_CASE("a server reads no more while a client does not read") {
  constexpr int kMessages = 400;
  constexpr size_t kBytes = 512 << 10;
  std::atomic<int> handled = 0, taken = 0, most = 0;
  Notification full;
  StreamService service([&](const Writer& writer) {
    return Stream::Handlers{.on_request =
                                [&, writer](v1::Operation&) {
                                  most = std::max<int>(most, ++handled - taken);
                                  if (handled > static_cast<int>(Stream::kMaxQueued)) full.Notify();
                                  v1::Reply reply;
                                  reply.set_values(std::string(kBytes, 'x'));
                                  writer->Write(std::move(reply));
                                },
                            .on_closed = nullptr};
  });
  const auto daemon = StartDaemon(service);
  const auto stub = v1::ParameterService::NewStub(MakeChannel(daemon->address(), {}));
  grpc::ClientContext context;
  const auto stream = stub->Exchange(&context);
  Thread writer("writer", [&] {
    for (int i = 0; i < kMessages; ++i) stream->Write(OperationOf(1));
    stream->WritesDone();
  });
  full.Wait();
  v1::Reply reply;
  while (stream->Read(&reply)) ++taken;
  writer.Join();
  CHECK(stream->Finish().ok());
  CHECK(taken == kMessages);
  // What is queued, and what gRPC has under way (a few MiB).
  CHECK(most >= static_cast<int>(Stream::kMaxQueued));
  CHECK(most < kMessages / 2);
}

}  // namespace
}  // namespace paramd
