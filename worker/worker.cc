#include "worker/worker.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "common/base/status_macros.h"
#include "common/config/duration.h"
#include "common/math/blas.h"
#include "common/rpc/coordinator_addresses.h"
#include "common/rpc/hello.h"
#include "worker/data/column_scaler.h"
#include "worker/data/measure_columns.h"
#include "worker/data/read_dataset_shape.h"
#include "worker/data/read_sample.h"
#include "worker/data/shape_to_proto.h"
#include "worker/data/split.h"
#include "worker/eval/check_labels.h"
#include "worker/eval/evaluator.h"
#include "worker/model/create_model.h"
#include "worker/trainer/trainer.h"

namespace paramd {
namespace {

constexpr absl::Duration kGoodbyeTimeout = absl::Seconds(2);
// Leases for which a server may have no room for a push; then the job ends.
constexpr int kPatienceLeases = 10;

// Rows from the servers as they are now.
class RemoteParameters final : public ParameterSource {
 public:
  explicit RemoteParameters(ParameterClient& client) : client_(client) {}

  absl::Status Pull(int table, absl::Span<const uint64_t> keys,
                    std::vector<float>* values) override {
    const std::shared_ptr<const RowPlan> plan = client_.Plan(static_cast<uint32_t>(table), keys);
    values->resize(plan->rows * plan->dim);
    Mutex mutex;
    bool done = false;
    client_.Pull(plan, std::nullopt, absl::MakeSpan(*values), [&](absl::Status status) {
      MutexLock lock(mutex);
      status_ = std::move(status);
      done = true;
    });
    client_.Wait([&] {
      MutexLock lock(mutex);
      return done;
    });
    return status_;
  }

  // Of the last pull.
  const absl::Status& status() const { return status_; }

