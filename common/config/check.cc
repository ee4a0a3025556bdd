#include "common/config/check.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/data_kind.h"
#include "common/config/duration.h"
#include "common/config/uses_stripes.h"
#include "common/config/value.h"

namespace paramd {
namespace {

// Units of a hidden layer.
constexpr uint32_t kMaxUnits = 65536;

bool NeedsFields(v1::Model::Type type) {
  return type == v1::Model::FIELD_AWARE_FM || type == v1::Model::WIDE_DEEP ||
         type == v1::Model::DEEP_FM;
}

// Whether files of this kind have features in fields.
bool HasFields(const v1::Data& data) {
  const auto& columns = data.csv().columns();
  return data.format() == v1::Data::LIBFFM || data.format() == v1::Data::CRITEO ||
         std::any_of(columns.begin(), columns.end(), [](const v1::CsvColumn& column) {
           return column.kind() == v1::CsvColumn::CATEGORICAL;
         });
}

const char* MetricName(v1::Training::Metric metric) {
  switch (metric) {
    case v1::Training::AUC:
      return "auc";
    case v1::Training::ACCURACY:
      return "accuracy";
    case v1::Training::RMSE:
      return "rmse";
    case v1::Training::LOSS:
      return "loss";
    default:
      return "logloss";
  }
}

std::vector<const char*> Metrics(v1::Model::Objective objective) {
  switch (objective) {
    case v1::Model::BINARY:
      return {"logloss", "auc", "accuracy", "loss"};
    case v1::Model::MULTICLASS:
      return {"logloss", "accuracy", "loss"};
    case v1::Model::REGRESSION:
      return {"rmse", "loss"};
    default:
      return {"loss"};
  }
}

// The figures that evaluations of a model have.
std::vector<const char*> Metrics(const v1::Model& model) {
  switch (model.type()) {
    case v1::Model::FEATURE_SUM:
      return {};
    case v1::Model::LOGISTIC_REGRESSION:
      return Metrics(v1::Model::BINARY);
    case v1::Model::SOFTMAX_REGRESSION:
      return Metrics(v1::Model::MULTICLASS);
    case v1::Model::LINEAR_REGRESSION:
    case v1::Model::MATRIX_FACTORIZATION:
      return Metrics(v1::Model::REGRESSION);
    default:
      // Unset for models that have no objective.
      return Metrics(model.objective());
  }
}

class Checker {
 public:
  Checker(const v1::Config& config, const Origins& origins, ConfigErrors& errors)
      : config_(config), origins_(origins), errors_(errors) {}

  void Cluster() {
    const v1::Cluster& cluster = config_.cluster();
    const bool plain = std::all_of(cluster.name().begin(), cluster.name().end(), [](char c) {
      return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
    });
    if (!plain) Fail({"cluster.name"}, "wants letters, digits, '-', '_' and '.' only");
    if (!IsHostPort(cluster.coordinator().address())) {
      Fail({"cluster.coordinator.address"},
           absl::StrCat("wants host:port, not \"", cluster.coordinator().address(), "\""));
    }
    const v1::Store& store = cluster.coordinator().store();
    for (int i = 0; i < store.endpoints_size(); ++i) {
      if (IsHostPort(store.endpoints(i))) continue;
      Fail({absl::StrCat("cluster.coordinator.store.endpoints.", i)},
           absl::StrCat("wants host:port, not \"", store.endpoints(i), "\""));
    }
    const absl::Duration interval = ToDuration(cluster.heartbeat().interval());
    const absl::Duration lease = ToDuration(cluster.heartbeat().lease());
    if (lease < 2 * interval) {
      Fail({"cluster.heartbeat.lease", "cluster.heartbeat.interval"},
           absl::StrCat("a lease of ", SpellDuration(lease), " is less than twice the interval of ",
                        SpellDuration(interval)));
    }
  }

  void Replication() {
    const v1::Sharding& sharding = config_.sharding();
    if (sharding.replication() > 1 && config_.cluster().servers() < 2) {
      Fail({"sharding.replication", "cluster.servers"},
           "wants cluster.servers: 2 or more, for the two copies of a shard are on different ones");
    }
    if (config_.training().straggler().backup() && UsesStripes(config_)) {
      Fail({"training.straggler.backup", "data.assignment"},
           "wants data.assignment: ranges; with stripes every worker has one partition of its own");
    }
  }

