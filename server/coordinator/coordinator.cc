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
#include "common/rpc/coordinator_addresses.h"
#include "server/coordinator/partitions.h"

namespace paramd {
namespace {

constexpr char kStateKey[] = "job";
// Between two attempts to store what could not be stored.
constexpr absl::Duration kStoreAgain = absl::Milliseconds(500);

// Of what must be the same for a job to go on; whoever takes it over listens elsewhere.
uint32_t Fingerprint(v1::Config config) {
  config.mutable_cluster()->mutable_coordinator()->clear_address();
  return Crc32c(config.SerializeAsString());
}

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

// Where the state is, and how to be rid of it.
std::string Place(const v1::Store& store) {
  if (store.type() == v1::Store::ETCD) {
    return absl::StrCat("etcd, below ", store.prefix(), ", holds a running job with another ",
                        "configuration; start with that one, or with another "
                        "cluster.coordinator.store.prefix to give the job up");
  }
  return absl::StrCat("the state folder ", store.dir(),
                      " holds a running job with another configuration; start with that one, or "
                      "remove the folder to give the job up");
}

// The state of a job that was running when the coordinator ended, or has ended since another one
// was stood by for, if there is one.
absl::StatusOr<std::optional<v1::CoordinatorState>> StoredJob(
    const Store::Value& stored, const v1::Config& config, std::optional<uint64_t> stood_by_since) {
  if (stored.version == 0) return std::nullopt;
  v1::CoordinatorState state;
  if (!state.ParseFromString(stored.data)) {
    return absl::DataLossError("the stored state of the coordinator cannot be read");
  }
  // Nothing is lost with a job that never began.
  if (state.state() == v1::CREATED && state.restored_from() == 0) return std::nullopt;
  const bool ended_meanwhile = stood_by_since.has_value() && stored.version > *stood_by_since;
  const bool goes_on = state.state() == v1::RUNNING || state.state() == v1::CREATED;
  if (!goes_on && !ended_meanwhile) return std::nullopt;
  if (state.config_fingerprint() != Fingerprint(config)) {
    return absl::FailedPreconditionError(Place(config.cluster().coordinator().store()));
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
  // A job that another process leads is not given up because this one takes it over.
  const bool takes_over = options.stood_by_since.has_value() && stored.version > 0 &&
                          stored.version > *options.stood_by_since;
  std::optional<CheckpointFiles::Restore> restore;
  if (options.checkpoints != nullptr && !takes_over) {
    ASSIGN_OR_RETURN(restore, options.checkpoints->WantedRestore());
  }
  std::optional<v1::CoordinatorState> running;
  if (restore.has_value()) {
    spdlog::info("the job begins with checkpoint {}", restore->number);
    running = RestoredState(restore->payload, restore->number);
  } else {
    ASSIGN_OR_RETURN(running, StoredJob(stored, config, options.stood_by_since));
    if (running.has_value()) {
      spdlog::info("going on with the stored job at epoch {}", running->epoch());
    }
  }
  const absl::Duration now = options.clock->SinceBoot();
  auto core = running.has_value()
                  ? std::make_unique<CoordinatorCore>(config, *running, std::move(eval), now)
                  : std::make_unique<CoordinatorCore>(config, std::move(train), std::move(eval),
                                                      now, ReadInitialModel(config));
  absl::StatusOr<std::unique_ptr<HistoryFile>> history =
      OpenHistory(options.config.output().history(), running.has_value());
  return std::unique_ptr<Coordinator>(new Coordinator(std::move(options), std::move(core),
                                                      stored.version, std::move(history),
                                                      restore.has_value()));
}

Coordinator::Coordinator(Options options, std::unique_ptr<CoordinatorCore> core,
                         uint64_t stored_version,
                         absl::StatusOr<std::unique_ptr<HistoryFile>> history, bool restored)
    : options_(std::move(options)),
      tick_(std::clamp(ToDuration(options_.config.cluster().heartbeat().lease()) / 10,
                       absl::Milliseconds(10), absl::Milliseconds(100))),
      core_(std::move(core)),
      stored_version_(stored_version),
      restored_(restored),
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
  checkpointer_.reset();
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
  v1::ClusterStatus status =
      Ask<v1::ClusterStatus>([this](absl::Duration now) { return core_->Status(now); });
  MutexLock lock(mutex_);
  for (const std::string& problem : {rests_, store_problem_, history_problem_}) {
    if (!problem.empty()) status.add_problems(problem);
  }
  return status;
}

v1::ShardPlan Coordinator::PlanShards() {
  return Ask<v1::ShardPlan>([this](absl::Duration) { return core_->DescribeMoves(); });
}

template <typename Answer>
Answer Coordinator::Ask(std::function<Answer(absl::Duration now)> ask) {
  const auto answer = std::make_shared<Answer>();
  const auto done = std::make_shared<Notification>();
  const bool posted = Post([ask = std::move(ask), answer, done](absl::Duration now) {
    *answer = ask(now);
    done->Notify();
    return CoordinatorCore::Actions();
  });
  if (posted) done->Wait();
  return std::move(*answer);
}

absl::StatusOr<v1::SetTableReply> Coordinator::SetTable(const v1::SetTableRequest& request) {
  return Change<v1::SetTableReply>(
      [this, request](absl::Duration, auto* actions) { return core_->SetTable(request, actions); });
}

absl::StatusOr<v1::DrainReply> Coordinator::Drain(const v1::DrainRequest& request) {
  return Change<v1::DrainReply>([this, request](absl::Duration now, auto* actions) {
    return core_->Drain(request, now, actions);
  });
}

template <typename Reply>
absl::StatusOr<Reply> Coordinator::Change(
    std::function<absl::StatusOr<Reply>(absl::Duration now, CoordinatorCore::Actions*)> change) {
  const auto reply = std::make_shared<absl::StatusOr<Reply>>();
  const auto decided = std::make_shared<Notification>(), done = std::make_shared<Notification>();
  const bool posted = Post([change = std::move(change), reply, decided](absl::Duration now) {
    CoordinatorCore::Actions actions;
    *reply = change(now, &actions);
    decided->Notify();
    return actions;
  });
  if (!posted) return absl::UnavailableError("the coordinator ends");
  decided->Wait();
  // What is posted now is handled after the change is stored and sent.
  const bool posted_next = Post([done](absl::Duration) {
    done->Notify();
    return CoordinatorCore::Actions();
  });
  if (posted_next) done->Wait();
  if (const std::string why = rests(); !why.empty()) return absl::UnavailableError(why);
  return std::move(*reply);
}

std::optional<v1::JobStatus> Coordinator::WaitUntilFinished() {
  MutexLock lock(mutex_);
  while (!result_.has_value() && !stopping_ && !over_) changed_.Wait(mutex_);
  return result_;
}

std::string Coordinator::rests() {
  MutexLock lock(mutex_);
  return rests_;
}

bool Coordinator::Post(Event event) {
  MutexLock lock(mutex_);
  if (stopping_) return false;
  events_.push_back(std::move(event));
  changed_.NotifyAll();
  return true;
}

void Coordinator::Run() {
  const Event tick = [this](absl::Duration now) {
    return resting_since_.has_value() ? CoordinatorCore::Actions() : core_->OnTick(now);
  };
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
      if (gap > lease / 2 && !resting_since_.has_value()) core_->OnStall(gap);
      events.push_back(tick);
      last_tick += gap;
    }
    Handle(events);
  }
}

