#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/client/parameter_client.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"
#include "worker/trainer/batch_pipeline.h"
#include "worker/trainer/progress.h"
#include "worker/trainer/step_tracker.h"

namespace paramd {

// Trains a model on partition after partition: pulls the rows of the next batch while it computes
// the gradients of this one, and pushes without waiting for the acknowledgement. One thread calls
// it.
class Trainer {
 public:
  struct Callbacks {
    // Called when the clocks are joined; blocks until all that begin together have joined them.
    // False: the job has ended.
    std::function<bool()> wait_for_start;
    // As of BatchPipeline.
    BatchPipeline::Partitions partitions;
    // A partition is done; may come from another thread.
    std::function<void(v1::WorkDone)> on_partition_done;
  };

  // Borrows everything but the callbacks.
  Trainer(const v1::Config& config, const DatasetShape& shape, Model& model,
          ParameterClient& client, Progress& progress, Callbacks callbacks);

  // Joins the clocks, trains on `first` and whatever `partitions` gives, and leaves the clocks
  // when all pushes are acknowledged. DATA_LOSS: data that cannot be read or used. Otherwise the
  // error of a server.
  absl::Status Train(const v1::WorkGrant& first);

 private:
  // A batch and the rows it needs, as they come in.
  class Step;

  absl::Status RunSteps(BatchPipeline& pipeline);
  // The next batch with its pull under way, for step `clock`; null: there is none. Waits for a
  // batch if `wait`.
  absl::StatusOr<std::shared_ptr<Step>> NextStep(BatchPipeline& pipeline, uint64_t clock,
                                                 bool wait);
  absl::StatusOr<std::shared_ptr<Step>> BeginStep(std::unique_ptr<Batch> batch, uint64_t clock);
  absl::Status Compute(Step& step);

  const v1::Config& config_;
  const DatasetShape& shape_;
  Model& model_;
  const std::vector<v1::TableSpec> tables_;
  ParameterClient& client_;
  Progress& progress_;
  const Callbacks callbacks_;
  uint64_t clock_ = 0;
  // Answers to pushes may come after an error has ended Train.
  std::shared_ptr<StepTracker> tracker_;
  // In which tables are pulled and pushed: the dense ones are ready first.
  const std::vector<size_t> order_;
  // Kept for their memory: steps, and for each table (pushes_: in order_) what goes into one call.
  std::vector<std::shared_ptr<Step>> steps_;
  std::vector<absl::Span<const float>> parameters_;
  std::vector<absl::Span<float>> gradients_;
  std::vector<ParameterClient::TableGradients> pushes_;
};

}  // namespace paramd
