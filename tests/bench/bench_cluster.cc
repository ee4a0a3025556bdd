#include "tests/bench/bench_cluster.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/config/config.h"
#include "common/routing/shard_of.h"
#include "common/rpc/daemon_server.h"
#include "common/rpc/server_stream.h"
#include "paramd/v1/coordinator.grpc.pb.h"
#include "tests/bench/raw_peer.h"

extern char** environ;

namespace paramd {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr uint64_t kIncarnation = 4711;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "bench: %s\n", what.c_str());
  std::_Exit(1);
}

}  // namespace

class BenchCluster::Coordinator final
    : public v1::CoordinatorService::WithAsyncMethod_Join<v1::CoordinatorService::Service>,
      public DaemonService {
 public:
  Coordinator(int servers, int workers, std::vector<v1::TableSpec> tables, uint32_t shards,
              v1::Checkpoint checkpoints)
      : servers_(servers),
        workers_(workers),
        tables_(std::move(tables)),
        shards_(shards),
        checkpoints_(std::move(checkpoints)) {
    auto daemon =
        DaemonServer::Start({.listen = "127.0.0.1:0", .services = {this}, .daemon_status = [] {
                               return v1::DaemonStatus();
                             }});
    if (!daemon.ok()) Fail(daemon.status().ToString());
    daemon_ = *std::move(daemon);
  }
  ~Coordinator() override { daemon_.reset(); }

  grpc::Service* grpc_service() override { return this; }
  std::string name() const override { return v1::CoordinatorService::service_full_name(); }
  void Accept(StreamQueue& queue) override {
    Stream::Accept(queue, std::make_shared<Stream::Service>(Stream::Service{
                              .request = [this](auto*... call) { RequestJoin(call...); },
                              .open =
                                  [this](const std::shared_ptr<Stream::Writer>& writer) {
                                    return Stream::Handlers{
                                        .on_request =
                                            [this, writer](v1::MemberMessage& message) {
                                              Take(message, writer);
                                            },
                                        .on_closed = nullptr};
                                  }}));
  }

  const std::string& address() const { return daemon_->address(); }
  const v1::ShardMap& map() const { return view_.shard_map(); }

  void WaitUntilReady() {
    if (!ready_.WaitFor(kPatience)) Fail("the servers did not come up");
  }

  uint64_t SaveCheckpoint(uint64_t number, uint64_t since) {
    v1::CoordinatorMessage message;
    message.mutable_write_checkpoint()->set_number(number);
    message.mutable_write_checkpoint()->set_since(since);
    message.mutable_write_checkpoint()->set_folder(checkpoints_.dir());
    MutexLock lock(mutex_);
    unwritten_ = servers_;
    written_bytes_ = 0;
    for (const auto& writer : writers_) writer->Write(message);
    while (unwritten_ > 0) written_.Wait(mutex_);
    return written_bytes_;
  }

 private:
  using Stream = ServerStream<v1::MemberMessage, v1::CoordinatorMessage>;

  void Take(const v1::MemberMessage& message, const std::shared_ptr<Stream::Writer>& writer) {
    MutexLock lock(mutex_);
    if (message.has_hello()) {
      Welcome(message.hello(), writer);
    } else if (message.has_heartbeat()) {
      v1::CoordinatorMessage ack;
      ack.mutable_ack()->set_received(received_);
      writer->Write(ack);
    } else if (message.has_view_applied()) {
      received_ = std::max(received_, message.number());
      if (++applied_ == servers_) ready_.Notify();
    } else if (message.has_checkpoint_written()) {
      const v1::CheckpointWritten& written = message.checkpoint_written();
      if (!written.error().empty()) Fail(written.error());
      received_ = std::max(received_, message.number());
      for (const v1::CheckpointFile& file : written.files()) written_bytes_ += file.bytes();
      if (--unwritten_ == 0) written_.NotifyAll();
    } else if (message.has_failure()) {
      Fail(message.failure().message());
    }
  }

  void Welcome(const v1::Hello& hello, const std::shared_ptr<Stream::Writer>& writer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto id = static_cast<uint32_t>(writers_.size() + 1);
    v1::CoordinatorMessage welcome;
    welcome.mutable_welcome()->set_id(id);
    welcome.mutable_welcome()->mutable_heartbeat_interval()->set_seconds(1);
    welcome.mutable_welcome()->mutable_lease()->set_seconds(60);
    if (!checkpoints_.dir().empty()) {
      *welcome.mutable_welcome()->mutable_config()->mutable_checkpoint() = checkpoints_;
    }
    writer->Write(welcome);
    writers_.push_back(writer);
    v1::ServerMember& server = *view_.mutable_shard_map()->add_servers();
    server.set_id(id);
    server.set_address(hello.address());
    if (static_cast<int>(id) == servers_) SendView();
  }

  void SendView() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    view_.set_version(1);
    view_.mutable_shard_map()->set_epoch(1);
    for (const v1::TableSpec& spec : tables_) {
      v1::TablePlacement& table = *view_.mutable_shard_map()->add_tables();
      *table.mutable_spec() = spec;
      const uint32_t shards =
          spec.kind() == v1::TableSpec::DENSE ? DenseShardCount(spec.rows(), shards_) : shards_;
      for (uint32_t shard = 0; shard < shards; ++shard) {
        table.add_shard_servers(1 + shard * static_cast<uint32_t>(servers_) / shards);
      }
    }
    for (int id = 1; id <= workers_; ++id) {
      v1::WorkerMember& worker = *view_.add_workers();
      worker.set_id(static_cast<uint32_t>(id));
      worker.set_incarnation(kIncarnation);
    }
    v1::CoordinatorMessage message;
    *message.mutable_view() = view_;
    for (const auto& writer : writers_) writer->Write(message);
  }

  const int servers_;
  const int workers_;
  const std::vector<v1::TableSpec> tables_;
  const uint32_t shards_;
  const v1::Checkpoint checkpoints_;
  Mutex mutex_;
  CondVar written_;
  int unwritten_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t written_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  Notification ready_;
  int applied_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t received_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::shared_ptr<Stream::Writer>> writers_ ABSL_GUARDED_BY(mutex_);
  v1::ClusterView view_;  // does not change once it is sent
  std::unique_ptr<DaemonServer> daemon_;
};

