#include "tests/testing/oracle/oracle_worker.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "common/base/buffer.h"
#include "common/base/exit_code.h"
#include "common/base/status_macros.h"
#include "common/config/reader.h"
#include "common/rpc/coordinator_addresses.h"
#include "common/rpc/hello.h"

namespace paramd {
namespace {

enum Tables : uint32_t { kCounts, kTotals };

v1::TableSpec Table(const std::string& name, v1::TableSpec::Kind kind, uint64_t rows) {
  v1::TableSpec spec;
  spec.set_name(name);
  spec.set_kind(kind);
  spec.set_rows(rows);
  spec.set_dim(OracleTables::kDim);
  *spec.mutable_optimizer() = DefaultOptimizer(v1::Optimizer::SGD);
  return spec;
}

Buffer Floats(const std::vector<int32_t>& values) {
  Buffer buffer(values.size() * sizeof(float));
  for (size_t i = 0; i < values.size(); ++i) buffer.floats()[i] = static_cast<float>(values[i]);
  return buffer;
}

}  // namespace

// The operations that are under way. Shared with their callbacks, which come after an error, too.
class OracleWorker::Calls {
 public:
  void Begin() {
    MutexLock lock(mutex_);
    ++open_;
  }

  void End(const absl::Status& status) {
    MutexLock lock(mutex_);
    --open_;
    status_.Update(status);
  }

  // At most `open` of them are left, or one has failed.
  bool MayGoOn(uint64_t open) {
    MutexLock lock(mutex_);
    return open_ <= open || !status_.ok();
  }

  // The first error.
  absl::Status status() {
    MutexLock lock(mutex_);
    return status_;
  }

