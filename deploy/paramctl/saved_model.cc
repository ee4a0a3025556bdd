#include "deploy/paramctl/saved_model.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/exit_code.h"
#include "common/base/status_macros.h"
#include "common/config/config.h"
#include "common/config/data_kind.h"
#include "common/config/render.h"
#include "common/math/initializer.h"
#include "common/model_file/table_specs.h"
#include "worker/data/read_dataset_shape.h"
#include "worker/model/create_model.h"

namespace paramd {
namespace {

constexpr int kBatchRows = 1024;

// The tables of a saved model, in the order in which the model declares them.
class SavedParameters final : public ParameterSource {
 public:
  // Borrows `file`, which has the tables of `model`.
  SavedParameters(const ModelFile& file, const Model& model) {
    for (const v1::TableSpec& spec : model.Tables()) {
      const auto saved = std::find_if(file.tables.begin(), file.tables.end(),
                                      [&](const ModelTable& t) { return t.name == spec.name(); });
      tables_.push_back({.saved = &*saved,
                         .initializer = {.seed = file.model.seed(),
                                         .table = Initializer::HashOfName(spec.name()),
                                         .scale = static_cast<float>(spec.initial_scale())}});
    }
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
      const auto row = values->begin() + static_cast<ptrdiff_t>(i * saved.dim);
      place = std::lower_bound(place, saved.keys.end(), keys[i]);
      if (place != saved.keys.end() && *place == keys[i]) {
        std::copy_n(saved.values.begin() + (place - saved.keys.begin()) * saved.dim, saved.dim,
                    row);
      } else {
        tables_[table].initializer.Fill(keys[i], absl::MakeSpan(&*row, saved.dim));
      }
    }
    return absl::OkStatus();
  }

 private:
  struct Table {
    const ModelTable* saved;
    Initializer initializer;  // of the rows that are not there
  };
  std::vector<Table> tables_;
};

// A configuration whose `data` are `data`, with every default filled in.
absl::StatusOr<LoadedConfig> ConfigWith(const v1::Data& data) {
  ASSIGN_OR_RETURN(LoadedConfig base, LoadConfig({.text = "version: 1\n"
                                                          "model: {type: logistic_regression}\n"
                                                          "data: {train: [none]}\n"}));
  base.config.mutable_data()->MergeFrom(data);
  return base;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SavedModel>> SavedModel::Load(const std::string& path) {
  ASSIGN_OR_RETURN(ModelFile file, ReadModelFile(path));
  return Make(std::move(file), path);
}

absl::StatusOr<std::unique_ptr<SavedModel>> SavedModel::Make(ModelFile file,
                                                             const std::string& path) {
  auto saved = absl::WrapUnique(new SavedModel(std::move(file)));
  saved->shape_ = {.sparse = saved->file_.sparse,
                   .columns = saved->file_.columns,
                   .fields = saved->file_.fields,
                   .scales = saved->file_.scales};
  absl::StatusOr<std::unique_ptr<Model>> model = CreateModel(saved->file_.model, saved->shape_);
  if (!model.ok()) {
    return absl::Status(model.status().code(), absl::StrCat(path, ": ", model.status().message()));
  }
  saved->model_ = *std::move(model);
  RETURN_IF_ERROR(CheckTables(TableSpecs(saved->file_), saved->model_->Tables(), path));
  return saved;
}

absl::Status SavedModel::SetData(const std::vector<std::string>& settings) {
  for (const std::string& setting : settings) {
    if (absl::StartsWith(setting, "data.")) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--set ", setting, ": a saved model only takes settings of data, such as data.format=csv"));
  }
  for (const std::string& setting : settings) {
    if (!absl::StartsWith(setting, "data.scaling=")) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--set ", setting,
                     ": the columns are scaled as they were for training, and not otherwise"));
  }
  if (settings.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const LoadedConfig base, ConfigWith(file_.data));
  ASSIGN_OR_RETURN(const LoadedConfig changed,
                   LoadConfig({.text = RenderConfig(base), .overrides = settings}));
  if (changed.config.data().csv().missing() == v1::Csv::MEAN && shape_.scales.empty()) {
    return absl::InvalidArgumentError(
        "data.csv.missing: mean wants a model that was trained so; this one has no means");
  }
  file_.data = changed.config.data();
  return absl::OkStatus();
}

absl::StatusOr<Evaluated> SavedModel::Evaluate(absl::Span<const std::string> files,
                                               absl::Span<const std::string> labels,
                                               const ScoreSink& on_scores) {
  v1::Data data = file_.data;
  const bool idx = data.format() == v1::Data::IDX;
  if (labels.size() != (idx ? files.size() : 0)) {
    return absl::InvalidArgumentError(
        idx ? "--labels wants one file for each of --data"
            : "--labels is for IDX data; the files of this model hold their labels");
  }
  for (const std::string& path : files) data.add_eval(path);
  for (const std::string& path : labels) data.mutable_idx()->add_eval_labels(path);
  DatasetShape shape = shape_;
  // The fields of sparse CSV are the columns of the files, with keys that do not depend on them.
  if (data.format() == v1::Data::CSV && IsSparse(data)) {
    v1::Data as_train = data;
    *as_train.mutable_train() = data.eval();
    ASSIGN_OR_RETURN(shape, ReadDatasetShape(as_train));
    shape.scales = shape_.scales;
  }
  SavedParameters parameters(file_, *model_);
  return paramd::Evaluate(data, shape, files, *model_, parameters, kBatchRows, {}, on_scores);
}

std::vector<std::pair<const char*, double>> Figures(const v1::Metrics& metrics) {
  std::vector<std::pair<const char*, double>> figures = {{"auc", metrics.auc()},
                                                         {"logloss", metrics.logloss()},
                                                         {"accuracy", metrics.accuracy()},
                                                         {"rmse", metrics.rmse()},
                                                         {"loss", metrics.loss()}};
  std::erase_if(figures, [](const auto& figure) { return std::isnan(figure.second); });
  return figures;
}

void PrintEvaluated(const Evaluated& result, bool json) {
  if (json) {
    nlohmann::ordered_json object = {{"examples", result.metrics.examples()},
                                     {"bad_records", result.read.bad_records}};
    for (const auto& [name, value] : Figures(result.metrics)) object[name] = value;
    std::cout << object.dump() << std::endl;
    return;
  }
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

int ModelExitCode(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsDataLoss(status) ? kExitBadData : kExitFailure;
}

}  // namespace paramd
