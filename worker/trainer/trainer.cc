#include "worker/trainer/trainer.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/buffer.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "worker/data/split.h"
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

bool HasBackups(const v1::ShardMap& map) {
  return std::any_of(map.tables().begin(), map.tables().end(), [](const v1::TablePlacement& table) {
    return table.spec().consistency().backup_workers() > 0;
  });
}

std::vector<std::optional<HeldChanges>> MakeHeld(const v1::ShardMap& map) {
  std::vector<std::optional<HeldChanges>> held(map.tables_size());
  for (int i = 0; i < map.tables_size(); ++i) {
    if (HeldChanges::IsFor(map.tables(i).spec())) held[i].emplace(map.tables(i).spec());
  }
  return held;
}

}  // namespace

// Calls are answered by other threads; the step is kept until they all are.
class Trainer::Step {
 public:
  explicit Step(size_t tables) : plans_(tables), rows_(tables), wanted_(tables), pulled_(tables) {}

  void Begin(BatchPipeline::Item item) {
    batch_ = std::move(item.batch);
    number_ = item.number;
    origin_ = item.origin;
    rows_clock_ = UINT64_MAX;
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
    for (Buffer& rows : pulled_) rows = Buffer();
    return std::move(batch_);
  }

  const Batch& batch() const { return *batch_; }
  // Of the batch in its partition.
  uint64_t number() const { return number_; }
  const StepOrigin& origin() const { return origin_; }
  // Smallest clock that a pull was answered with.
  std::atomic<uint64_t>& rows_clock() { return rows_clock_; }
  // Tables that keep changes back: what is pulled for them, and where to.
  HeldChanges::Wanted& wanted(size_t table) { return wanted_[table]; }
  const HeldChanges::Wanted& wanted(size_t table) const { return wanted_[table]; }
  Buffer& pulled(size_t table) { return pulled_[table]; }
  absl::Span<const float> pulled_rows(size_t table) const {
    return absl::MakeConstSpan(pulled_[table].floats(), pulled_[table].size() / sizeof(float));
  }
  const std::shared_ptr<const RowPlan>& plan(size_t table) const { return plans_[table]; }
  // float32[plan.rows][dim].
  absl::Span<float> rows(size_t table) const {
    return absl::MakeSpan(rows_[table].floats(), rows_[table].size() / sizeof(float));
  }

