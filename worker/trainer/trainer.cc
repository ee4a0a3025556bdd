#include "worker/trainer/trainer.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/buffer.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "worker/trainer/clip_norm.h"

namespace paramd {

namespace {

std::vector<size_t> DenseFirst(const std::vector<v1::TableSpec>& tables) {
  std::vector<size_t> order(tables.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_partition(order.begin(), order.end(),
                        [&](size_t table) { return tables[table].kind() == v1::TableSpec::DENSE; });
  return order;
}

}  // namespace

// Calls are answered by other threads; the step is kept until they all are.
class Trainer::Step {
 public:
  explicit Step(size_t tables) : plans_(tables), rows_(tables) {}

  void Begin(std::unique_ptr<Batch> batch) {
    batch_ = std::move(batch);
    MutexLock lock(mutex_);
    left_ = plans_.size();
    status_ = absl::OkStatus();
  }

  void SetRows(size_t table, uint64_t values) { rows_[table] = Buffer(values * sizeof(float)); }
  void SetPlan(size_t table, std::shared_ptr<const RowPlan> plan) {
    plans_[table] = std::move(plan);
  }

  void Answered(const absl::Status& status) {
    MutexLock lock(mutex_);
    if (status_.ok()) status_ = status;
    --left_;
  }
  bool IsComplete() const {
    MutexLock lock(mutex_);
    return left_ == 0;
  }
  absl::Status status() const {
    MutexLock lock(mutex_);
    return status_;
  }

  // Gives up what it holds, for another one.
  std::unique_ptr<Batch> End() {
    for (auto& plan : plans_) plan = nullptr;
    for (Buffer& rows : rows_) rows = Buffer();
    return std::move(batch_);
  }

  const Batch& batch() const { return *batch_; }
  const std::shared_ptr<const RowPlan>& plan(size_t table) const { return plans_[table]; }
  // float32[plan.rows][dim].
  absl::Span<float> rows(size_t table) const {
    return absl::MakeSpan(rows_[table].floats(), rows_[table].size() / sizeof(float));
  }

