#include "tests/bench/local_training.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "common/math/blas.h"
#include "common/wire/array_floats.h"
#include "server/coordinator/partitions.h"
#include "server/coordinator/table_policies.h"
#include "server/table/rows.h"
#include "server/table/sequence_marks.h"
#include "server/table/shard.h"
#include "server/table/table.h"
#include "tests/bench/report.h"
#include "worker/data/batch.h"
#include "worker/data/read_dataset_shape.h"
#include "worker/eval/evaluator.h"
#include "worker/model/create_model.h"
#include "worker/model/model.h"
#include "worker/trainer/batch_pipeline.h"

namespace paramd {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "local training: %s\n", what.c_str());
  std::_Exit(1);
}

template <typename T>
T Value(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  Fail(result.status().ToString());
}

// A table of one shard, with the rows and gradients of the current batch.
class LocalTable {
 public:
  explicit LocalTable(const v1::TableSpec& spec)
      : table_(Value(Table::Create(spec, {true}, nullptr))) {}

  absl::Status Pull(absl::Span<const uint64_t> keys) {
    const v1::TableSpec& spec = table_->spec();
    rows_ = table_->sparse() ? RowSet{.count = keys.size(), .keys = keys}
                             : RowSet{.count = spec.rows()};
    hashes_.resize(keys.size());
    RETURN_IF_ERROR(shard().CheckRows(&rows_, hashes_.data()));
    parameters_.resize(rows_.count * spec.dim());
    gradients_.resize(parameters_.size());
    ArraySink sink(parameters_.data());
    shard().Pull(rows_, sink);
    return absl::OkStatus();
  }

  // Of the keys that were pulled.
  void Push(uint64_t examples) {
    ArraySource source(gradients_.data());
    shard().Push({.client = 1, .incarnation = 1, .sequence = ++sequence_}, rows_, source,
                 {.examples = examples});
  }

  bool sparse() const { return table_->sparse(); }
  absl::Span<const float> parameters() const { return parameters_; }
  absl::Span<float> gradients() { return absl::MakeSpan(gradients_); }

 private:
  Shard& shard() { return *table_->shard(0); }

  const std::shared_ptr<const Table> table_;
  RowSet rows_;
  std::vector<uint64_t> hashes_;
  std::vector<float> parameters_;
  std::vector<float> gradients_;
  uint64_t sequence_ = 0;
};

class LocalTrainer final : public ParameterSource {
 public:
  LocalTrainer(const v1::Config& config, const DatasetShape& shape, Model& model)
      : config_(config), shape_(shape), model_(model) {
    v1::TableDeclaration declared;
    for (v1::TableSpec& spec : model.Tables()) *declared.add_tables() = std::move(spec);
    for (const v1::TableSpec& spec : Value(WithPolicies(declared, config))) {
      tables_.push_back(std::make_unique<LocalTable>(spec));
    }
    parameters_.resize(tables_.size());
    gradients_.resize(tables_.size());
  }

  // The number of examples.
  absl::StatusOr<uint64_t> Train() {
    ASSIGN_OR_RETURN(std::vector<v1::WorkGrant> work, Work());
    size_t granted = 1;
    const auto take = [&]() -> std::optional<v1::WorkGrant> {
      if (granted == work.size()) return std::nullopt;
      return work[granted++];
    };
    BatchPipeline pipeline(config_.data(), shape_, config_.worker().prefetch_batches(),
                           work.front(), {.request = [] {}, .take = take});
    uint64_t examples = 0;
    while (true) {
      ASSIGN_OR_RETURN(std::optional<BatchPipeline::Item> item, pipeline.Pop());
      if (!item.has_value()) return examples;
      if (item->batch == nullptr) continue;
      RETURN_IF_ERROR(Step(*item->batch));
      examples += item->batch->rows();
      pipeline.Recycle(std::move(item->batch));
    }
  }