void Coordinator::Handle(const std::deque<Event>& events) {
  for (const Event& event : events) {
    const v1::JobPhase phase = core_->job().phase();
    const uint32_t epoch = core_->job().epoch();
    const bool stopped = !core_->job().stopped().empty();
    for (CoordinatorCore::Action& action : event(options_.clock->SinceBoot())) {
      actions_.push_back(std::move(action));
    }
    const v1::JobStatus& job = core_->job();
    if (job.phase() != phase || job.epoch() != epoch) {
      spdlog::info("job: {}, epoch {} of {}", v1::JobPhase_Name(job.phase()), job.epoch(),
                   job.epochs());
    }
    if (!stopped && !job.stopped().empty()) spdlog::info("training stops: {}", job.stopped());
  }
  if (!Settle()) return;
  for (CoordinatorCore::Action& action : std::exchange(actions_, {})) Perform(action);
  TellCheckpoints();
  if (core_->finished()) TellFinished();
}

void Coordinator::TellFinished() {
  MutexLock lock(mutex_);
  if (result_.has_value()) return;
  result_ = core_->Status(options_.clock->SinceBoot()).job();
  changed_.NotifyAll();
}

bool Coordinator::Settle() {
  if (deposed_) return false;
  const absl::Duration now = options_.clock->SinceBoot();
  if (resting_since_.has_value() && now < settle_at_) return false;
  const absl::Status status = LeadsAndStored();
  // The only coordinator goes on when it cannot store, and status says so.
  if (status.ok() || !options_.leads) {
    Resume();
    return true;
  }
  Rest(status);
  return false;
}

absl::Status Coordinator::LeadsAndStored() {
  if (options_.leads) RETURN_IF_ERROR(options_.leads());
  return Persist();
}

void Coordinator::Rest(const absl::Status& why) {
  deposed_ = absl::IsAborted(why);
  const absl::Duration now = options_.clock->SinceBoot();
  settle_at_ = now + kStoreAgain;
  if (!resting_since_.has_value() || deposed_) {
    spdlog::warn("the coordinator {}: {}", deposed_ ? "is deposed" : "rests", why.ToString());
  }
  if (!resting_since_.has_value()) resting_since_ = now;
  // Another version of the state may be there afterwards.
  stored_revision_ = std::nullopt;
  std::map<ConnectionId, std::shared_ptr<Connection>> connections;
  {
    MutexLock lock(mutex_);
    rests_ = absl::StrCat("the coordinator decides nothing at the moment: ", why.message());
    store_problem_.clear();  // the same once more
    over_ = deposed_;
    changed_.NotifyAll();
    connections = connections_;
  }
  for (const auto& [id, connection] : connections) connection->Close(StandingBy("", rests()));
}

