#include "server/coordinator/coordinator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"
#include "common/config/duration.h"
#include "server/coordinator/partitions.h"

namespace paramd {
namespace {

constexpr char kStateKey[] = "job";

uint32_t Fingerprint(const v1::Config& config) { return Crc32c(config.SerializeAsString()); }

void LogChanges(const v1::JobStatus& before, const v1::JobStatus& after) {
  if (after.phase() != before.phase() || after.epoch() != before.epoch()) {
    spdlog::info("job: {}, epoch {} of {}", v1::JobPhase_Name(after.phase()), after.epoch(),
                 after.epochs());
  }
  for (int i = before.evaluations_size(); i < after.evaluations_size(); ++i) {
    const v1::Metrics& metrics = after.evaluations(i).metrics();
    spdlog::info(
        "evaluation after epoch {}: auc {:.4f}, log loss {:.4f}, accuracy {:.4f}, rmse {:.4f}",
        after.evaluations(i).epoch(), metrics.auc(), metrics.logloss(), metrics.accuracy(),
        metrics.rmse());
  }
}

// The state of a job that was running when the coordinator ended, if there is one.
absl::StatusOr<std::optional<v1::CoordinatorState>> RunningJob(const Store::Value& stored,
                                                               const v1::Config& config) {
  if (stored.version == 0) return std::nullopt;
  v1::CoordinatorState state;
  if (!state.ParseFromString(stored.data)) {
    return absl::DataLossError("the stored state of the coordinator cannot be read");
  }
  // Nothing is lost with a job that never began.
  if (state.state() != v1::RUNNING) return std::nullopt;
  if (state.config_fingerprint() != Fingerprint(config)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the state folder ", config.cluster().coordinator().store().dir(),
                     " holds a running job with another configuration; start with that one, or "
                     "remove the folder to give the job up"));
  }
  return state;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Start(Options options) {
  const v1::Config& config = options.config;
  ASSIGN_OR_RETURN(std::vector<v1::Partition> train,
                   UsesStripes(config)
                       ? WholeFiles(config.data().train())
                       : CutTrainingFiles(config.data(), config.cluster().workers().max()));
  if (train.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "data.train: there is nothing to train on: ", config.data().train(0),
        config.data().train_size() > 1 ? " and the other files are empty" : " is empty"));
  }
  ASSIGN_OR_RETURN(std::vector<v1::Partition> eval, WholeFiles(config.data().eval()));
  ASSIGN_OR_RETURN(const Store::Value stored, options.store->Get(kStateKey));
  ASSIGN_OR_RETURN(const std::optional<v1::CoordinatorState> running, RunningJob(stored, config));
  const absl::Duration now = options.clock->SinceBoot();
  auto core =
      running.has_value()
          ? std::make_unique<CoordinatorCore>(config, *running, std::move(eval), now)
          : std::make_unique<CoordinatorCore>(config, std::move(train), std::move(eval), now);
  if (running.has_value())
    spdlog::info("going on with the stored job at epoch {}", running->epoch());
  return std::unique_ptr<Coordinator>(
      new Coordinator(std::move(options), std::move(core), stored.version));
}

Coordinator::Coordinator(Options options, std::unique_ptr<CoordinatorCore> core,
                         uint64_t stored_version)
    : options_(std::move(options)),
      tick_(std::clamp(ToDuration(options_.config.cluster().heartbeat().lease()) / 10,
                       absl::Milliseconds(10), absl::Milliseconds(100))),
      core_(std::move(core)),
      stored_version_(stored_version),
      thread_("coordinator", [this] { Run(); }) {}

Coordinator::~Coordinator() { Shutdown(); }

void Coordinator::Shutdown() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
  saver_.reset();
}

ConnectionId Coordinator::Connect(std::shared_ptr<Connection> connection) {
  MutexLock lock(mutex_);
  connections_[++last_connection_] = std::move(connection);
  return last_connection_;
}

void Coordinator::Receive(ConnectionId id, v1::MemberMessage message) {
  if (message.has_hello()) {
    spdlog::info("{} {} at {} joins", v1::Role_Name(message.hello().role()), message.hello().name(),
                 message.hello().address());
  }
  Post([this, id, message = std::move(message)](absl::Duration now) {
    return core_->OnMessage(id, message, now);
  });
}

void Coordinator::Disconnect(ConnectionId id) {
  {
    MutexLock lock(mutex_);
    connections_.erase(id);
    changed_.NotifyAll();
  }
  Post([this, id](absl::Duration now) { return core_->OnDisconnect(id, now); });
}

void Coordinator::Abort(const std::string& reason) {
  Post([this, reason](absl::Duration now) { return core_->OnAbort(reason, now); });
}