  void Tables() {
    std::set<std::string> names;
    for (int i = 0; i < config_.tables_size(); ++i) {
      const v1::Table& table = config_.tables(i);
      const std::string path = absl::StrCat("tables.", i, ".");
      if (!names.insert(table.name()).second) {
        Fail({path + "name"}, absl::StrCat("a second table \"", table.name(), "\""));
      }
      if (table.has_consistency()) FeatureSum(table.consistency(), path + "consistency.mode");
      if (table.has_optimizer()) DelayOfOptimizer(table.optimizer(), path + "optimizer.");
      if (table.has_optimizer() || table.has_consistency()) {
        DelayOfSteps(table.has_optimizer() ? table.optimizer() : config_.optimizer(),
                     table.has_optimizer() ? path + "optimizer." : "optimizer.",
                     table.has_consistency() ? table.consistency() : config_.consistency(),
                     table.has_consistency() ? path + "consistency." : "consistency.");
      }
      if (table.transport().has_pull())
        Pull(table.transport().pull(), path + "transport.pull.values");
    }
    FeatureSum(config_.consistency(), "consistency.mode");
    DelayOfOptimizer(config_.optimizer(), "optimizer.");
    DelayOfSteps(config_.optimizer(), "optimizer.", config_.consistency(), "consistency.");
    BackupWorkers(config_.consistency(), "consistency.");
    StalenessLimits(config_.consistency(), "consistency.");
    for (int i = 0; i < config_.tables_size(); ++i) {
      if (!config_.tables(i).has_consistency()) continue;
      const std::string path = absl::StrCat("tables.", i, ".consistency.");
      BackupWorkers(config_.tables(i).consistency(), path);
      StalenessLimits(config_.tables(i).consistency(), path);
    }
  }

  void Transport() { Pull(config_.transport().pull(), "transport.pull.values"); }

  void Model() {
    const v1::Model& model = config_.model();
    for (int i = 0; i < model.hidden_size(); ++i) {
      if (model.hidden(i) >= 1 && model.hidden(i) <= kMaxUnits) continue;
      Fail({absl::StrCat("model.hidden.", i)},
           absl::StrCat(model.hidden(i), " is out of range, which is 1 to ", kMaxUnits));
    }
    if (model.objective() == v1::Model::MULTICLASS && model.type() != v1::Model::MLP) {
      Fail({"model.objective", "model.type"},
           "wants binary or regression; multiclass is for mlp only");
    }
    if (model.type() == v1::Model::WORD2VEC && config_.data().format() != v1::Data::TEXT) {
      Fail({"data.format", "model.type"}, "word2vec needs words; wants text");
    }
    if (NeedsFields(model.type()) && !HasFields(config_.data())) {
      Fail({"data.format", "model.type"},
           "the model needs features with fields: libffm, criteo, or csv with categorical columns");
    }
    if (model.type() != v1::Model::KMEANS) return;
    if (config_.has_optimizer()) Adds("optimizer.type");
    for (int i = 0; i < config_.tables_size(); ++i) {
      if (config_.tables(i).has_optimizer()) Adds(absl::StrCat("tables.", i, ".optimizer.type"));
    }
  }

  void Data() {
    const v1::Data& data = config_.data();
    if (data.eval_fraction() > 0 && data.eval_size() > 0) {
      Fail({"data.eval_fraction", "data.eval"},
           "data.eval says what is held out already; give one of the two");
    }
    if (data.eval_every() > 0 && data.eval_size() == 0 && data.eval_fraction() == 0) {
      Fail({"data.eval_every", "data.eval"}, "there is no data.eval to evaluate on");
    }
    DistinctLabels(data);
    if (data.format() == v1::Data::IDX) {
      LabelFiles(data.idx().train_labels_size(), data.train_size(), "train");
      LabelFiles(data.idx().eval_labels_size(), data.eval_size(), "eval");
    }
    if (data.format() == v1::Data::TEXT) {
      const std::string kNone = "has no meaning for text, which has no labels";
      if (data.labels_size() > 0) Fail({"data.labels.0.name"}, kNone);
      if (data.label_weights_size() > 0) Fail({"data.label_weights.0.label"}, kNone);
    }
    if (data.format() == v1::Data::CSV) CsvColumns(data);
  }