BenchCluster::BenchCluster(const std::string& server, int servers, int workers,
                           const std::vector<v1::TableSpec>& tables, uint32_t shards_per_table,
                           const v1::Checkpoint& checkpoints)
    : coordinator_(
          std::make_unique<Coordinator>(servers, workers, tables, shards_per_table, checkpoints)) {
  const std::string coordinator = absl::StrCat("--coordinator=", coordinator_->address());
  for (int i = 0; i < servers; ++i) {
    const std::string name = absl::StrCat("--name=bench-", i);
    std::vector<std::string> arguments = {server, "--role=shard_host", coordinator, name,
                                          "--log_level=warning"};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid = 0;
    const int error = posix_spawn(&pid, server.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) Fail(absl::StrCat("cannot start ", server));
    pids_.push_back(pid);
  }
  coordinator_->WaitUntilReady();
}

BenchCluster::~BenchCluster() {
  for (const int pid : pids_) kill(pid, SIGKILL);
  for (const int pid : pids_) waitpid(pid, nullptr, 0);
}

const v1::ShardMap& BenchCluster::shard_map() const { return coordinator_->map(); }

std::unique_ptr<ParameterClient> BenchCluster::Client(uint32_t id, v1::ShardMap map,
                                                      const v1::Transport& transport) const {
  auto client =
      std::make_unique<ParameterClient>(ParameterClient::Options{.client = id,
                                                                 .incarnation = kIncarnation,
                                                                 .shard_map = std::move(map),
                                                                 .transport = transport});
  if (const auto clock = client->Attach(); !clock.ok()) Fail(clock.status().ToString());
  return client;
}

uint64_t BenchCluster::SaveCheckpoint(uint64_t number, uint64_t since) {
  return coordinator_->SaveCheckpoint(number, since);
}

double BenchCluster::CpuSeconds() const {
  double seconds = 0;
  for (const int pid : pids_) seconds += CpuSecondsOf(pid);
  return seconds;
}

uint64_t BenchCluster::ResidentBytes() const {
  uint64_t bytes = 0;
  for (const int pid : pids_) {
    std::ifstream file(absl::StrCat("/proc/", pid, "/statm"));
    uint64_t size = 0, resident = 0;
    file >> size >> resident;
    bytes += resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  return bytes;
}

v1::Transport DefaultTransport() {
  const auto loaded =
      LoadConfig({.file = "defaults",
                  .text = "version: 1\nmodel: {type: logistic_regression}\ndata: {train: [x]}\n"});
  if (!loaded.ok()) Fail(loaded.status().ToString());
  return loaded->config.transport();
}

std::string ProgramPath(const char* argv0, const std::string& program) {
  for (const std::string& path : {absl::StrCat(argv0, ".runfiles/paramd/", program), program,
                                  absl::StrCat("bazel-bin/", program)}) {
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  Fail(absl::StrCat("cannot find ", program));
}

}  // namespace paramd
