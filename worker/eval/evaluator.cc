#include "worker/eval/evaluator.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "worker/data/batch_source.h"
#include "worker/data/open_batch_source.h"
#include "worker/eval/metrics.h"

namespace paramd {
namespace {

// The parameters of one model, pulled as batches need them.
class PulledTables {
 public:
  PulledTables(const Model& model, ParameterSource& source)
      : model_(model),
        tables_(model.Tables()),
        source_(source),
        values_(tables_.size()),
        spans_(tables_.size()) {}

  absl::Status PullDense() {
    for (size_t i = 0; i < tables_.size(); ++i) {
      if (tables_[i].kind() == v1::TableSpec::DENSE) RETURN_IF_ERROR(PullTable(i, {}));
    }
    return absl::OkStatus();
  }
  absl::Status PullSparse(const Batch& batch) {
    for (size_t i = 0; i < tables_.size(); ++i) {
      if (tables_[i].kind() != v1::TableSpec::SPARSE) continue;
      RETURN_IF_ERROR(PullTable(i, model_.Keys(batch, i)));
    }
    return absl::OkStatus();
  }

  absl::Span<const absl::Span<const float>> spans() const { return spans_; }

 private:
  absl::Status PullTable(size_t i, absl::Span<const uint64_t> keys) {
    RETURN_IF_ERROR(source_.Pull(static_cast<int>(i), keys, &values_[i]));
    const bool sparse = tables_[i].kind() == v1::TableSpec::SPARSE;
    const uint64_t rows = sparse ? keys.size() : tables_[i].rows();
    if (values_[i].size() != rows * tables_[i].dim()) {
      return absl::InternalError(absl::StrCat("table ", tables_[i].name(), ": pulled ",
                                              values_[i].size(), " values, expected ", rows,
                                              " rows of ", tables_[i].dim()));
    }
    spans_[i] = values_[i];
    return absl::OkStatus();
  }

  const Model& model_;
  const std::vector<v1::TableSpec> tables_;
  ParameterSource& source_;
  std::vector<std::vector<float>> values_;
  std::vector<absl::Span<const float>> spans_;
};

absl::Status CheckBadRecords(const v1::Data& data, const ReadStats& stats) {
  const uint64_t all = stats.records + stats.bad_records;
  const double allowed = data.on_bad_record().max_fraction() * static_cast<double>(all);
  if (static_cast<double>(stats.bad_records) <= allowed) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(stats.bad_records, " of ", all,
                                                 " records are bad, allowed are ", allowed,
                                                 "; the first: ", stats.bad_record_examples[0]));
}

void AddStats(const ReadStats& file, ReadStats* sum) {
  sum->records += file.records;
  sum->bad_records += file.bad_records;
  for (const std::string& example : file.bad_record_examples) {
    if (sum->bad_record_examples.size() < ReadStats::kMaxExamples) {
      sum->bad_record_examples.push_back(example);
    }
  }
}

absl::Status EvaluateFile(BatchSource& source, Model& model, PulledTables& tables,
                          const std::string& file, MetricsAccumulator* metrics,
                          const ScoreSink& on_scores) {
  Batch batch;
  std::vector<float> scores;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, source.Next(&batch));
    if (!more) return absl::OkStatus();
    if (const absl::Status status = model.CheckLabels(batch); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat(file, ": ", status.message()));
    }
    model.Prepare(&batch);
    RETURN_IF_ERROR(tables.PullSparse(batch));
    model.Predict(batch, tables.spans(), &scores);
    metrics->Add(batch.labels, scores);
    if (on_scores != nullptr) RETURN_IF_ERROR(on_scores(batch, scores));
  }
}

}  // namespace

absl::StatusOr<Evaluated> Evaluate(const v1::Data& data, const DatasetShape& shape,
                                   absl::Span<const std::string> files, Model& model,
                                   ParameterSource& parameters, int batch_rows, const Split& split,
                                   const ScoreSink& on_scores, BatchCache* cache) {
  PulledTables tables(model, parameters);
  RETURN_IF_ERROR(tables.PullDense());
  MetricsAccumulator metrics(model.task(), model.outputs());
  Evaluated result;
  for (const std::string& file : files) {
    v1::Partition whole;
    whole.set_file(file);
    ASSIGN_OR_RETURN(const std::unique_ptr<BatchSource> source,
                     OpenBatchSource({.data = data,
                                      .shape = shape,
                                      .partitions = {whole},
                                      .split = split,
                                      .batch_rows = batch_rows},
                                     cache));
    RETURN_IF_ERROR(EvaluateFile(*source, model, tables, file, &metrics, on_scores));
    AddStats(source->stats(), &result.read);
  }
  RETURN_IF_ERROR(CheckBadRecords(data, result.read));
  result.metrics = metrics.Finish();
  return result;
}

}  // namespace paramd