void Coordinator::Resume() {
  if (!resting_since_.has_value()) return;
  const absl::Duration lease = ToDuration(options_.config.cluster().heartbeat().lease());
  // As after a restart, members need to find the coordinator first.
  core_->OnStall(options_.clock->SinceBoot() - *resting_since_ + lease);
  resting_since_ = std::nullopt;
  spdlog::info("the coordinator goes on");
  MutexLock lock(mutex_);
  rests_.clear();
}

absl::Status Coordinator::Persist() {
  if (stored_revision_.has_value() && core_->revision() == *stored_revision_) {
    return absl::OkStatus();
  }
  v1::CoordinatorState state = core_->State();
  state.set_config_fingerprint(Fingerprint(options_.config));
  const absl::StatusOr<uint64_t> version =
      options_.store->CompareAndSwap(kStateKey, stored_version_, state.SerializeAsString());
  std::string problem;
  if (version.ok()) {
    stored_version_ = *version;
    stored_revision_ = core_->revision();
    if (std::exchange(restored_, false)) {
      if (const absl::Status status = options_.checkpoints->ForgetRestore(); !status.ok()) {
        spdlog::error("{}", std::string(status.message()));
      }
    }
  } else {
    problem = absl::StrCat("the coordinator's state is not stored: ", version.status().message());
    spdlog::error("{}", problem);
  }
  MutexLock lock(mutex_);
  store_problem_ = problem;
  return version.status();
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

void Coordinator::Perform(const CoordinatorCore::BeginCheckpoint& /*begin*/) {
  checkpointer_.emplace("checkpoints", [this] {
    const absl::StatusOr<uint64_t> number = options_.checkpoints->Begin();
    Post([this, number](absl::Duration now) { return core_->OnCheckpointBegun(number, now); });
  });
}

void Coordinator::Perform(const CoordinatorCore::CommitCheckpoint& commit) {
  checkpointer_.emplace("checkpoints", [this, commit] {
    v1::CheckpointPayload payload = commit.payload;
    payload.set_time(absl::ToDoubleSeconds(options_.clock->Wall() - absl::UnixEpoch()));
    const absl::Status status = options_.checkpoints->Commit(commit.number, commit.parent, payload);
    if (status.ok()) {
      spdlog::info("checkpoint {} is written", commit.number);
    } else {
      options_.checkpoints->Abandon(commit.number);
    }
    Post([this, status](absl::Duration now) { return core_->OnCheckpointCommitted(status, now); });
  });
}

void Coordinator::Perform(const CoordinatorCore::AbandonCheckpoint& abandon) {
  checkpointer_.emplace("checkpoints",
                        [this, number = abandon.number] { options_.checkpoints->Abandon(number); });
}

void Coordinator::TellCheckpoints() {
  MutexLock lock(mutex_);
  if (core_->checkpoints_ended() == checkpoints_.ended) return;
  checkpoints_ = {.ended = core_->checkpoints_ended(),
                  .last = core_->last_checkpoint(),
                  .problem = core_->checkpoint_problem()};
  if (!checkpoints_.problem.empty()) {
    spdlog::error("a checkpoint was not written: {}", checkpoints_.problem);
  }
  changed_.NotifyAll();
}

absl::StatusOr<v1::SaveCheckpointReply> Coordinator::SaveCheckpoint() {
  if (!options_.config.has_checkpoint()) {
    return absl::FailedPreconditionError(
        "the configuration has no checkpoint.dir to write checkpoints to");
  }
  const auto ticket = std::make_shared<std::atomic<uint64_t>>(0);
  const auto asked = std::make_shared<Notification>();
  const bool posted = Post([this, ticket, asked](absl::Duration) {
    if (core_->job().state() == v1::RUNNING) *ticket = core_->AskForCheckpoint();
    asked->Notify();
    return CoordinatorCore::Actions();
  });
  if (!posted) return absl::UnavailableError("the coordinator ends");
  asked->Wait();
  if (*ticket == 0) return absl::FailedPreconditionError("no job is running");
  MutexLock lock(mutex_);
  while (checkpoints_.ended < *ticket && !stopping_ && !over_ && !result_.has_value()) {
    changed_.Wait(mutex_);
  }
  if (checkpoints_.ended < *ticket) {
    return absl::UnavailableError("the job ended before the checkpoint was written");
  }
  if (!checkpoints_.problem.empty()) {
    return absl::InternalError(
        absl::StrCat("the checkpoint was not written: ", checkpoints_.problem));
  }
  v1::SaveCheckpointReply reply;
  reply.set_number(checkpoints_.last);
  reply.set_folder(options_.config.checkpoint().dir());
  return reply;
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