  absl::Status Pull(int table, absl::Span<const uint64_t> keys,
                    std::vector<float>* values) override {
    LocalTable& local = *tables_[static_cast<size_t>(table)];
    RETURN_IF_ERROR(local.Pull(keys));
    values->assign(local.parameters().begin(), local.parameters().end());
    return absl::OkStatus();
  }

 private:
  // Every partition of every epoch, cut as the coordinator cuts them.
  absl::StatusOr<std::vector<v1::WorkGrant>> Work() const {
    ASSIGN_OR_RETURN(const std::vector<v1::Partition> partitions,
                     CutTrainingFiles(config_.data(), 1));
    std::vector<v1::WorkGrant> work;
    for (uint32_t epoch = 1; epoch <= config_.data().epochs(); ++epoch) {
      for (const v1::Partition& partition : partitions) {
        v1::WorkGrant& grant = work.emplace_back();
        grant.set_lease(work.size());
        grant.set_epoch(epoch);
        *grant.add_partitions() = partition;
      }
    }
    if (work.empty()) return absl::InvalidArgumentError("no data");
    return work;
  }

  absl::Status Step(const Batch& batch) {
    RETURN_IF_ERROR(model_.CheckLabels(batch));
    for (size_t i = 0; i < tables_.size(); ++i) {
      LocalTable& table = *tables_[i];
      const absl::Span<const uint64_t> no_keys;
      RETURN_IF_ERROR(
          table.Pull(table.sparse() ? absl::MakeConstSpan(batch.unique_keys) : no_keys));
      parameters_[i] = table.parameters();
      gradients_[i] = table.gradients();
    }
    model_.Gradients(batch, parameters_, gradients_);
    for (const auto& table : tables_) table->Push(batch.rows());
    return absl::OkStatus();
  }

  const v1::Config& config_;
  const DatasetShape& shape_;
  Model& model_;
  std::vector<std::unique_ptr<LocalTable>> tables_;
  std::vector<absl::Span<const float>> parameters_;
  std::vector<absl::Span<float>> gradients_;
};

LocalTraining Train(const v1::Config& config) {
  SetBlasThreads(static_cast<int>(config.worker().compute_threads()));
  const DatasetShape shape = Value(ReadDatasetShape(config.data()));
  const std::unique_ptr<Model> model = Value(CreateModel(config.model(), shape));
  LocalTraining result;
  std::optional<LocalTrainer> trainer;
  result.seconds = Seconds([&] {
    trainer.emplace(config, shape, *model);
    result.examples = Value(trainer->Train());
  });
  if (config.data().eval().empty()) return result;
  const std::vector<std::string> files(config.data().eval().begin(), config.data().eval().end());
  result.metrics = Value(Evaluate(config.data(), shape, files, *model, *trainer,
                                  static_cast<int>(config.data().batch_size())))
                       .metrics;
  return result;
}

}  // namespace

LocalTraining TrainLocally(const v1::Config& config) {
  int ends[2];
  if (pipe(ends) != 0) Fail("no pipe");
  const pid_t child = fork();
  if (child < 0) Fail("cannot fork");
  if (child == 0) {
    const LocalTraining trained = Train(config);
    const std::string metrics = trained.metrics.SerializeAsString();
    FILE* const out = fdopen(ends[1], "w");
    std::fwrite(&trained.seconds, sizeof(trained.seconds), 1, out);
    std::fwrite(&trained.examples, sizeof(trained.examples), 1, out);
    std::fwrite(metrics.data(), 1, metrics.size(), out);
    std::fclose(out);
    std::_Exit(0);
  }
  close(ends[1]);
  LocalTraining result;
  FILE* const in = fdopen(ends[0], "r");
  const bool whole = std::fread(&result.seconds, sizeof(result.seconds), 1, in) == 1 &&
                     std::fread(&result.examples, sizeof(result.examples), 1, in) == 1;
  char metrics[256];
  const size_t size = std::fread(metrics, 1, sizeof(metrics), in);
  std::fclose(in);
  waitpid(child, nullptr, 0);
  if (!whole || !result.metrics.ParseFromArray(metrics, static_cast<int>(size))) Fail("no result");
  return result;
}

}  // namespace paramd
