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
#include "worker/data/batch_cache.h"
#include "worker/model/model.h"
#include "worker/trainer/batch_pipeline.h"
#include "worker/trainer/held_changes.h"
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

  // Borrows everything but the callbacks. `cache`: where batches are kept; null: nowhere.
  Trainer(const v1::Config& config, const DatasetShape& shape, Model& model,
          ParameterClient& client, Progress& progress, BatchCache* cache, Callbacks callbacks);

  // Joins the clocks, trains on `first` and whatever `partitions` gives, and leaves the clocks
  // when all pushes are acknowledged. DATA_LOSS: data that cannot be read or used. Otherwise the
  // error of a server.
  absl::Status Train(const v1::WorkGrant& first);

 private:
  // A batch and the rows it needs, as they come in.
  class Step;

  absl::Status RunSteps(BatchPipeline& pipeline);
  // The next batch with its pull under way; null: there is none. `ahead`: for the step after the
  // one under way, if a batch is ready; otherwise waits for one.
  absl::StatusOr<std::shared_ptr<Step>> NextStep(BatchPipeline& pipeline, bool ahead);
  absl::StatusOr<std::shared_ptr<Step>> BeginStep(BatchPipeline::Item item, uint64_t clock);
  // Of a sparse table; none of a dense one.
  absl::Span<const uint64_t> KeysOf(const Step& step, size_t table) const;
  // Pulls what the step needs of a table.
  void Pull(size_t table, uint64_t clock, const std::shared_ptr<Step>& step);
  absl::Status Compute(Step& step);

  // Whether the rows of the next step may be pulled before this one is pushed.
  bool MayPullAhead() const;
  // Waits until one more push may go out.
  absl::Status WaitForRoom();
  // Sends pushes_ as step clock_.
  void PushStep(uint64_t examples, const StepOrigin& origin, ParameterClient::Done done);

  // Keeps the step's gradients of table order_[i] back where the table's mode says so.
  void HoldBack(size_t i, const Step& step);
  // What of table order_[i] is pushed next.
  void SetPush(size_t i, const HeldChanges::Rows& rows);
  bool HoldsAnything() const;
  // What follows from the answer to the push of a step.
  ParameterClient::Done WhenAnswered(const Step& step, double loss_sum);
  // The same for a push after which nothing is kept back: finishes all batches.
  ParameterClient::Done FinishAll();
  // At the end of a partition: pushes everything that is kept back, as a step without examples.
  // So no push has changes of two partitions, which may be restored and pushed again apart.
  absl::Status PushAllHeld();

  const v1::Config& config_;
  const DatasetShape& shape_;
  Model& model_;
  const std::vector<v1::TableSpec> tables_;
  ParameterClient& client_;
  Progress& progress_;
  BatchCache* const cache_;
  const Callbacks callbacks_;
  uint64_t clock_ = 0;
  // A step may be closed without this worker, which then goes on with a later one.
  const bool has_backups_;
  // Of tables whose mode keeps changes back; others have none.
  std::vector<std::optional<HeldChanges>> held_;
  const bool keeps_back_;
  // The step under way is the last one of its partition.
  bool partition_ended_ = false;
  // Of batches of which something may be kept back, an entry each.
  std::vector<std::shared_ptr<StepTracker::Pushed>> unfinished_;
  // Of the last step.
  StepOrigin origin_;
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
