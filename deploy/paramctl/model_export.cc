#include "deploy/paramctl/model_export.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/flags.h"
#include "common/model_file/model_file.h"
#include "deploy/paramctl/liblinear_writer.h"
#include "deploy/paramctl/npz_writer.h"
#include "deploy/paramctl/prune.h"
#include "deploy/paramctl/saved_model.h"

namespace paramd {
namespace {

struct Request {
  std::string model;
  std::string format = "safetensors";
  std::string output;
  std::string quantize = "none";
  double prune = 0;
  std::string negative_label = "0";
  std::vector<std::string> data;
  std::vector<std::string> labels;
};

// Sets `request`; what to exit with when there is nothing to do.
std::optional<int> ParseRequest(absl::Span<const std::string> args, Request& request) {
  Flags flags("paramctl model export",
              "writes a saved model for other programs, or smaller, and prints what that costs.");
  flags.String("model", "FILE", "the saved model", request.model);
  flags.Choice("format", {"safetensors", "npz", "liblinear"},
               "what to write: a saved model again, NumPy's archive, or LIBLINEAR's text",
               request.format);
  flags.String("output,o", "FILE", "file to write", request.output);
  flags.Choice("quantize", {"none", "int8", "bf16"},
               "safetensors: values as integers with a scale for each row, or in 16 bits",
               request.quantize);
  flags.Number("prune", "part of the values of each table that is set to zero, the smallest first",
               0.0, 1.0, request.prune);
  flags.Choice("negative_label", {"0", "-1"}, "liblinear: the label that the data have beside 1",
               request.negative_label);
  flags.Repeated("data", "FILE", "data to measure the model on, before and after", request.data);
  flags.Repeated("labels", "FILE", "IDX data: the labels, one file for each of --data",
                 request.labels);
  if (const std::optional<int> exit_code = flags.ParseOrExitCode(args)) return exit_code;
  std::string wrong;
  if (request.model.empty()) wrong = "--model is missing";
  if (request.output.empty()) wrong = "--output is missing";
  if (request.quantize != "none" && request.format != "safetensors") {
    wrong = "--quantize wants --format safetensors";
  }
  if (wrong.empty()) return std::nullopt;
  std::cerr << "paramctl model export: " << wrong << "\n" << flags.Usage() << "\n";
  return kExitUsage;
}

// A table of one row, such as a bias, stays as it is.
void PruneTables(double fraction, const Model& model, ModelFile* file) {
  for (const v1::TableSpec& spec : model.Tables()) {
    const auto table = std::find_if(file->tables.begin(), file->tables.end(),
                                    [&](const ModelTable& t) { return t.name == spec.name(); });
    if (!table->sparse && table->rows() == 1) continue;
    // A row that is not there has its initial values, which may be others than zero.
    Prune(fraction, /*drop_empty_rows=*/spec.initial_scale() == 0, &*table);
  }
}

absl::Status Write(const Request& request, const ModelFile& file) {
  if (request.format == "npz") return WriteNpz(request.output, file);
  if (request.format == "liblinear") {
    return WriteLiblinear(request.output, file, request.negative_label);
  }
  const ValueEncoding encoding = request.quantize == "int8"   ? ValueEncoding::kInt8
                                 : request.quantize == "bf16" ? ValueEncoding::kBf16
                                                              : ValueEncoding::kF32;
  return WriteModelFile(request.output, file, encoding);
}

absl::Status PrintFigures(const Request& request, SavedModel& before, SavedModel& after) {
  if (request.data.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Evaluated old_result, before.Evaluate(request.data, request.labels));
  ASSIGN_OR_RETURN(const Evaluated new_result, after.Evaluate(request.data, request.labels));
  const auto old_figures = Figures(old_result.metrics);
  const auto new_figures = Figures(new_result.metrics);
  // The same model has the same figures, unless a score is not a number any more.
  for (size_t i = 0; i < std::min(old_figures.size(), new_figures.size()); ++i) {
    std::cout << absl::StrFormat("%-12s %.6f before, %.6f after\n", old_figures[i].first,
                                 old_figures[i].second, new_figures[i].second);
  }
  return absl::OkStatus();
}

absl::Status Export(const Request& request) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SavedModel> before, SavedModel::Load(request.model));
  ModelFile file = before->file();
  if (request.prune > 0) PruneTables(request.prune, before->model(), &file);
  ASSIGN_OR_RETURN(const uint64_t old_size, FileSize(request.model));
  RETURN_IF_ERROR(Write(request, file));
  ASSIGN_OR_RETURN(const uint64_t new_size, FileSize(request.output));
  std::cout << absl::StrFormat("%-12s %d bytes before, %d bytes after\n", "size", old_size,
                               new_size);
  // What was written, as far as it is read here.
  ASSIGN_OR_RETURN(const std::unique_ptr<SavedModel> after,
                   request.format == "safetensors"
                       ? SavedModel::Load(request.output)
                       : SavedModel::Make(std::move(file), request.model));
  return PrintFigures(request, *before, *after);
}

}  // namespace

int RunModelExport(absl::Span<const std::string> args) {
  Request request;
  if (const std::optional<int> exit_code = ParseRequest(args, request)) return *exit_code;
  const absl::Status status = Export(request);
  std::cout << std::flush;
  if (status.ok()) return kExitDone;
  std::cerr << "paramctl model export: " << status.message() << "\n";
  return ModelExitCode(status);
}

}  // namespace paramd