void Coordinator::CloseConnections(absl::Duration timeout) {
  // By the coordinator's thread, after what earlier events say.
  Post([this](absl::Duration) {
    CoordinatorCore::Actions actions;
    MutexLock lock(mutex_);
    for (const auto& [id, connection] : connections_) {
      actions.push_back(CoordinatorCore::Close{id, absl::OkStatus()});
    }
    return actions;
  });
  const absl::Duration deadline = options_.clock->SinceBoot() + timeout;
  MutexLock lock(mutex_);
  while (!connections_.empty()) {
    const absl::Duration left = deadline - options_.clock->SinceBoot();
    if (left <= absl::ZeroDuration()) return;
    changed_.WaitFor(mutex_, left);
  }
}

v1::ClusterStatus Coordinator::Status() {
  auto status = std::make_shared<v1::ClusterStatus>();
  auto done = std::make_shared<Notification>();
  Post([this, status, done](absl::Duration now) {
    *status = core_->Status(now);
    done->Notify();
    return CoordinatorCore::Actions();
  });
  done->Wait();
  MutexLock lock(mutex_);
  if (!store_problem_.empty()) status->add_problems(store_problem_);
  return std::move(*status);
}

std::optional<v1::JobStatus> Coordinator::WaitUntilFinished() {
  MutexLock lock(mutex_);
  while (!result_.has_value() && !stopping_) changed_.Wait(mutex_);
  return result_;
}

void Coordinator::Post(Event event) {
  MutexLock lock(mutex_);
  events_.push_back(std::move(event));
  changed_.NotifyAll();
}

void Coordinator::Run() {
  const Event tick = [this](absl::Duration now) { return core_->OnTick(now); };
  const absl::Duration lease = ToDuration(options_.config.cluster().heartbeat().lease());
  absl::Duration last_tick = options_.clock->SinceBoot();
  while (true) {
    std::deque<Event> events;
    {
      MutexLock lock(mutex_);
      while (events_.empty() && !stopping_) {
        const absl::Duration left = last_tick + tick_ - options_.clock->SinceBoot();
        if (left <= absl::ZeroDuration()) break;
        changed_.WaitFor(mutex_, left);
      }
      // What was asked before the end is still answered.
      if (events_.empty() && stopping_) return;
      events.swap(events_);
    }
    const absl::Duration gap = options_.clock->SinceBoot() - last_tick;
    if (gap >= tick_) {
      // A slow disk, a stopped process: heartbeats were not listened to.
      if (gap > lease / 2) core_->OnStall(gap);
      events.push_back(tick);
      last_tick += gap;
    }
    Handle(events);
  }
}

void Coordinator::Handle(const std::deque<Event>& events) {
  CoordinatorCore::Actions actions;
  for (const Event& event : events) {
    const v1::JobStatus before = core_->job();
    for (CoordinatorCore::Action& action : event(options_.clock->SinceBoot())) {
      actions.push_back(std::move(action));
    }
    LogChanges(before, core_->job());
  }
  Persist();
  for (CoordinatorCore::Action& action : actions) Perform(action);
  if (!core_->finished()) return;
  MutexLock lock(mutex_);
  if (result_.has_value()) return;
  result_ = core_->Status(options_.clock->SinceBoot()).job();
  changed_.NotifyAll();
}

void Coordinator::Persist() {
  if (core_->revision() == stored_revision_) return;
  v1::CoordinatorState state = core_->State();
  state.set_config_fingerprint(Fingerprint(options_.config));
  const absl::StatusOr<uint64_t> version =
      options_.store->CompareAndSwap(kStateKey, stored_version_, state.SerializeAsString());
  std::string problem;
  if (version.ok()) {
    stored_version_ = *version;
    stored_revision_ = core_->revision();
  } else {
    problem = absl::StrCat("the coordinator's state is not stored: ", version.status().message());
    spdlog::error("{}", problem);
  }
  MutexLock lock(mutex_);
  store_problem_ = problem;
}

void Coordinator::Perform(CoordinatorCore::Action& action) {
  if (const auto* save = std::get_if<CoordinatorCore::SaveModel>(&action)) {
    spdlog::info("saving the model to {}", options_.config.output().model());
    saver_.emplace("save-model", [this, map = save->shard_map] {
      absl::Status status = options_.save_model(map);
      Post([this, status](absl::Duration now) { return core_->OnModelSaved(status, now); });
    });
    return;
  }
  const auto* send = std::get_if<CoordinatorCore::Send>(&action);
  const auto* close = std::get_if<CoordinatorCore::Close>(&action);
  const ConnectionId id = send != nullptr ? send->connection : close->connection;
  std::shared_ptr<Connection> connection;
  {
    MutexLock lock(mutex_);
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    connection = found->second;
  }
  if (send != nullptr) {
    connection->Send(send->message);
  } else {
    if (!close->status.ok())
      spdlog::warn("a member's stream is ended: {}", close->status.ToString());
    connection->Close(close->status);
  }
}

}  // namespace paramd
