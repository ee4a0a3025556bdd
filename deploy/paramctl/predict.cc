#include "deploy/paramctl/predict.h"

#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/atomic_file_writer.h"
#include "common/base/exit_code.h"
#include "common/base/status_macros.h"
#include "common/config/flags.h"
#include "deploy/paramctl/saved_model.h"

namespace paramd {
namespace {

struct Request {
  std::string model;
  std::vector<std::string> data;
  std::vector<std::string> labels;
  std::vector<std::string> set;
  std::string output;
};

// Sets `request`; what to exit with when there is nothing to do.
std::optional<int> ParseRequest(absl::Span<const std::string> args, Request& request) {
  Flags flags("paramctl predict",
              "writes the scores of a saved model for every good record of data files, in order.");
  flags.String("model", "FILE", "the saved model", request.model);
  flags.Repeated("data", "FILE", "data to score; may be given several times", request.data);
  flags.Repeated("labels", "FILE", "IDX data: the labels, one file for each of --data",
                 request.labels);
  flags.Repeated("set", "PATH=VALUE",
                 "how the data are read (data.format=csv), instead of as the training files were",
                 request.set);
  flags.String("output,o", "FILE", "CSV to write: the label, then the score, or one for each class",
               request.output);
  if (const std::optional<int> exit_code = flags.ParseOrExitCode(args)) return exit_code;
  const char* const missing = request.model.empty()    ? "--model"
                              : request.data.empty()   ? "--data"
                              : request.output.empty() ? "--output"
                                                       : nullptr;
  if (missing == nullptr) return std::nullopt;
  std::cerr << "paramctl predict: " << missing << " is missing\n" << flags.Usage() << "\n";
  return kExitUsage;
}

// Lines of `label,score` or `label,score_0,score_1,...`.
class PredictionFile {
 public:
  PredictionFile(AtomicFileWriter& writer, int outputs)
      : writer_(writer), outputs_(static_cast<size_t>(outputs)) {}

  absl::Status WriteHeader() {
    std::string line = "label";
    for (size_t i = 0; i < outputs_; ++i) {
      absl::StrAppend(&line, ",score", outputs_ > 1 ? absl::StrCat("_", i) : "");
    }
    return writer_.Append(line + "\n");
  }

  // scores: float32[labels.size()][outputs]
  absl::Status Write(absl::Span<const float> labels, absl::Span<const float> scores) {
    std::string lines;
    for (size_t row = 0; row < labels.size(); ++row) {
      absl::StrAppendFormat(&lines, "%.9g", labels[row]);
      for (const float score : scores.subspan(row * outputs_, outputs_)) {
        absl::StrAppendFormat(&lines, ",%.9g", score);
      }
      lines.push_back('\n');
    }
    return writer_.Append(lines);
  }

 private:
  AtomicFileWriter& writer_;
  const size_t outputs_;
};

absl::StatusOr<Evaluated> Predict(const Request& request, SavedModel& model) {
  ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFileWriter> writer,
                   AtomicFileWriter::Create(request.output));
  PredictionFile file(*writer, model.model().outputs());
  RETURN_IF_ERROR(file.WriteHeader());
  ASSIGN_OR_RETURN(const Evaluated result,
                   model.Evaluate(request.data, request.labels,
                                  [&](const Batch& batch, absl::Span<const float> scores) {
                                    return file.Write(batch.labels, scores);
                                  }));
  RETURN_IF_ERROR(writer->Commit());
  return result;
}

}  // namespace

int RunPredict(absl::Span<const std::string> args) {
  Request request;
  if (const std::optional<int> exit_code = ParseRequest(args, request)) return *exit_code;
  const auto fail = [](const absl::Status& status, int exit_code) {
    std::cerr << "paramctl predict: " << status.message() << "\n";
    return exit_code;
  };
  const absl::StatusOr<std::unique_ptr<SavedModel>> model = SavedModel::Load(request.model);
  if (!model.ok()) return fail(model.status(), ModelExitCode(model.status()));
  if (const absl::Status status = (*model)->SetData(request.set); !status.ok()) {
    return fail(status, kExitBadConfig);
  }
  const absl::StatusOr<Evaluated> result = Predict(request, **model);
  if (!result.ok()) return fail(result.status(), ModelExitCode(result.status()));
  PrintEvaluated(*result, /*json=*/false);
  return kExitDone;
}

}  // namespace paramd