 private:
  std::unique_ptr<Batch> batch_;
  std::vector<std::shared_ptr<const RowPlan>> plans_;
  std::vector<Buffer> rows_;
  mutable Mutex mutex_;
  size_t left_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

Trainer::Trainer(const v1::Config& config, const DatasetShape& shape, Model& model,
                 ParameterClient& client, Progress& progress, Callbacks callbacks)
    : config_(config),
      shape_(shape),
      model_(model),
      tables_(model.Tables()),
      client_(client),
      progress_(progress),
      callbacks_(std::move(callbacks)),
      order_(DenseFirst(tables_)),
      parameters_(tables_.size()),
      gradients_(tables_.size()),
      pushes_(tables_.size()) {}

absl::Status Trainer::Train(const v1::WorkGrant& first) {
  tracker_ = std::make_shared<StepTracker>(callbacks_.on_partition_done);
  {
    // Reads while the clocks are joined.
    BatchPipeline pipeline(config_.data(), shape_, config_.worker().prefetch_batches(), first,
                           callbacks_.partitions);
    ASSIGN_OR_RETURN(clock_, client_.Attach());
    progress_.SetClock(clock_);
    if (!callbacks_.wait_for_start()) return absl::CancelledError("the job has ended");
    progress_.SetActivity("training");
    RETURN_IF_ERROR(RunSteps(pipeline));
  }
  client_.Wait([this] { return tracker_->MayGoOn(0); });
  RETURN_IF_ERROR(tracker_->status());
  return client_.Detach();
}

absl::Status Trainer::RunSteps(BatchPipeline& pipeline) {
  ASSIGN_OR_RETURN(std::shared_ptr<Step> next, NextStep(pipeline, clock_, true));
  while (next != nullptr) {
    const std::shared_ptr<Step> step = std::move(next);
    ASSIGN_OR_RETURN(next, NextStep(pipeline, clock_ + 1, false));
    RETURN_IF_ERROR(Compute(*step));
    pipeline.Recycle(step->End());
    steps_.push_back(step);
    progress_.SetClock(++clock_);
    if (next == nullptr) {
      ASSIGN_OR_RETURN(next, NextStep(pipeline, clock_, true));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Trainer::Step>> Trainer::NextStep(BatchPipeline& pipeline,
                                                                 uint64_t clock, bool wait) {
  while (true) {
    ASSIGN_OR_RETURN(std::optional<BatchPipeline::Item> item,
                     wait ? pipeline.Pop() : pipeline.TryPop());
    if (!item.has_value()) return nullptr;
    if (item->batch == nullptr) {
      v1::WorkDone done;
      done.set_lease(item->lease);
      done.set_records(item->stats.records);
      done.set_bad_records(item->stats.bad_records);
      for (const std::string& example : item->stats.bad_record_examples) {
        done.add_bad_record_examples(example);
      }
      tracker_->Close(std::move(done));
      continue;
    }
    if (const absl::Status status = model_.CheckLabels(*item->batch); !status.ok()) {
      return absl::DataLossError(status.message());
    }
    model_.Prepare(item->batch.get());
    tracker_->Read(item->lease);
    return BeginStep(std::move(item->batch), clock);
  }
}

absl::StatusOr<std::shared_ptr<Trainer::Step>> Trainer::BeginStep(std::unique_ptr<Batch> batch,
                                                                  uint64_t clock) {
  std::shared_ptr<Step> step;
  if (steps_.empty()) {
    step = std::make_shared<Step>(tables_.size());
  } else {
    step = std::move(steps_.back());
    steps_.pop_back();
  }
  step->Begin(std::move(batch));
  client_.Hold();
  for (const size_t table : order_) {
    const v1::TableSpec& spec = tables_[table];
    absl::Span<const uint64_t> keys;
    if (spec.kind() == v1::TableSpec::SPARSE) keys = model_.Keys(step->batch(), table);
    const uint64_t rows = spec.kind() == v1::TableSpec::SPARSE ? keys.size() : spec.rows();
    step->SetRows(table, rows * spec.dim());
    step->SetPlan(
        table, client_.PlanAndPull(static_cast<uint32_t>(table), keys, clock, step->rows(table),
                                   [step](const absl::Status& status) { step->Answered(status); }));
  }
  client_.Flush();
  return step;
}

absl::Status Trainer::Compute(Step& step) {
  client_.Wait([&step] { return step.IsComplete(); });
  RETURN_IF_ERROR(step.status());
  const Batch& batch = step.batch();
  for (size_t i = 0; i < order_.size(); ++i) {
    const size_t table = order_[i];
    ParameterClient::TableGradients& push = pushes_[i];
    push.plan = step.plan(table);
    push.values = Buffer(step.rows(table).size() * sizeof(float));
    parameters_[table] = step.rows(table);
    gradients_[table] = absl::MakeSpan(push.values.floats(), step.rows(table).size());
  }
  const double loss_sum = model_.Gradients(batch, parameters_, gradients_);
  // Here, for no server sees all of a gradient.
  for (const size_t table : order_) {
    const v1::TablePlacement& placement = client_.shard_map().tables(static_cast<int>(table));
    const v1::Optimizer& optimizer = placement.spec().optimizer();
    if (optimizer.has_clip_norm()) ClipNorm(optimizer.clip_norm(), gradients_[table]);
  }
  const size_t window = config_.transport().pushes_in_flight() - 1;
  client_.Wait([this, window] { return tracker_->MayGoOn(window); });
  RETURN_IF_ERROR(tracker_->status());
  client_.PushStep(clock_, batch.rows(), pushes_,
                   [lease = tracker_->Push(batch.source_lease, loss_sum)](
                       const absl::Status& status) { lease->Answered(status); });
  for (ParameterClient::TableGradients& push : pushes_) push = {};
  progress_.Add(batch.rows(), loss_sum);
  return absl::OkStatus();
}

}  // namespace paramd
