#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/common/config/config_errors.h"

namespace paramd {
namespace {

TEST_CASE("held-out files and a held-out fraction") {
  CHECK(ErrorsOfText("version: 1\nmodel: {type: linear_regression}\n"
                     "data: {train: [a], eval_every: 2, eval: [b], eval_fraction: 0.1}\n") ==
        "c.yaml:3:61: data.eval_fraction: data.eval says what is held out already; give one of the "
        "two");
  CHECK(ErrorsOfText("version: 1\nmodel: {type: linear_regression}\n"
                     "data: {train: [a], eval_every: 2, eval_fraction: 0.1}\n") == "");
}

TEST_CASE("who helps stragglers wants partitions") {
  const auto errors = [](const std::string& more) {
    return ErrorsOfText(
        "version: 1\nmodel: {type: linear_regression}\n"
        "training: {straggler: {backup: true}}\n" +
        more);
  };
  CHECK(errors("consistency: {mode: ssp}\ndata: {train: [a]}\n") == "");
  CHECK(errors("consistency: {mode: bsp}\ndata: {train: [a], assignment: ranges}\n") == "");
  CHECK(errors("consistency: {mode: ssp}\ndata: {train: [a], assignment: stripes}\n") ==
        "c.yaml:3:32: training.straggler.backup: wants data.assignment: ranges; with stripes every "
        "worker has one partition of its own");
}

TEST_CASE("rules of columns of CSV") {
  const auto errors = [](const std::string& data) {
    return ErrorsOfText("version: 1\nmodel: {type: linear_regression}\ndata: {train: [a], " + data +
                        "}\n");
  };
  CHECK(errors("format: csv, csv: {columns: [{name: city, kind: categorical}]}") ==
        "c.yaml:3:56: data.csv.columns.0.name: column \"city\" wants files with header: true");
  CHECK(errors("format: csv, csv: {columns: [{name: 1, kind: weight}, {name: 2, kind: weight}]}") ==
        "c.yaml:3:90: data.csv.columns.1.kind: there can only be one column of weights");
  CHECK(errors("format: csv, hash_bits: 3") ==
        "c.yaml:3:44: data.hash_bits: has no meaning without a categorical column in "
        "data.csv.columns");
  CHECK(errors("format: idx, idx: {train_labels: [x, y]}") ==
        "c.yaml:3:53: data.idx.train_labels: 2 files of labels for 1 in data.train; give one for "
        "each, in the same order");
  CHECK(errors("format: text, labels: [{name: x, label: 1}]") ==
        "c.yaml:3:50: data.labels.0.name: has no meaning for text, which has no labels");
}

TEST_CASE("labels that come twice") {
  CHECK(ErrorsOfText("version: 1\nmodel: {type: linear_regression}\n"
                     "data:\n"
                     "  train: [a]\n"
                     "  labels: [{name: x, label: 1}, {name: x, label: 2}]\n"
                     "  label_weights: [{label: 1, weight: 1}, {label: 1.0, weight: 2}]\n") ==
        "c.yaml:5:40: data.labels.1.name: a second label \"x\"\n"
        "c.yaml:6:50: data.label_weights.1.label: a second weight for label 1");
}

TEST_CASE("endpoints belong to etcd, and are addresses") {
  const auto errors = [](const std::string& store) {
    return ErrorsAfterGood("cluster: {coordinator: {store: {" + store + "}}}\n");
  };
  CHECK(errors("type: etcd, endpoints: [\"10.0.0.1:2379\", \"etcd-2:2379\"], prefix: /jobs/") ==
        "");
  CHECK(errors("type: etcd") == "c.yaml:8:32: cluster.coordinator.store.endpoints: is missing");
  CHECK(errors("type: etcd, endpoints: []") ==
        "c.yaml:8:56: cluster.coordinator.store.endpoints: length 0 is out of range, which is 1 to "
        "16");
  CHECK(errors("type: etcd, endpoints: [\"http://a:2379\"]") ==
        "c.yaml:8:57: cluster.coordinator.store.endpoints.0: wants host:port, not "
        "\"http://a:2379\"");
  CHECK(errors("endpoints: [\"a:2379\"]") ==
        "c.yaml:8:33: cluster.coordinator.store.endpoints: is a setting of etcd, not of file");
  CHECK(errors("type: etcd, endpoints: [\"a:2379\"], dir: state") ==
        "c.yaml:8:68: cluster.coordinator.store.dir: is a setting of file, not of etcd");
}

TEST_CASE("fewer workers at most than at first") {
  CHECK(ErrorsAfterGood("cluster: {workers: \"4:2\"}\n") ==
        "c.yaml:8:20: cluster.workers: starts with more workers (4) than it accepts (2)");
}

TEST_CASE("pulls cannot leave values out") {
  constexpr char kWants[] =
      ": wants f32, bf16, f16 or int8; top_k leaves values out, which only pushes can";
  CHECK(ErrorsAfterGood("transport: {pull: {values: top_k}}\n") ==
        absl::StrCat("c.yaml:8:28: transport.pull.values", kWants));
  CHECK(ErrorsAfterGood("tables:\n- name: w\n  transport:\n    pull: {values: top_k}\n") ==
        absl::StrCat("c.yaml:11:20: tables.0.transport.pull.values", kWants));
  CHECK(ErrorsOfOverride("transport.pull.values=top_k") ==
        absl::StrCat("--set transport.pull.values=top_k: transport.pull.values", kWants));
}

TEST_CASE("layers without units, or with too many") {
  CHECK(
      ErrorsOfText("version: 1\nmodel: {type: mlp, hidden: [8, 0, 65537]}\ndata: {train: [a]}\n") ==
      "c.yaml:2:32: model.hidden.1: 0 is out of range, which is 1 to 65536\n"
      "c.yaml:2:35: model.hidden.2: 65537 is out of range, which is 1 to 65536");
  CHECK(ErrorsOfText("version: 1\nmodel: {type: mlp, hidden: []}\ndata: {train: [a]}\n") ==
        "c.yaml:2:28: model.hidden: length 0 is out of range, which is 1 to 16");
}

TEST_CASE("a model that needs fields") {
  const std::string wants =
      "the model needs features with fields: libffm, criteo, or csv with categorical columns";
  CHECK(ErrorsOfText("version: 1\nmodel: {type: deep_fm}\ndata: {train: [a], format: libsvm}\n") ==
        absl::StrCat("c.yaml:3:28: data.format: ", wants));
  CHECK(ErrorsOfText("version: 1\nmodel: {type: wide_deep}\ndata: {train: [a]}\n") ==
        absl::StrCat("c.yaml:2:15: model.type: ", wants));
  CHECK(ErrorsOfText("version: 1\nmodel: {type: wide_deep}\ndata: {train: [a], format: csv}\n") ==
        absl::StrCat("c.yaml:3:28: data.format: ", wants));
}

TEST_CASE("words that are none") {
  CHECK(ErrorsOfText("version: 1\nmodel: {type: word2vec}\ndata: {train: [a], format: csv}\n") ==
        "c.yaml:3:28: data.format: word2vec needs words; wants text");
}

TEST_CASE("lease shorter than two intervals") {
  CHECK(ErrorsAfterGood("cluster: {heartbeat: {interval: 2s}}\n") ==
        "c.yaml:8:33: cluster.heartbeat.interval: a lease of 3s is less than twice the interval of "
        "2s");
  CHECK(ErrorsAfterGood("cluster: {heartbeat: {interval: 1s, lease: 2s}}\n") == "");
}

TEST_CASE("same table twice") {
  CHECK(ErrorsAfterGood("tables: [{name: w}, {name: w}]\n") ==
        "c.yaml:8:28: tables.1.name: a second table \"w\"");
}

TEST_CASE("address that is none") {
  CHECK(ErrorsAfterGood("cluster: {coordinator: {address: localhost}}\n") ==
        "c.yaml:8:34: cluster.coordinator.address: wants host:port, not \"localhost\"");
}

TEST_CASE("name of the cluster with other letters") {
  CHECK(ErrorsAfterGood("cluster: {name: a b}\n") ==
        "c.yaml:8:17: cluster.name: wants letters, digits, '-', '_' and '.' only");
}

TEST_CASE("evaluation without data to evaluate on") {
  CHECK(ErrorsOfText("version: 1\nmodel: {type: linear_regression}\n"
                     "data: {train: [a], eval_every: 2}\n") ==
        "c.yaml:3:32: data.eval_every: there is no data.eval to evaluate on");
}

TEST_CASE("backup workers that do not go with the cluster") {
  const std::string good = "consistency: {mode: bsp, backup_workers: 1}\n";
  CHECK(ErrorsAfterGood(good + "cluster: {workers: 3}\n") == "");
  CHECK(ErrorsAfterGood(good + "cluster: {workers: 3, servers: 2}\n") ==
        "c.yaml:8:42: consistency.backup_workers: wants cluster.servers: 1; several servers would "
        "not drop the same gradients");
  CHECK(ErrorsAfterGood(good) ==
        "c.yaml:8:42: consistency.backup_workers: leaves no worker of 1 that a step waits for");
  CHECK(ErrorsAfterGood(good + "cluster: {workers: 3}\n"
                               "tables: [{name: bias, consistency: {mode: asp}}]\n") ==
        "c.yaml:8:42: consistency.backup_workers: wants the same mode and backup_workers for every "
        "table");
}

TEST_CASE("feature_sum with averaged steps") {
  const std::string text = "version: 1\nmodel: {type: feature_sum}\ndata: {train: [a]}\n";
  CHECK(ErrorsOfText(text + "consistency: {mode: bsp}\n") ==
        "c.yaml:4:21: consistency.mode: feature_sum wants asp or ssp; bsp averages, and does not "
        "sum");
  CHECK(ErrorsOfText(text + "tables: [{name: w, consistency: {mode: bsp}}]\n") ==
        "c.yaml:4:40: tables.0.consistency.mode: feature_sum wants asp or ssp; bsp averages, and "
        "does not sum");
}

TEST_CASE("a delay that the optimizer cannot make up for") {
  constexpr char kWants[] =
      "delay.type: dc_asgd_c, dc_asgd_a and ada_delay are for sgd; other optimizers take "
      "scaled_rate";
  for (const char* type : {"dc_asgd_c", "dc_asgd_a", "ada_delay"}) {
    const std::string delay = absl::StrCat(", delay: {type: ", type, "}}\n");
    CHECK(ErrorsAfterGood("optimizer: {type: adam" + delay) ==
          absl::StrCat("c.yaml:8:39: optimizer.", kWants));
    CHECK(ErrorsAfterGood("tables:\n- name: w\n  optimizer: {type: ftrl" + delay) ==
          absl::StrCat("c.yaml:10:41: tables.0.optimizer.", kWants));
    CHECK(ErrorsAfterGood("optimizer: {type: sgd" + delay) == "");
  }
  CHECK(ErrorsAfterGood("optimizer: {type: adam, delay: {type: scaled_rate}}\n") == "");
}

TEST_CASE("a delay where there is none") {
  constexpr char kWants[] = "delay.type: wants none with bsp, whose gradients are never late";
  const std::string late = "optimizer: {type: sgd, delay: {type: dc_asgd_a}}\n";
  CHECK(ErrorsAfterGood("consistency: {mode: bsp}\n" + late) ==
        absl::StrCat("c.yaml:9:38: optimizer.", kWants));
  CHECK(ErrorsAfterGood(late + "tables: [{name: w, consistency: {mode: bsp}}]\n") ==
        absl::StrCat("c.yaml:8:38: optimizer.", kWants));
  CHECK(ErrorsAfterGood("consistency: {mode: bsp}\ntables:\n- name: w\n  " + late) ==
        absl::StrCat("c.yaml:11:40: tables.0.optimizer.", kWants));
  CHECK(ErrorsAfterGood("consistency: {mode: bsp}\ntables:\n- name: w\n"
                        "  consistency: {mode: asp}\n  " +
                        late) == "");
}

TEST_CASE("name of a label column without a header") {
  CHECK(ErrorsOfText("version: 1\nmodel: {type: linear_regression}\n"
                     "data: {train: [a], format: csv, csv: {label: clicked}}\n") ==
        "c.yaml:3:46: data.csv.label: column \"clicked\" wants files with header: true");
}

// What is wrong with training settings beside good ones; each is a line of the file.
std::string ErrorsOfTraining(const std::string& training, const std::string& data = "eval: [b]",
                             const std::string& model = "logistic_regression") {
  return ErrorsOfText(absl::StrCat("version: 1\nmodel: {type: ", model, "}\ndata: {train: [a], ",
                                   data, "}\ntraining: {", training, "}\n"));
}

TEST_CASE("training that is looked at wants held-out data") {
  for (const std::string setting : {"eval_examples: 10", "patience: 2", "keep_best: true"}) {
    CHECK(ErrorsOfTraining(setting, "epochs: 2").find("there is no data.eval to evaluate on") !=
          std::string::npos);
  }
  CHECK(ErrorsOfTraining("eval_examples: 10") == "");
}

TEST_CASE("evaluations that are compared come more than once and have the figure") {
  CHECK(ErrorsOfTraining("patience: 2") ==
        "c.yaml:4:22: training.patience: there is only the evaluation at the end; set "
        "data.eval_every or training.eval_examples");
  const std::string every = "eval: [b], eval_every: 1";
  CHECK(ErrorsOfTraining("patience: 2", every) == "");
  CHECK(ErrorsOfTraining("patience: 2, metric: rmse", every) ==
        "c.yaml:4:33: training.metric: the model has no rmse; it has logloss, auc, accuracy, loss");
  CHECK(ErrorsOfTraining("patience: 2", every, "linear_regression") ==
        "c.yaml:4:22: training.patience: the model has no logloss; it has rmse, loss");
  CHECK(ErrorsOfTraining("patience: 2, metric: auc", every, "softmax_regression") ==
        "c.yaml:4:33: training.metric: the model has no auc; it has logloss, accuracy, loss");
  CHECK(ErrorsOfTraining("patience: 2", every, "feature_sum").find("has no figure") !=
        std::string::npos);
  CHECK(ErrorsOfTraining("patience: 2, metric: loss", every, "kmeans") == "");
  // Nothing is compared.
  CHECK(ErrorsOfTraining("eval_examples: 10", every, "linear_regression") == "");
}

TEST_CASE("the best model is kept in output.model") {
  CHECK(ErrorsOfTraining("keep_best: true", "eval: [b], eval_every: 1") ==
        "c.yaml:4:23: training.keep_best: there is no output.model to keep it in");
}

TEST_CASE("with stripes nobody is free to evaluate") {
  CHECK(ErrorsOfTraining("eval_examples: 10", "eval: [b], assignment: stripes")
            .find("data.assignment: ranges") != std::string::npos);
}

TEST_CASE("columns are scaled where there are some") {
  const auto errors = [](const std::string& data) {
    return ErrorsOfText("version: 1\nmodel: {type: linear_regression}\ndata: {train: [a], " + data +
                        "}\n");
  };
  CHECK(errors("format: csv, scaling: standard, csv: {missing: mean}") == "");
  CHECK(errors("format: idx, idx: {train_labels: [b]}, scaling: min_max") == "");
  CHECK(errors("scaling: standard") ==
        "c.yaml:3:20: data.scaling: is a setting of csv and idx, not of libsvm");
}

}  // namespace
}  // namespace paramd