  void Training() {
    const v1::Training& training = config_.training();
    if (training.eval_examples() > 0) {
      WantsEvaluation("training.eval_examples");
      if (UsesStripes(config_)) {
        Fail({"training.eval_examples", "data.assignment"},
             "with stripes (the default under bsp) no worker is free before the end of an epoch; "
             "use data.eval_every, or data.assignment: ranges");
      }
    }
    if (training.patience() > 0) WantsComparison("training.patience");
    if (!training.keep_best()) return;
    WantsComparison("training.keep_best");
    if (config_.output().model().empty()) {
      Fail({"training.keep_best", "output.model"}, "there is no output.model to keep it in");
    }
  }

 private:
  void DelayOfOptimizer(const v1::Optimizer& optimizer, const std::string& path) {
    const v1::DelayCompensation::Type delay = optimizer.delay().type();
    if (delay <= v1::DelayCompensation::NONE || delay == v1::DelayCompensation::SCALED_RATE ||
        optimizer.type() == v1::Optimizer::SGD) {
      return;
    }
    Fail({path + "delay.type", path + "type"},
         "dc_asgd_c, dc_asgd_a and ada_delay are for sgd; other optimizers take scaled_rate");
  }

  void StalenessLimits(const v1::Consistency& consistency, const std::string& path) {
    if (consistency.staleness_min() <= consistency.staleness_max()) return;
    Fail({path + "staleness_min", path + "staleness_max"},
         absl::StrCat("is above staleness_max, which is ", consistency.staleness_max()));
  }

  void DelayOfSteps(const v1::Optimizer& optimizer, const std::string& optimizer_path,
                    const v1::Consistency& consistency, const std::string& consistency_path) {
    if (optimizer.delay().type() > v1::DelayCompensation::NONE &&
        consistency.mode() == v1::Consistency::BSP) {
      Fail({optimizer_path + "delay.type", consistency_path + "mode"},
           "wants none with bsp, whose gradients are never late");
    }
  }

  void CsvColumns(const v1::Data& data) {
    const v1::Csv& csv = data.csv();
    const auto want_header = [&](const std::string& path, const std::string& name) {
      if (csv.header() || ParseCount(name).ok()) return;
      Fail({path, "data.csv.header"},
           absl::StrCat("column \"", name, "\" wants files with header: true"));
    };
    want_header("data.csv.label", csv.label());
    int weights = 0;
    for (int i = 0; i < csv.columns_size(); ++i) {
      const std::string path = absl::StrCat("data.csv.columns.", i);
      want_header(path + ".name", csv.columns(i).name());
      weights += csv.columns(i).kind() == v1::CsvColumn::WEIGHT;
      if (weights > 1) Fail({path + ".kind"}, "there can only be one column of weights");
    }
    if (data.hash_bits() > 0 && !IsSparse(data)) {
      Fail({"data.hash_bits"}, "has no meaning without a categorical column in data.csv.columns");
    }
  }

  void LabelFiles(int labels, int files, const std::string& use) {
    if (labels == files) return;
    Fail({absl::StrCat("data.idx.", use, "_labels"), absl::StrCat("data.", use)},
         absl::StrCat(labels, " files of labels for ", files, " in data.", use,
                      "; give one for each, in the same order"));
  }

  void DistinctLabels(const v1::Data& data) {
    std::set<std::string> names;
    for (int i = 0; i < data.labels_size(); ++i) {
      if (names.insert(data.labels(i).name()).second) continue;
      Fail({absl::StrCat("data.labels.", i, ".name")},
           absl::StrCat("a second label \"", data.labels(i).name(), "\""));
    }
    std::set<double> weighted;
    for (int i = 0; i < data.label_weights_size(); ++i) {
      if (weighted.insert(data.label_weights(i).label()).second) continue;
      Fail({absl::StrCat("data.label_weights.", i, ".label")},
           absl::StrCat("a second weight for label ", data.label_weights(i).label()));
    }
  }