 private:
  Mutex mutex_;
  uint64_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// ---- membership

absl::StatusOr<std::unique_ptr<OracleWorker>> OracleWorker::Start(Options options) {
  std::unique_ptr<OracleWorker> worker = absl::WrapUnique(new OracleWorker(std::move(options)));
  ASSIGN_OR_RETURN(worker->log_, StepLog::Create(worker->options_.log));
  const v1::Hello hello = MakeHello(v1::WORKER, worker->options_.name, "");
  worker->incarnation_ = hello.incarnation();
  worker->session_ = std::make_unique<MemberSession>(
      MemberSession::Options{.coordinators = CoordinatorAddresses(worker->options_.coordinator),
                             .hello = hello},
      MemberSession::Callbacks{
          .on_message = [w = worker.get()](const auto& message) { w->OnMessage(message); },
          .report =
              [w = worker.get()] {
                v1::Heartbeats heartbeat;
                heartbeat.mutable_worker()->set_clock(w->clock_);
                return heartbeat;
              },
          .on_ended = [w = worker.get()](const absl::Status& status) { w->OnEnded(status); }});
  worker->session_->Start();
  return worker;
}

OracleWorker::OracleWorker(Options options)
    : options_(std::move(options)), random_(options_.seed) {}

OracleWorker::~OracleWorker() {
  // First what calls back.
  std::unique_ptr<ParameterClient> client;
  {
    MutexLock lock(mutex_);
    client.swap(client_);
  }
  client.reset();
  session_.reset();
}

void OracleWorker::OnMessage(const v1::CoordinatorMessage& message) {
  inbox_.Deliver(message);
  if (message.has_view()) AnnounceMap(message.view().shard_map());
  if (message.has_job()) ShutdownClient(absl::CancelledError("the job has ended"));
}

void OracleWorker::OnEnded(const absl::Status& status) {
  v1::JobUpdate end;
  end.set_state(v1::FAILED);
  end.set_message(std::string(status.message()));
  end.set_exit_code(kExitFailure);
  inbox_.End(std::move(end));
  ShutdownClient(status);
}

void OracleWorker::AnnounceMap(const v1::ShardMap& map) {
  MutexLock lock(mutex_);
  if (client_ != nullptr) client_->Announce(map);
}

void OracleWorker::ShutdownClient(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (client_ != nullptr) client_->Shutdown(status);
}

int OracleWorker::Run() {
  const absl::Status status = Work();
  if (!status.ok() && !inbox_.end().has_value()) {
    spdlog::error("{}", std::string(status.message()));
    v1::MemberMessage failure;
    failure.mutable_failure()->set_message(std::string(status.message()));
    failure.mutable_failure()->set_exit_code(kExitFailure);
    session_->Send(std::move(failure));
  }
  const v1::JobUpdate end = inbox_.WaitForEnd();
  if (end.state() == v1::FAILED) spdlog::error("the job failed: {}", end.message());
  return end.exit_code();
}

absl::Status OracleWorker::Work() {
  std::optional<v1::Welcome> welcome = inbox_.WaitForWelcome();
  if (!welcome.has_value()) return absl::OkStatus();
  welcome_ = *std::move(welcome);
  DeclareTables();
  while (true) {
    v1::MemberMessage idle;
    idle.mutable_idle();
    session_->Send(std::move(idle));
    const std::optional<v1::WorkGrant> grant = inbox_.WaitForGrant();
    if (!grant.has_value()) return absl::OkStatus();
    if (grant->kind() != v1::WorkGrant::TRAIN) {
      return absl::FailedPreconditionError("the oracle can only train: leave data.eval out");
    }
    if (used_client_ == nullptr) Connect(inbox_.view());
    RETURN_IF_ERROR(Train(*grant));
  }
}

void OracleWorker::DeclareTables() {
  v1::MemberMessage declaration;
  v1::TableDeclaration& tables = *declaration.mutable_tables();
  *tables.add_tables() = Table("counts", v1::TableSpec::SPARSE, 0);
  *tables.add_tables() = Table("totals", v1::TableSpec::DENSE, OracleTables::kDenseRows);
  tables.mutable_data()->set_sparse(true);
  session_->Send(std::move(declaration));
}

void OracleWorker::Connect(const v1::ClusterView& view) {
  log_->Shards(view.shard_map());
  auto client = std::make_unique<ParameterClient>(
      ParameterClient::Options{.client = welcome_.id(),
                               .incarnation = incarnation_,
                               .shard_map = view.shard_map(),
                               .transport = welcome_.config().transport(),
                               .row_cache_bytes = welcome_.config().worker().row_cache()});
  used_client_ = client.get();
  {
    MutexLock lock(mutex_);
    client_ = std::move(client);
  }
  // Another map may have come meanwhile, with nobody there to hear of it.
  AnnounceMap(inbox_.view().shard_map());
  // The job may have ended meanwhile, with nobody there to shut down.
  if (inbox_.end().has_value()) ShutdownClient(absl::CancelledError("the job has ended"));
}

// ---- steps

absl::Status OracleWorker::Train(const v1::WorkGrant& grant) {
  ASSIGN_OR_RETURN(uint64_t clock, used_client_->Attach());
  inbox_.ExpectStart();
  v1::MemberMessage attached;
  attached.mutable_attached();
  session_->Send(std::move(attached));
  if (!inbox_.WaitForStart()) return absl::CancelledError("the job has ended");
  const auto pushes = std::make_shared<Calls>();
  for (; steps_done_ < options_.steps && !stopping_; ++steps_done_) {
    RETURN_IF_ERROR(DoStep(clock++, pushes));
  }
  used_client_->Wait([&] { return pushes->MayGoOn(0); });
  RETURN_IF_ERROR(pushes->status());
  std::optional<v1::WorkGrant> partition = grant;
  while (partition.has_value()) partition = EndPartition(*partition);
  return used_client_->Detach();
}

absl::Status OracleWorker::DoStep(uint64_t clock, const std::shared_ptr<Calls>& pushes) {
  clock_ = clock;
  const IntegerStep step = DrawStep(random_);
  // Only for its waiting: what is pushed does not depend on it.
  RETURN_IF_ERROR(Pull(clock, kCounts, step.keys));
  const uint64_t window = welcome_.config().transport().pushes_in_flight() - 1;
  used_client_->Wait([&] { return pushes->MayGoOn(window); });
  RETURN_IF_ERROR(pushes->status());
  Push(clock, step, pushes);
  return absl::OkStatus();
}

absl::Status OracleWorker::Pull(uint64_t clock, uint32_t table, absl::Span<const uint64_t> keys) {
  const std::shared_ptr<const RowPlan> plan = used_client_->Plan(table, keys);
  std::vector<float> rows(plan->rows * plan->dim);
  const auto pull = std::make_shared<Calls>();
  pull->Begin();
  used_client_->Pull(plan, clock, absl::MakeSpan(rows),
                     [pull](const absl::Status& status) { pull->End(status); });
  used_client_->Wait([&] { return pull->MayGoOn(0); });
  return pull->status();
}

void OracleWorker::Push(uint64_t clock, const IntegerStep& step, std::shared_ptr<Calls> pushes) {
  const ParameterClient::TableGradients gradients[] = {
      {.plan = used_client_->Plan(kCounts, step.keys), .values = Floats(step.sparse)},
      {.plan = used_client_->Plan(kTotals, {}), .values = Floats(step.dense)}};
  log_->Push(clock, step);
  pushes->Begin();
  used_client_->PushStep(clock, 1, gradients,
                         [this, clock, pushes = std::move(pushes)](const absl::Status& status) {
                           if (status.ok()) log_->Acknowledged(clock);
                           pushes->End(status);
                         });
}

std::optional<v1::WorkGrant> OracleWorker::EndPartition(const v1::WorkGrant& grant) {
  v1::MemberMessage message;
  message.mutable_work_done()->set_lease(grant.lease());
  message.mutable_work_done()->set_records(1);
  session_->Send(std::move(message));
  v1::MemberMessage request;
  request.mutable_work_request()->set_request(++requests_);
  inbox_.ExpectAnswer(requests_);
  session_->Send(std::move(request));
  return inbox_.WaitForAnswer();
}

}  // namespace paramd