 private:
  ParameterClient& client_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Worker>> Worker::Start(Options options) {
  ASSIGN_OR_RETURN(CoordinatorAddresses coordinators,
                   CoordinatorAddresses::Parse(options.coordinator));
  std::unique_ptr<Worker> worker(new Worker(std::move(options)));
  ASSIGN_OR_RETURN(worker->server_,
                   DaemonServer::Start({.listen = worker->options_.listen,
                                        .daemon_status = [w = worker.get()] { return w->Status(); },
                                        .clock = worker->options_.clock}));
  const v1::Hello hello = MakeHello(v1::WORKER, worker->options_.name, worker->server_->address());
  worker->incarnation_ = hello.incarnation();
  worker->session_ = std::make_unique<MemberSession>(
      MemberSession::Options{
          .coordinators = std::move(coordinators), .hello = hello, .clock = worker->options_.clock},
      MemberSession::Callbacks{
          .on_message =
              [w = worker.get()](const v1::CoordinatorMessage& message) {
                // The end first: whoever sees an operation fail then finds it.
                w->inbox_.Deliver(message);
                if (message.has_revoke_lease()) {
                  spdlog::info("another worker has completed a partition of this one (lease {})",
                               message.revoke_lease().lease());
                }
                if (message.has_view()) w->AnnounceMap(message.view().shard_map());
                if (message.has_job()) {
                  w->ShutdownClient(absl::CancelledError("the job has ended"));
                }
              },
          .report =
              [w = worker.get()] {
                v1::Heartbeats heartbeat;
                *heartbeat.mutable_worker() = w->progress_.Report();
                return heartbeat;
              },
          .on_ended = [w = worker.get()](const absl::Status& status) { w->OnSessionEnded(status); },
      });
  {
    MutexLock lock(worker->mutex_);
    worker->address_ = worker->server_->address();
  }
  worker->session_->Start();
  return worker;
}

Worker::Worker(Options options) : options_(std::move(options)), progress_(*options_.clock) {}

Worker::~Worker() {
  // From the inside out for what calls back: the client's answers send messages on the session.
  std::unique_ptr<ParameterClient> client;
  {
    MutexLock lock(mutex_);
    client.swap(client_);
  }
  client.reset();
  session_.reset();
  server_.reset();
}

int Worker::Run() {
  progress_.SetActivity("joining");
  const absl::Status status = Work();
  if (!status.ok() && !inbox_.end().has_value()) {
    spdlog::error("{}", std::string(status.message()));
    v1::MemberMessage failure;
    failure.mutable_failure()->set_message(std::string(status.message()));
    failure.mutable_failure()->set_exit_code(ExitCodeOf(status));
    session_->Send(std::move(failure));
  }
  // After a failure the coordinator ends the job and tells everybody, also this worker.
  const v1::JobUpdate end = inbox_.WaitForEnd();
  if (end.state() == v1::FAILED) {
    spdlog::error("the job failed: {}", end.message());
  } else if (end.state() == v1::RUNNING) {
    spdlog::info("this worker leaves: {}", end.message());
  } else {
    spdlog::info("the job is done");
  }
  return end.exit_code();
}

void Worker::Stop(const std::string& reason) {
  session_->Leave(reason, kGoodbyeTimeout);
  OnSessionEnded(absl::CancelledError(reason));
}

absl::Status Worker::Work() {
  const std::optional<v1::Welcome> welcome = inbox_.WaitForWelcome();
  if (!welcome.has_value()) return absl::OkStatus();
  {
    MutexLock lock(mutex_);
    id_ = welcome->id();
  }
  RETURN_IF_ERROR(PrepareModel(welcome->config()));
  v1::MemberMessage declaration;
  for (const v1::TableSpec& table : model_->Tables()) {
    *declaration.mutable_tables()->add_tables() = table;
  }
  *declaration.mutable_tables()->mutable_data() = ToProto(shape_);
  session_->Send(std::move(declaration));
  while (true) {
    SendIdle();
    const std::optional<v1::WorkGrant> grant = inbox_.WaitForGrant();
    if (!grant.has_value()) return absl::OkStatus();
    Connect(inbox_.view());
    RETURN_IF_ERROR(Do(*grant));
    if (const auto evaluation = std::exchange(evaluation_, std::nullopt)) {
      RETURN_IF_ERROR(Do(*evaluation));
    }
  }
}

absl::Status Worker::Do(const v1::WorkGrant& grant) {
  if (grant.kind() == v1::WorkGrant::MEASURE) return Measure(grant);
  RETURN_IF_ERROR(BeginModel());
  return grant.kind() == v1::WorkGrant::EVALUATE ? EvaluateModel(grant) : Train(grant);
}

absl::Status Worker::Measure(const v1::WorkGrant& grant) {
  progress_.SetActivity("measuring");
  absl::StatusOr<Measured> measured = MeasureColumns(
      config_.data(), shape_, {grant.partitions().begin(), grant.partitions().end()},
      SplitOf(config_, Split::kTraining), [this] { return inbox_.end().has_value(); });
  if (!measured.ok()) return absl::DataLossError(measured.status().message());
  v1::MemberMessage message;
  v1::WorkDone& done = *message.mutable_work_done();
  done.set_lease(grant.lease());
  done.set_records(measured->read.records);
  done.set_bad_records(measured->read.bad_records);
  for (const std::string& example : measured->read.bad_record_examples) {
    done.add_bad_record_examples(example);
  }
  *done.mutable_columns() = {measured->columns.begin(), measured->columns.end()};
  session_->Send(std::move(message));
  return absl::OkStatus();
}

absl::Status Worker::BeginModel() {
  if (std::exchange(begun_, true)) return absl::OkStatus();
  const v1::ClusterView view = inbox_.view();
  const auto& scales = view.shard_map().data().scales();
  shape_.scales.assign(scales.begin(), scales.end());
  if (const absl::Status status = CheckMeasured(shape_); !status.ok()) {
    return absl::DataLossError(status.message());
  }
  if (model_->SampleRows() == 0) return absl::OkStatus();
  const absl::StatusOr<Batch> sample =
      ReadSample(config_.data(), shape_, model_->SampleRows(), SplitOf(config_, Split::kTraining));
  if (!sample.ok()) return absl::DataLossError(sample.status().message());
  model_->Begin(*sample);
  return absl::OkStatus();
}

absl::Status Worker::PrepareModel(const v1::Config& config) {
  config_ = config;
  SetBlasThreads(static_cast<int>(config_.worker().compute_threads()));
  absl::StatusOr<DatasetShape> shape = ReadDatasetShape(config_.data());
  // The files cannot be used as the configuration says.
  if (!shape.ok()) return absl::DataLossError(shape.status().message());
  shape_ = *std::move(shape);
  if (!config_.data().cache().empty()) {
    cache_ = std::make_unique<BatchCache>(config_.data().cache());
  }
  ASSIGN_OR_RETURN(model_, CreateModel(config_.model(), shape_));
  const absl::Status labels = CheckFirstLabels(config_.data(), shape_, *model_);
  return labels.ok() ? labels : absl::DataLossError(labels.message());
}

int Worker::ExitCodeOf(const absl::Status& status) const {
  if (absl::IsDataLoss(status)) return kExitBadData;
  // Before there is a model only CreateModel says so, of the configuration.
  const bool config = model_ == nullptr && absl::IsInvalidArgument(status);
  return config ? kExitBadConfig : kExitFailure;
}

void Worker::Connect(const v1::ClusterView& view) {
  uint32_t id;
  {
    MutexLock lock(mutex_);
    if (client_ != nullptr) return;
    id = id_;
  }
  auto client = std::make_unique<ParameterClient>(ParameterClient::Options{
      .client = id,
      .incarnation = incarnation_,
      .shard_map = view.shard_map(),
      .transport = config_.transport(),
      .row_cache_bytes = config_.worker().row_cache(),
      .patience = kPatienceLeases * ToDuration(config_.cluster().heartbeat().lease())});
  {
    MutexLock lock(mutex_);
    client_.swap(client);
  }
  // Another map may have come meanwhile, with nobody there to hear of it.
  AnnounceMap(inbox_.view().shard_map());
  // The job may have ended meanwhile, with nobody there to shut down.
  if (inbox_.end().has_value()) ShutdownClient(absl::CancelledError("the job has ended"));
}

void Worker::AnnounceMap(const v1::ShardMap& map) {
  MutexLock lock(mutex_);
  if (client_ != nullptr) client_->Announce(map);
}

absl::Status Worker::Train(const v1::WorkGrant& grant) {
  ParameterClient* client;
  {
    MutexLock lock(mutex_);
    client = client_.get();
  }
  Trainer trainer(
      config_, shape_, *model_, *client, progress_, cache_.get(),
      {.wait_for_start =
           [this] {
             inbox_.ExpectStart();
             v1::MemberMessage attached;
             attached.mutable_attached();
             session_->Send(std::move(attached));
             return inbox_.WaitForStart();
           },
       .partitions = {.request =
                          [this] {
                            v1::MemberMessage request;
                            request.mutable_work_request()->set_request(++requests_);
                            inbox_.ExpectAnswer(requests_);
                            session_->Send(std::move(request));
                          },
                      .take = [this] { return TakeAnswer(); },
                      .stopped = [this] { return inbox_.training_stopped(); },
                      .revoked = [this](uint64_t lease) { return inbox_.IsRevoked(lease); }},
       .on_partition_done =
           [this](v1::WorkDone done) {
             v1::MemberMessage message;
             *message.mutable_work_done() = std::move(done);
             session_->Send(std::move(message));
           }});
  return trainer.Train(grant);
}

std::optional<v1::WorkGrant> Worker::TakeAnswer() {
  std::optional<v1::WorkGrant> grant = inbox_.WaitForAnswer();
  if (!grant.has_value() || grant->kind() == v1::WorkGrant::TRAIN) return grant;
  evaluation_ = std::move(grant);
  return std::nullopt;
}

absl::Status Worker::EvaluateModel(const v1::WorkGrant& grant) {
  progress_.SetActivity("evaluating");
  ParameterClient* client;
  {
    MutexLock lock(mutex_);
    client = client_.get();
  }
  RemoteParameters parameters(*client);
  std::vector<std::string> files;
  for (const v1::Partition& partition : grant.partitions()) files.push_back(partition.file());
  absl::StatusOr<Evaluated> evaluated =
      Evaluate(config_.data(), shape_, files, *model_, parameters,
               static_cast<int>(config_.data().batch_size()), SplitOf(config_, Split::kHeldOut),
               nullptr, cache_.get());
  if (!evaluated.ok()) {
    // What is not a server's fault is the data's.
    return parameters.status().ok() ? absl::DataLossError(evaluated.status().message())
                                    : evaluated.status();
  }
  v1::MemberMessage message;
  v1::WorkDone& done = *message.mutable_work_done();
  done.set_lease(grant.lease());
  done.set_records(evaluated->read.records);
  done.set_bad_records(evaluated->read.bad_records);
  *done.mutable_metrics() = evaluated->metrics;
  session_->Send(std::move(message));
  return absl::OkStatus();
}

void Worker::SendIdle() {
  progress_.SetActivity("waiting for work");
  v1::MemberMessage idle;
  idle.mutable_idle();
  session_->Send(std::move(idle));
}

void Worker::OnSessionEnded(const absl::Status& status) {
  v1::JobUpdate end;
  end.set_state(v1::FAILED);
  end.set_message(std::string(status.message()));
  end.set_exit_code(kExitFailure);
  inbox_.End(std::move(end));
  ShutdownClient(status);
}

void Worker::ShutdownClient(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (client_ != nullptr) client_->Shutdown(status);
}

v1::DaemonStatus Worker::Status() {
  v1::DaemonStatus status;
  status.set_name(options_.name);
  status.set_roles("worker");
  status.set_coordinator(options_.coordinator);
  status.set_view_version(inbox_.view().version());
  *status.mutable_worker() = progress_.Report();
  MutexLock lock(mutex_);
  status.set_address(address_);
  status.set_id(id_);
  return status;
}

}  // namespace paramd