  void Adds(const std::string& path) {
    Fail({path, "model.type"}, "kmeans only adds up and has no use for an optimizer; leave it out");
  }

  // Reports a setting that needs held-out data. Whether there are some.
  bool WantsEvaluation(const std::string& path) {
    const v1::Data& data = config_.data();
    if (data.eval_size() > 0 || data.eval_fraction() > 0) return true;
    Fail({path, "data.eval"}, "there is no data.eval to evaluate on");
    return false;
  }

  // Reports a setting that needs evaluations that can be compared.
  void WantsComparison(const std::string& path) {
    if (!WantsEvaluation(path)) return;
    if (config_.data().eval_every() == 0 && config_.training().eval_examples() == 0) {
      Fail({path, "data.eval_every", "training.eval_examples"},
           "there is only the evaluation at the end; set data.eval_every or "
           "training.eval_examples");
    }
    const std::vector<const char*> metrics = Metrics(config_.model());
    const char* const metric = MetricName(config_.training().metric());
    if (std::find(metrics.begin(), metrics.end(), absl::string_view(metric)) != metrics.end()) {
      return;
    }
    Fail(
        {"training.metric", path, "model.type"},
        metrics.empty()
            ? absl::StrCat("the model has no figure that evaluations (", path, ") are compared by")
            : absl::StrCat("the model has no ", metric, "; it has ", absl::StrJoin(metrics, ", ")));
  }

  void FeatureSum(const v1::Consistency& consistency, const std::string& path) {
    if (config_.model().type() == v1::Model::FEATURE_SUM &&
        consistency.mode() == v1::Consistency::BSP) {
      Fail({path, "model.type"}, "feature_sum wants asp or ssp; bsp averages, and does not sum");
    }
  }

  // Which gradients a step leaves out has to be the same for all shards of all tables, so one
  // server decides it, and all tables go by the same steps.
  void BackupWorkers(const v1::Consistency& consistency, const std::string& prefix) {
    if (consistency.backup_workers() == 0) return;
    const std::string path = prefix + "backup_workers";
    if (config_.cluster().servers() > 1) {
      Fail({path, "cluster.servers"},
           "wants cluster.servers: 1; several servers would not drop the same gradients");
    }
    if (consistency.backup_workers() >= config_.cluster().workers().max()) {
      Fail({path, "cluster.workers"},
           absl::StrCat("leaves no worker of ", config_.cluster().workers().max(),
                        " that a step waits for"));
    }
    const auto same = [&](const v1::Consistency& other) {
      return other.mode() == consistency.mode() &&
             other.backup_workers() == consistency.backup_workers();
    };
    const bool all_same =
        same(config_.consistency()) &&
        std::all_of(config_.tables().begin(), config_.tables().end(), [&](const v1::Table& table) {
          return !table.has_consistency() || same(table.consistency());
        });
    if (!all_same) {
      Fail({path}, "wants the same mode and backup_workers for every table");
    }
  }

  void Pull(const v1::PullValues& pull, const std::string& path) {
    if (pull.values() == v1::Codec::TOP_K) {
      Fail({path}, "wants f32, bf16, f16 or int8; top_k leaves values out, which only pushes can");
    }
  }

  // Reports a rule between `paths` at the first that somebody gave.
  void Fail(std::initializer_list<std::string> paths, absl::string_view message) {
    const std::string* given = nullptr;
    for (const std::string& path : paths) {
      const auto origin = origins_.find(path);
      if (origin == origins_.end()) return;
      if (given == nullptr && origin->second.kind != Origin::kDefault) given = &path;
    }
    if (given == nullptr) given = paths.begin();
    errors_.Add(origins_.at(*given), *given, message);
  }

  const v1::Config& config_;
  const Origins& origins_;
  ConfigErrors& errors_;
};

}  // namespace

void CheckConfig(const v1::Config& config, const Origins& origins, ConfigErrors& errors) {
  Checker checker(config, origins, errors);
  checker.Cluster();
  checker.Replication();
  checker.Tables();
  checker.Transport();
  checker.Model();
  checker.Data();
  checker.Training();
}

}  // namespace paramd
