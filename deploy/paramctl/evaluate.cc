#include "deploy/paramctl/evaluate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/exit_code.h"
#include "common/base/status_macros.h"
#include "common/config/data_kind.h"
#include "common/config/flags.h"
#include "common/math/initializer.h"
#include "common/model_file/model_file.h"
#include "worker/data/batch.h"
#include "worker/data/read_dataset_shape.h"
#include "worker/eval/evaluator.h"
#include "worker/model/create_model.h"
#include "worker/model/model.h"

namespace paramd {
namespace {

constexpr int kBatchRows = 1024;

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

// The tables of a saved model, in the order in which the model declares them.
class SavedParameters final : public ParameterSource {
 public:
  // INVALID_ARGUMENT: `file` does not have the tables that `model` needs. Borrows `file`.
  static absl::StatusOr<SavedParameters> Make(const ModelFile& file, const Model& model,
                                              const std::string& path) {
    SavedParameters parameters;
    for (const v1::TableSpec& spec : model.Tables()) {
      const auto table = std::find_if(file.tables.begin(), file.tables.end(),
                                      [&](const ModelTable& t) { return t.name == spec.name(); });
      const bool sparse = spec.kind() == v1::TableSpec::SPARSE;
      if (table == file.tables.end() || table->sparse != sparse || table->dim != spec.dim() ||
          (!sparse && table->rows() != spec.rows())) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": table \"", spec.name(), "\" is not as the model needs it"));
      }
      parameters.tables_.push_back(
          {.saved = &*table,
           .initializer = {.seed = file.model.seed(),
                           .table = Initializer::HashOfName(spec.name()),
                           .scale = static_cast<float>(spec.initial_scale())}});
    }
    return parameters;
  }

  absl::Status Pull(int table, absl::Span<const uint64_t> keys,
                    std::vector<float>* values) override {
    const ModelTable& saved = *tables_[table].saved;
    if (!saved.sparse) {
      *values = saved.values;
      return absl::OkStatus();
    }
    values->resize(keys.size() * saved.dim);
    auto place = saved.keys.begin();
    for (size_t i = 0; i < keys.size(); ++i) {
      const absl::Span<float> row = absl::MakeSpan(*values).subspan(i * saved.dim, saved.dim);
      place = std::lower_bound(place, saved.keys.end(), keys[i]);
      if (place == saved.keys.end() || *place != keys[i]) {
        tables_[table].initializer.Fill(keys[i], row);
        continue;
      }
      const auto begin = saved.values.begin() + (place - saved.keys.begin()) * saved.dim;
      std::copy(begin, begin + saved.dim, row.begin());
    }
    return absl::OkStatus();
  }

 private:
  struct Table {
    const ModelTable* saved;
    Initializer initializer;  // of keys without a row
  };

  std::vector<Table> tables_;
};

// How the files of `request` are read.
absl::StatusOr<v1::Data> DataOf(const ModelFile& file, const Request& request) {
  v1::Data data = file.data;
  const bool idx = data.format() == v1::Data::IDX;
  if (request.labels.size() != (idx ? request.data.size() : 0)) {
    return absl::InvalidArgumentError(
        idx ? "--labels wants one file for each of --data"
            : "--labels is for IDX data; the files of this model hold their labels");
  }
  for (const std::string& path : request.data) data.add_eval(path);
  for (const std::string& path : request.labels) data.mutable_idx()->add_eval_labels(path);
  return data;
}

// The fields of sparse CSV are the columns of the files, with keys that do not depend on them.
absl::StatusOr<DatasetShape> ShapeOf(const ModelFile& file, const Request& request) {
  if (file.data.format() == v1::Data::CSV && file.sparse) {
    v1::Data data = file.data;
    for (const std::string& path : request.data) data.add_train(path);
    return ReadDatasetShape(data);
  }
  return DatasetShape{.sparse = file.sparse, .columns = file.columns, .fields = file.fields};
}

absl::StatusOr<Evaluated> EvaluateSaved(const Request& request) {
  ASSIGN_OR_RETURN(const ModelFile file, ReadModelFile(request.model));
  ASSIGN_OR_RETURN(const DatasetShape shape, ShapeOf(file, request));
  absl::StatusOr<std::unique_ptr<Model>> model = CreateModel(file.model, shape);
  if (!model.ok()) {
    return absl::Status(model.status().code(),
                        absl::StrCat(request.model, ": ", model.status().message()));
  }
  ASSIGN_OR_RETURN(SavedParameters parameters, SavedParameters::Make(file, **model, request.model));
  ASSIGN_OR_RETURN(const v1::Data data, DataOf(file, request));
  return Evaluate(data, shape, request.data, **model, parameters, kBatchRows);
}

// Names and values of the figures that the model has.
std::vector<std::pair<const char*, double>> Figures(const v1::Metrics& metrics) {
  std::vector<std::pair<const char*, double>> figures = {{"auc", metrics.auc()},
                                                         {"logloss", metrics.logloss()},
                                                         {"accuracy", metrics.accuracy()},
                                                         {"rmse", metrics.rmse()},
                                                         {"loss", metrics.loss()}};
  std::erase_if(figures, [](const auto& figure) { return std::isnan(figure.second); });
  return figures;
}

void PrintJson(const Evaluated& result) {
  nlohmann::ordered_json json = {{"examples", result.metrics.examples()},
                                 {"bad_records", result.read.bad_records}};
  for (const auto& [name, value] : Figures(result.metrics)) json[name] = value;
  std::cout << json.dump() << std::endl;
}

void PrintText(const Evaluated& result) {
  std::cout << absl::StrFormat("examples     %d\n", result.metrics.examples());
  if (result.read.bad_records > 0) {
    std::cout << absl::StrFormat("bad records  %d (skipped)\n", result.read.bad_records);
    for (const std::string& example : result.read.bad_record_examples) {
      std::cerr << "  " << example << "\n";
    }
  }
  for (const auto& [name, value] : Figures(result.metrics)) {
    std::cout << absl::StrFormat("%-12s %.6f\n", name, value);
  }
  std::cout << std::flush;
}

bool IsBadData(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsDataLoss(status);
}

}  // namespace

int RunEvaluate(absl::Span<const std::string> args) {
  Request request;
  if (const std::optional<int> exit_code = ParseRequest(args, request)) return *exit_code;
  const absl::StatusOr<Evaluated> result = EvaluateSaved(request);
  if (!result.ok()) {
    std::cerr << "paramctl evaluate: " << result.status().message() << "\n";
    return IsBadData(result.status()) ? kExitBadData : kExitFailure;
  }
  request.output == "json" ? PrintJson(*result) : PrintText(*result);
  return kExitDone;
}

}  // namespace paramd