 private:
  std::unique_ptr<Batch> batch_;
  uint64_t number_ = 0;
  StepOrigin origin_;
  std::vector<std::shared_ptr<const RowPlan>> plans_;
  std::vector<Buffer> rows_;
  std::vector<HeldChanges::Wanted> wanted_;
  std::vector<Buffer> pulled_;
  std::atomic<uint64_t> rows_clock_{UINT64_MAX};
  mutable Mutex mutex_;
  size_t left_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

Trainer::Trainer(const v1::Config& config, const DatasetShape& shape, Model& model,
                 ParameterClient& client, Progress& progress, BatchCache* cache,
                 Callbacks callbacks)
    : config_(config),
      shape_(shape),
      model_(model),
      tables_(model.Tables()),
      client_(client),
      progress_(progress),
      cache_(cache),
      callbacks_(std::move(callbacks)),
      has_backups_(HasBackups(client.shard_map())),
      held_(MakeHeld(client.shard_map())),
      keeps_back_(std::any_of(held_.begin(), held_.end(),
                              [](const auto& held) { return held.has_value(); })),
      order_(DenseFirst(tables_)),
      parameters_(tables_.size()),
      gradients_(tables_.size()),
      pushes_(tables_.size()) {}

absl::Status Trainer::Train(const v1::WorkGrant& first) {
  tracker_ = std::make_shared<StepTracker>(callbacks_.on_partition_done);
  progress_.SetPositions(
      [tracker = tracker_](v1::WorkerReport* report) { tracker->AddPositions(report); });
  {
    // Reads while the clocks are joined.
    BatchPipeline pipeline(config_.data(), shape_, config_.worker().prefetch_batches(), first,
                           callbacks_.partitions, SplitOf(config_, Split::kTraining), cache_);
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
  ASSIGN_OR_RETURN(std::shared_ptr<Step> next, NextStep(pipeline, false));
  while (next != nullptr) {
    const std::shared_ptr<Step> step = std::move(next);
    if (MayPullAhead()) {
      ASSIGN_OR_RETURN(next, NextStep(pipeline, true));
    }
    RETURN_IF_ERROR(Compute(*step));
    pipeline.Recycle(step->End());
    steps_.push_back(step);
    progress_.SetClock(++clock_);
    if (std::exchange(partition_ended_, false)) RETURN_IF_ERROR(PushAllHeld());
    if (next == nullptr) {
      ASSIGN_OR_RETURN(next, NextStep(pipeline, false));
    }
  }
  return absl::OkStatus();
}

bool Trainer::MayPullAhead() const {
  // With backups the rows of the next step are those after this one's push, taken or dropped.
  if (has_backups_) return false;
  return std::all_of(held_.begin(), held_.end(),
                     [](const auto& held) { return !held.has_value() || held->MayPullAhead(); });
}

absl::StatusOr<std::shared_ptr<Trainer::Step>> Trainer::NextStep(BatchPipeline& pipeline,
                                                                 bool ahead) {
  while (true) {
    ASSIGN_OR_RETURN(std::optional<BatchPipeline::Item> item,
                     ahead ? pipeline.TryPop() : pipeline.Pop());
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
      if (!keeps_back_) continue;
      if (ahead) {
        // Its last step is still under way.
        partition_ended_ = true;
        return nullptr;
      }
      RETURN_IF_ERROR(PushAllHeld());
      continue;
    }
    if (const absl::Status status = model_.CheckLabels(*item->batch); !status.ok()) {
      return absl::DataLossError(status.message());
    }
    model_.Prepare(item->batch.get());
    tracker_->Read(item->lease);
    return BeginStep(*std::move(item), clock_ + (ahead ? 1 : 0));
  }
}

absl::StatusOr<std::shared_ptr<Trainer::Step>> Trainer::BeginStep(BatchPipeline::Item item,
                                                                  uint64_t clock) {
  std::shared_ptr<Step> step;
  if (steps_.empty()) {
    step = std::make_shared<Step>(tables_.size());
  } else {
    step = std::move(steps_.back());
    steps_.pop_back();
  }
  step->Begin(std::move(item));
  client_.Hold();
  for (const size_t table : order_) Pull(table, clock, step);
  client_.Flush();
  return step;
}

absl::Span<const uint64_t> Trainer::KeysOf(const Step& step, size_t table) const {
  if (tables_[table].kind() != v1::TableSpec::SPARSE) return {};
  return model_.Keys(step.batch(), table);
}

void Trainer::Pull(size_t table, uint64_t clock, const std::shared_ptr<Step>& step) {
  const v1::TableSpec& spec = tables_[table];
  const auto values = [&](absl::Span<const uint64_t> keys) {
    return (spec.kind() == v1::TableSpec::SPARSE ? keys.size() : spec.rows()) * spec.dim();
  };
  absl::Span<const uint64_t> keys = KeysOf(*step, table);
  step->SetRows(table, values(keys));
  absl::Span<float> rows = step->rows(table);
  if (held_[table].has_value()) {
    HeldChanges::Wanted& wanted = step->wanted(table);
    wanted = held_[table]->Want(keys);
    if (!wanted.any) return step->Answered(absl::OkStatus());
    keys = wanted.keys;
    step->pulled(table) = Buffer(values(keys) * sizeof(float));
    rows = absl::MakeSpan(step->pulled(table).floats(), values(keys));
  }
  step->SetPlan(table, client_.PlanAndPull(
                           static_cast<uint32_t>(table), keys, clock, rows,
                           [step](const absl::Status& status) { step->Answered(status); },
                           &step->rows_clock()));
}

absl::Status Trainer::Compute(Step& step) {
  client_.Wait([&step] { return step.IsComplete(); });
  RETURN_IF_ERROR(step.status());
  if (has_backups_) clock_ = std::max(clock_, step.rows_clock().load());
  const Batch& batch = step.batch();
  for (size_t i = 0; i < order_.size(); ++i) {
    const size_t table = order_[i];
    const absl::Span<float> rows = step.rows(table);
    if (held_[table].has_value()) {
      held_[table]->Fill(KeysOf(step, table), step.wanted(table), step.pulled_rows(table), rows);
    }
    pushes_[i] = {.plan = step.plan(table), .values = Buffer(rows.size() * sizeof(float))};
    parameters_[table] = rows;
    gradients_[table] = absl::MakeSpan(pushes_[i].values.floats(), rows.size());
  }
  const double loss_sum = model_.Gradients(batch, parameters_, gradients_);
  // Here, for no server sees all of a gradient.
  for (const size_t table : order_) {
    const v1::TablePlacement& placement = client_.shard_map().tables(static_cast<int>(table));
    const v1::Optimizer& optimizer = placement.spec().optimizer();
    if (optimizer.has_clip_norm()) ClipNorm(optimizer.clip_norm(), gradients_[table]);
  }
  for (size_t i = 0; i < order_.size(); ++i) HoldBack(i, step);
  RETURN_IF_ERROR(WaitForRoom());
  origin_ = step.origin();
  PushStep(batch.rows(), origin_, WhenAnswered(step, loss_sum));
  progress_.Add(batch.rows(), loss_sum);
  return absl::OkStatus();
}

absl::Status Trainer::WaitForRoom() {
  const size_t window = config_.transport().pushes_in_flight() - 1;
  client_.Wait([this, window] { return tracker_->MayGoOn(window); });
  return tracker_->status();
}

void Trainer::PushStep(uint64_t examples, const StepOrigin& origin, ParameterClient::Done done) {
  // Tables of which nothing is pushed are left out.
  const auto end = std::stable_partition(pushes_.begin(), pushes_.end(),
                                         [](const auto& push) { return push.plan != nullptr; });
  client_.PushStep(clock_, examples, absl::MakeConstSpan(pushes_.data(), end - pushes_.begin()),
                   std::move(done), origin);
  for (ParameterClient::TableGradients& push : pushes_) push = {};
}

// ---- changes that are kept back

void Trainer::HoldBack(size_t i, const Step& step) {
  const size_t table = order_[i];
  if (!held_[table].has_value()) return;
  held_[table]->Add(KeysOf(step, table), gradients_[table]);
  SetPush(i, held_[table]->Take(false));
}

void Trainer::SetPush(size_t i, const HeldChanges::Rows& rows) {
  pushes_[i] = {};
  if (!rows.any) return;
  pushes_[i].plan = client_.Plan(static_cast<uint32_t>(order_[i]), rows.keys);
  pushes_[i].values = Buffer(rows.gradients.size() * sizeof(float));
  std::copy(rows.gradients.begin(), rows.gradients.end(), pushes_[i].values.floats());
}

bool Trainer::HoldsAnything() const {
  return std::any_of(held_.begin(), held_.end(),
                     [](const auto& held) { return held.has_value() && !held->empty(); });
}

ParameterClient::Done Trainer::WhenAnswered(const Step& step, double loss_sum) {
  std::shared_ptr<StepTracker::Pushed> batch =
      tracker_->Push(step.batch().source_lease, step.number(), clock_, loss_sum);
  if (unfinished_.empty() && !HoldsAnything()) {
    return [batch = std::move(batch)](const absl::Status& status) { batch->Answered(status); };
  }
  unfinished_.push_back(std::move(batch));
  if (HoldsAnything()) {
    return [tracker = tracker_](const absl::Status& status) { tracker->Answered(status); };
  }
  return FinishAll();
}

ParameterClient::Done Trainer::FinishAll() {
  return
      [tracker = tracker_, batches = std::exchange(unfinished_, {})](const absl::Status& status) {
        for (const auto& batch : batches) batch->Finished(status);
        tracker->Answered(status);
      };
}

absl::Status Trainer::PushAllHeld() {
  if (!HoldsAnything()) return absl::OkStatus();
  RETURN_IF_ERROR(WaitForRoom());
  for (size_t i = 0; i < order_.size(); ++i) {
    if (held_[order_[i]].has_value()) SetPush(i, held_[order_[i]]->Take(true));
  }
  tracker_->Push();
  // The step after the partition's last one; so it was before the job was restored.
  StepOrigin origin = origin_;
  ++origin.clock;
  PushStep(0, origin, FinishAll());
  progress_.SetClock(++clock_);
  return absl::OkStatus();
}

}  // namespace paramd
