#include "server/coordinator/coordinator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/duration.h"
#include "common/config/uses_stripes.h"
#include "common/model_file/model_file.h"
#include "common/model_file/table_specs.h"
#include "server/coordinator/partitions.h"

namespace paramd {
namespace {

constexpr char kStateKey[] = "job";

uint32_t Fingerprint(const v1::Config& config) { return Crc32c(config.SerializeAsString()); }

void LogEvaluation(const v1::Evaluation& evaluation) {
  const v1::Metrics& metrics = evaluation.metrics();
  spdlog::info(
      "evaluation after epoch {}: auc {:.4f}, log loss {:.4f}, accuracy {:.4f}, rmse {:.4f}",
      evaluation.epoch(), metrics.auc(), metrics.logloss(), metrics.accuracy(), metrics.rmse());
}

absl::Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  // A coordinator that ended right after it renamed the file does it once more.
  if (!error || (!std::filesystem::exists(from) && std::filesystem::exists(to))) {
    return absl::OkStatus();
  }
  return FileError(error.value(), "rename", from);
}

// Null: nobody asked for one.
absl::StatusOr<std::unique_ptr<HistoryFile>> OpenHistory(const std::string& path, bool go_on) {
  if (path.empty()) return nullptr;
  return HistoryFile::Open(path, go_on);
}

std::string HistoryProblem(const absl::Status& status) {
  if (status.ok()) return "";
  return absl::StrCat("output.history lacks lines: ", status.message());
}

absl::StatusOr<InitialModel> ReadInitialModel(const v1::Config& config) {
  const std::string& path = config.model().init();
  if (path.empty()) return InitialModel();
  ASSIGN_OR_RETURN(ModelFile model, ReadModelFile(path));
  if (model.model.type() == config.model().type()) {
    return InitialModel{.tables = TableSpecs(model),
                        .scaling = model.data.scaling(),
                        .scales = std::move(model.scales)};
  }
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": holds a model of type ",
      absl::AsciiStrToLower(v1::Model::Type_Name(model.model.type())), ", model.type is ",
      absl::AsciiStrToLower(v1::Model::Type_Name(config.model().type()))));
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
  ASSIGN_OR_RETURN(std::vector<v1::Partition> eval, EvaluationFiles(config.data()));
  ASSIGN_OR_RETURN(const Store::Value stored, options.store->Get(kStateKey));
  ASSIGN_OR_RETURN(const std::optional<v1::CoordinatorState> running, RunningJob(stored, config));
  const absl::Duration now = options.clock->SinceBoot();
  auto core = running.has_value()
                  ? std::make_unique<CoordinatorCore>(config, *running, std::move(eval), now)
                  : std::make_unique<CoordinatorCore>(config, std::move(train), std::move(eval),
                                                      now, ReadInitialModel(config));
  if (running.has_value())
    spdlog::info("going on with the stored job at epoch {}", running->epoch());
  absl::StatusOr<std::unique_ptr<HistoryFile>> history =
      OpenHistory(options.config.output().history(), running.has_value());
  return std::unique_ptr<Coordinator>(
      new Coordinator(std::move(options), std::move(core), stored.version, std::move(history)));
}

Coordinator::Coordinator(Options options, std::unique_ptr<CoordinatorCore> core,
                         uint64_t stored_version,
                         absl::StatusOr<std::unique_ptr<HistoryFile>> history)
    : options_(std::move(options)),
      tick_(std::clamp(ToDuration(options_.config.cluster().heartbeat().lease()) / 10,
                       absl::Milliseconds(10), absl::Milliseconds(100))),
      core_(std::move(core)),
      stored_version_(stored_version),
      history_(history.ok() ? *std::move(history) : nullptr),
      history_problem_(HistoryProblem(history.status())),
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
  for (const std::string& problem : {store_problem_, history_problem_}) {
    if (!problem.empty()) status->add_problems(problem);
  }
  return std::move(*status);
}

absl::StatusOr<v1::SetTableReply> Coordinator::SetTable(const v1::SetTableRequest& request) {
  auto reply = std::make_shared<absl::StatusOr<v1::SetTableReply>>();
  const auto decided = std::make_shared<Notification>(), done = std::make_shared<Notification>();
  Post([this, request, reply, decided](absl::Duration) {
    CoordinatorCore::Actions actions;
    *reply = core_->SetTable(request, &actions);
    decided->Notify();
    return actions;
  });
  decided->Wait();
  // What is posted now is handled after the change is stored and sent.
  Post([done](absl::Duration) {
    done->Notify();
    return CoordinatorCore::Actions();
  });
  done->Wait();
  return std::move(*reply);
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
    const v1::JobPhase phase = core_->job().phase();
    const uint32_t epoch = core_->job().epoch();
    const bool stopped = !core_->job().stopped().empty();
    for (CoordinatorCore::Action& action : event(options_.clock->SinceBoot())) {
      actions.push_back(std::move(action));
    }
    const v1::JobStatus& job = core_->job();
    if (job.phase() != phase || job.epoch() != epoch) {
      spdlog::info("job: {}, epoch {} of {}", v1::JobPhase_Name(job.phase()), job.epoch(),
                   job.epochs());
    }
    if (!stopped && !job.stopped().empty()) spdlog::info("training stops: {}", job.stopped());
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
  std::visit([this](const auto& what) { Perform(what); }, action);
}

void Coordinator::Perform(const CoordinatorCore::Send& send) {
  if (const auto connection = Find(send.connection)) connection->Send(send.message);
}

void Coordinator::Perform(const CoordinatorCore::Close& close) {
  const auto connection = Find(close.connection);
  if (connection == nullptr) return;
  if (!close.status.ok()) {
    spdlog::warn("a member's stream is ended: {}", close.status.ToString());
  }
  connection->Close(close.status);
}

void Coordinator::Perform(const CoordinatorCore::SaveModel& save) {
  spdlog::info("saving the model to {}", save.path);
  Save([this, save] { return options_.save_model(save.shard_map, save.path); });
}

void Coordinator::Perform(const CoordinatorCore::RenameModel& rename) {
  spdlog::info("the model of the best evaluation goes to {}", rename.to);
  Save([rename] { return Rename(rename.from, rename.to); });
}

void Coordinator::Perform(const CoordinatorCore::Record& record) {
  if (const auto* evaluation = std::get_if<v1::Evaluation>(&record.what)) {
    LogEvaluation(*evaluation);
  } else if (const auto* choice = std::get_if<v1::StalenessChoice>(&record.what)) {
    spdlog::info("staleness is {} from now on: {}", choice->steps(), choice->reason());
  }
  if (history_ == nullptr) return;
  const absl::Status status =
      std::visit([this](const auto& what) { return history_->Append(what); }, record.what);
  MutexLock lock(mutex_);
  history_problem_ = HistoryProblem(status);
}

void Coordinator::Save(std::function<absl::Status()> save) {
  saver_.emplace("save-model", [this, save = std::move(save)] {
    absl::Status status = save();
    Post([this, status](absl::Duration now) { return core_->OnModelSaved(status, now); });
  });
}

std::shared_ptr<Coordinator::Connection> Coordinator::Find(ConnectionId id) {
  MutexLock lock(mutex_);
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second;
}

}  // namespace paramd
