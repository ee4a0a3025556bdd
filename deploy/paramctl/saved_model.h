#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/model_file/model_file.h"
#include "worker/data/batch.h"
#include "worker/eval/evaluator.h"
#include "worker/model/model.h"

namespace paramd {

// A saved model that can be used. Not thread-safe.
class SavedModel {
 public:
  // Errors name the file: those of ReadModelFile; INVALID_ARGUMENT: a type of model that is not
  // known, or tables that are not as the model needs them.
  static absl::StatusOr<std::unique_ptr<SavedModel>> Load(const std::string& path);
  // The same with what stands in `file`; `path`: for messages.
  static absl::StatusOr<std::unique_ptr<SavedModel>> Make(ModelFile file, const std::string& path);

  // Data files are read by these settings ("data.format=csv"), in this order, instead of those that
  // the file holds. INVALID_ARGUMENT: what is wrong with one, or that it is not of `data`.
  absl::Status SetData(const std::vector<std::string>& settings);

  const ModelFile& file() const { return file_; }
  Model& model() { return *model_; }

  // As Evaluate of worker/eval/evaluator.h. `labels`: of IDX data, a file for each of `files`.
  absl::StatusOr<Evaluated> Evaluate(absl::Span<const std::string> files,
                                     absl::Span<const std::string> labels,
                                     const ScoreSink& on_scores = nullptr);

 private:
  explicit SavedModel(ModelFile file) : file_(std::move(file)) {}

  ModelFile file_;
  DatasetShape shape_;
  std::unique_ptr<Model> model_;
};

// Names and values of the figures that the model has.
std::vector<std::pair<const char*, double>> Figures(const v1::Metrics& metrics);

// What was measured, for a person or as one JSON object in a line; examples of bad records go to
// stderr.
void PrintEvaluated(const Evaluated& result, bool json);

// What a command about models exits with after an error: 65 for files that are not what they should
// be, otherwise 1.
int ModelExitCode(const absl::Status& status);

}  // namespace paramd
