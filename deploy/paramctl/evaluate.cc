#include "deploy/paramctl/evaluate.h"

#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
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
  std::string output = "text";
};

// Sets `request`; what to exit with when there is nothing to do.
std::optional<int> ParseRequest(absl::Span<const std::string> args, Request& request) {
  Flags flags("paramctl evaluate",
              "measures a saved model on data files, which are read as the training files were.");
  flags.String("model", "FILE", "the saved model", request.model);
  flags.Repeated("data", "FILE", "data to measure it on; may be given several times", request.data);
  flags.Repeated("labels", "FILE", "IDX data: the labels, one file for each of --data",
                 request.labels);
  flags.Choice("output,o", {"text", "json"}, "how the result is printed", request.output);
  if (const std::optional<int> exit_code = flags.ParseOrExitCode(args)) return exit_code;
  if (!request.model.empty() && !request.data.empty()) return std::nullopt;
  std::cerr << "paramctl evaluate: " << (request.model.empty() ? "--model" : "--data")
            << " is missing\n"
            << flags.Usage() << "\n";
  return kExitUsage;
}

absl::StatusOr<Evaluated> EvaluateSaved(const Request& request) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SavedModel> model, SavedModel::Load(request.model));
  return model->Evaluate(request.data, request.labels);
}

}  // namespace

int RunEvaluate(absl::Span<const std::string> args) {
  Request request;
  if (const std::optional<int> exit_code = ParseRequest(args, request)) return *exit_code;
  const absl::StatusOr<Evaluated> result = EvaluateSaved(request);
  if (!result.ok()) {
    std::cerr << "paramctl evaluate: " << result.status().message() << "\n";
    return ModelExitCode(result.status());
  }
  PrintEvaluated(*result, request.output == "json");
  return kExitDone;
}

}  // namespace paramd
