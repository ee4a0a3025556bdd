#include "worker/trainer/trainer.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"

namespace paramd {

// The rows of one batch, as they come in.
class Trainer::Pulled {
 public:
  explicit Pulled(size_t tables) : values_(tables), left_(tables) {}

  void Set(size_t table, absl::StatusOr<std::vector<float>> values) {
    MutexLock lock(mutex_);
    if (values.ok()) {
      values_[table] = *std::move(values);
    } else if (status_.ok()) {
      status_ = values.status();
    }
    if (--left_ == 0) changed_.NotifyAll();
  }

  // Blocks until all tables are there.
  absl::StatusOr<std::vector<absl::Span<const float>>> Wait() {
    MutexLock lock(mutex_);
    while (left_ > 0) changed_.Wait(mutex_);
    if (!status_.ok()) return status_;
    return std::vector<absl::Span<const float>>(values_.begin(), values_.end());
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::vector<float>> values_ ABSL_GUARDED_BY(mutex_);
  size_t left_ ABSL_GUARDED_BY(mutex_);
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
      gradients_(tables_.size()) {}

absl::Status Trainer::Train(const v1::WorkGrant& first) {
  ASSIGN_OR_RETURN(clock_, client_.Attach());
  progress_.SetClock(clock_);
  if (!callbacks_.wait_for_start()) return absl::CancelledError("the job has ended");
  progress_.SetActivity("training");
  tracker_ = std::make_shared<StepTracker>(callbacks_.on_partition_done);
  {
    BatchPipeline pipeline(config_.data(), shape_, config_.worker().prefetch_batches(), first,
                           callbacks_.next_partition);
    RETURN_IF_ERROR(RunSteps(pipeline));
  }
  RETURN_IF_ERROR(tracker_->WaitUntilOpen(0));
  return client_.Detach();
}

absl::Status Trainer::RunSteps(BatchPipeline& pipeline) {
  ASSIGN_OR_RETURN(std::optional<Step> next, NextStep(pipeline, clock_, true));
  while (next.has_value()) {
    Step step = *std::exchange(next, std::nullopt);
    ASSIGN_OR_RETURN(next, NextStep(pipeline, clock_ + 1, false));
    RETURN_IF_ERROR(Compute(step));
    pipeline.Recycle(std::move(step.batch));
    progress_.SetClock(++clock_);
    if (!next.has_value()) {
      ASSIGN_OR_RETURN(next, NextStep(pipeline, clock_, true));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Trainer::Step>> Trainer::NextStep(BatchPipeline& pipeline,
                                                               uint64_t clock, bool wait) {
  while (true) {
    ASSIGN_OR_RETURN(std::optional<BatchPipeline::Item> item,
                     wait ? pipeline.Pop() : pipeline.TryPop());
    if (!item.has_value()) return std::nullopt;
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
    tracker_->Read(item->lease);
    Step step{.batch = std::move(item->batch),
              .parameters = std::make_shared<Pulled>(tables_.size())};
    for (size_t table = 0; table < tables_.size(); ++table) {
      absl::Span<const uint64_t> keys;
      if (tables_[table].kind() == v1::TableSpec::SPARSE) keys = step.batch->unique_keys;
      client_.Pull(static_cast<uint32_t>(table), keys, clock,
                   [pulled = step.parameters, table](absl::StatusOr<std::vector<float>> values) {
                     pulled->Set(table, std::move(values));
                   });
    }
    return step;
  }
}

absl::Status Trainer::Compute(const Step& step) {
  ASSIGN_OR_RETURN(const std::vector<absl::Span<const float>> parameters, step.parameters->Wait());
  const Batch& batch = *step.batch;
  const double loss_sum = model_.Gradients(batch, parameters, absl::MakeSpan(gradients_));
  std::vector<ParameterClient::TableGradients> gradients;
  for (size_t table = 0; table < tables_.size(); ++table) {
    ParameterClient::TableGradients& entry = gradients.emplace_back();
    entry.table = static_cast<uint32_t>(table);
    if (tables_[table].kind() == v1::TableSpec::SPARSE) entry.keys = batch.unique_keys;
    entry.values = gradients_[table];
  }
  RETURN_IF_ERROR(tracker_->WaitUntilOpen(config_.transport().pushes_in_flight() - 1));
  const uint64_t lease = batch.source_lease;
  tracker_->Push(lease, loss_sum);
  client_.PushStep(clock_, batch.rows(), gradients,
                   [tracker = tracker_, lease](const absl::Status& status) {
                     tracker->Answered(lease, status);
                   });
  progress_.Add(batch.rows(), loss_sum);
  return absl::OkStatus();
}

}  // namespace paramd
