#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/common/config/config_errors.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

TEST_CASE("unknown key") {
  CHECK(ErrorsAfterGood("cluster: {serverz: 2}\n") ==
        "c.yaml:8:11: cluster.serverz: unknown key; did you mean \"servers\"?");
  CHECK(ErrorsAfterGood("bananas: 1\n") == "c.yaml:8:1: bananas: unknown key");
}

TEST_CASE("duplicate key") {
  CHECK(ErrorsAfterGood("cluster:\n  servers: 1\n  servers: 2\n") ==
        "c.yaml:10:3: cluster.servers: given twice; first in line 9");
}

TEST_CASE("duplicate key of the root") {
  CHECK(ErrorsAfterGood("version: 1\n") == "c.yaml:8:1: version: given twice; first in line 1");
}

TEST_CASE("missing keys, at the mapping that lacks them") {
  CHECK(ErrorsOfText("version: 1\nmodel:\n  seed: 1\n") ==
        "c.yaml:1:1: data.train: is missing\n"
        "c.yaml:3:3: model.type: is missing");
}

TEST_CASE("missing name of a table") {
  CHECK(ErrorsAfterGood("tables:\n- optimizer: {type: sgd}\n") ==
        "c.yaml:9:3: tables.0.name: is missing");
}

TEST_CASE("key without a value") {
  CHECK(ErrorsAfterGood("cluster:\nsharding:\n  shards_per_table:\n") ==
        "c.yaml:8:1: cluster: has no value\n"
        "c.yaml:10:3: sharding.shards_per_table: has no value");
}

TEST_CASE("wrong shape") {
  CHECK(ErrorsAfterGood("cluster: [1]\nsharding: 3\noutput: {model: [x]}\n") ==
        "c.yaml:8:10: cluster: wants a mapping, not a list\n"
        "c.yaml:9:11: sharding: wants a mapping, not a single value\n"
        "c.yaml:10:17: output.model: wants a single value, not a list");
  CHECK(ErrorsOfText("version: 1\nmodel: {type: softmax_regression}\ndata: {train: a}\n") ==
        "c.yaml:3:15: data.train: wants a list, not a single value");
  CHECK(ErrorsOfText("just words\n") == "c.yaml:1:1: wants a mapping, not a single value");
}

TEST_CASE("wrong type of a whole number") {
  CHECK(ErrorsAfterGood("cluster: {servers: two}\n") ==
        "c.yaml:8:20: cluster.servers: wants a whole number, not \"two\"");
  CHECK(ErrorsAfterGood("cluster: {servers: 2.5}\n") ==
        "c.yaml:8:20: cluster.servers: wants a whole number, not \"2.5\"");
  CHECK(ErrorsAfterGood("cluster: {servers: 0x10}\n") ==
        "c.yaml:8:20: cluster.servers: wants a whole number, not \"0x10\"");
  CHECK(ErrorsAfterGood("cluster: {servers: -1}\n") ==
        "c.yaml:8:20: cluster.servers: wants a whole number, not \"-1\"");
  CHECK(ErrorsAfterGood("cluster: {servers: \"2\"}\n") ==
        "c.yaml:8:20: cluster.servers: wants no quotes around \"2\"");
}

TEST_CASE("wrong type of a number") {
  CHECK(ErrorsAfterGood("optimizer: {alpha: fast}\n") ==
        "c.yaml:8:20: optimizer.alpha: wants a number, not \"fast\"");
}

TEST_CASE("NaN and infinity") {
  CHECK(ErrorsAfterGood("optimizer: {alpha: .nan, beta: inf, l1: 1e999}\n") ==
        "c.yaml:8:20: optimizer.alpha: wants a number, not \".nan\"\n"
        "c.yaml:8:32: optimizer.beta: wants a number, not \"inf\"\n"
        "c.yaml:8:41: optimizer.l1: 1e999 is too large");
}

TEST_CASE("wrong type of a switch") {
  CHECK(ErrorsOfText("version: 1\nmodel: {type: linear_regression}\n"
                     "data: {train: [a], shuffle: yes}\n") ==
        "c.yaml:3:29: data.shuffle: wants true or false, not \"yes\"");
}

TEST_CASE("wrong time") {
  CHECK(ErrorsAfterGood("cluster: {linger: 5, heartbeat: {interval: 1.5s}}\n") ==
        "c.yaml:8:19: cluster.linger: wants a time such as 500ms, 3s, 2m or 1h, not \"5\"\n"
        "c.yaml:8:44: cluster.heartbeat.interval: wants a time such as 500ms, 3s, 2m or 1h, not "
        "\"1.5s\"");
}

TEST_CASE("wrong size") {
  CHECK(ErrorsAfterGood("transport: {max_message: 16MB}\n") ==
        "c.yaml:8:26: transport.max_message: wants a size such as 512B, 64KiB, 16MiB or 1GiB, not "
        "\"16MB\"");
}

TEST_CASE("wrong worker count") {
  CHECK(ErrorsAfterGood("cluster: {workers: many}\n") ==
        "c.yaml:8:20: cluster.workers: wants a count such as 2, or \"2:16\", not \"many\"");
}

TEST_CASE("unknown name of a choice") {
  CHECK(ErrorsAfterGood("consistency: {mode: sspp}\n") ==
        "c.yaml:8:21: consistency.mode: wants asp or ssp or bsp or local or value_bound, not "
        "\"sspp\"; did you mean "
        "\"ssp\"?");
  CHECK(ErrorsAfterGood("optimizer: {type: TYPE_UNSPECIFIED}\n") ==
        "c.yaml:8:19: optimizer.type: wants sgd or adagrad or ftrl or momentum or nesterov or "
        "rmsprop or adadelta or adam or adamw, not \"TYPE_UNSPECIFIED\"");
}

TEST_CASE("unknown codec") {
  CHECK(ErrorsAfterGood("transport: {push: {values: bf61}, pull: {values: f64}, keys: delta}\n") ==
        "c.yaml:8:28: transport.push.values: wants f32 or bf16 or f16 or int8 or top_k, not "
        "\"bf61\"; did you mean \"bf16\"?\n"
        "c.yaml:8:50: transport.pull.values: wants f32 or bf16 or f16 or int8 or top_k, not "
        "\"f64\"\n"
        "c.yaml:8:62: transport.keys: wants raw or packed or cached, not \"delta\"");
}

TEST_CASE("a fraction of what is not cut down") {
  CHECK(ErrorsAfterGood("transport: {push: {values: bf16, fraction: 0.5}}\n") ==
        "c.yaml:8:34: transport.push.fraction: is a setting of top_k, not of bf16");
  CHECK(ErrorsAfterGood("transport: {push: {values: top_k, fraction: 0}}\n") ==
        "c.yaml:8:45: transport.push.fraction: 0 is out of range, which is 1e-6 to 1");
}

TEST_CASE("out of range") {
  CHECK(ErrorsAfterGood("cluster: {servers: 0}\n") ==
        "c.yaml:8:20: cluster.servers: 0 is out of range, which is 1 to 1024");
  CHECK(ErrorsAfterGood("cluster: {servers: 99999999999999999999}\n") ==
        "c.yaml:8:20: cluster.servers: 99999999999999999999 is too large");
  CHECK(ErrorsAfterGood("cluster: {workers: \"2:9999\"}\n") ==
        "c.yaml:8:20: cluster.workers: 2:9999 is out of range, which is 1 to 4096");
  CHECK(ErrorsAfterGood("optimizer: {alpha: 0}\n") ==
        "c.yaml:8:20: optimizer.alpha: 0 is out of range, which is 1e-9 to 1e6");
  CHECK(ErrorsAfterGood("cluster: {linger: 25h}\n") ==
        "c.yaml:8:19: cluster.linger: 25h is out of range, which is 0s to 24h");
  CHECK(ErrorsAfterGood("transport: {max_message: 2GiB}\n") ==
        "c.yaml:8:26: transport.max_message: 2GiB is out of range, which is 64KiB to 1GiB");
  CHECK(ErrorsOfText("version: 2\nmodel: {type: linear_regression}\ndata: {train: [a]}\n") ==
        "c.yaml:1:10: version: 2 is out of range, which is 1 to 1");
}

TEST_CASE("wrong length") {
  CHECK(ErrorsAfterGood("cluster: {name: \"\"}\n") ==
        "c.yaml:8:17: cluster.name: length 0 is out of range, which is 1 to 64");
  CHECK(ErrorsOfText("version: 1\nmodel: {type: linear_regression}\ndata: {train: []}\n") ==
        "c.yaml:3:15: data.train: length 0 is out of range, which is 1 to 100000");
}

TEST_CASE("classes of a model that has none") {
  CHECK(ErrorsOfText("version: 1\nmodel: {type: deep_fm, objective: multiclass}\n"
                     "data: {train: [a], format: criteo}\n")
            .find("c.yaml:2:35: model.objective: wants binary or regression; multiclass is for mlp "
                  "only") != std::string::npos);
}

TEST_CASE("setting of another type") {
  CHECK(ErrorsAfterGood("optimizer: {type: sgd, alpha: 0.1}\n") ==
        "c.yaml:8:24: optimizer.alpha: is a setting of ftrl, not of sgd");
  CHECK(ErrorsAfterGood("optimizer: {learning_rate: 0.1}\n") ==
        "c.yaml:8:13: optimizer.learning_rate: is a setting of sgd and adagrad and momentum and "
        "nesterov and rmsprop and adadelta and adam and adamw, not of ftrl");
  CHECK(ErrorsAfterGood("consistency: {mode: bsp, staleness: 4}\n") ==
        "c.yaml:8:26: consistency.staleness: is a setting of ssp, not of bsp");
  CHECK(ErrorsOfText("version: 1\nmodel: {type: logistic_regression, classes: 3}\n"
                     "data: {train: [a], csv: {header: true}}\n") ==
        "c.yaml:2:36: model.classes: is a setting of softmax_regression and mlp, not of "
        "logistic_regression\n"
        "c.yaml:3:20: data.csv: is a setting of csv, not of libsvm");
}

TEST_CASE("merge key") {
  CHECK(ErrorsAfterGood("cluster:\n  <<: {servers: 2}\n") ==
        "c.yaml:9:3: cluster.<<: merge keys are not supported");
}

TEST_CASE("key that is not a word") {
  CHECK(ErrorsAfterGood("? [a, b]\n: 1\n") == "c.yaml:8:3: a key must be one word");
}

TEST_CASE("tag") {
  CHECK(ErrorsAfterGood("cluster: {servers: !!int 2}\n") ==
        "c.yaml:8:20: cluster.servers: tags are not supported");
}

TEST_CASE("tab") {
  CHECK(ErrorsAfterGood("cluster:\n\tservers: 0\n") ==
        "c.yaml:9:1: tab; use spaces, or \"\\t\" in double quotes\n"
        "c.yaml:9:11: cluster.servers: 0 is out of range, which is 1 to 1024");
}

TEST_CASE("control character, behind which yaml-cpp would see nothing") {
  CHECK(ErrorsAfterGood("\x04\nbananas: 1\n") == "c.yaml:8:1: control character 0x04");
  CHECK(ErrorsAfterGood(std::string("cluster: {name: a\0}\n", 20)) ==
        "c.yaml:8:18: control character 0x00");
}

TEST_CASE("not UTF-8") {
  for (const char* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    CHECK(ErrorsAfterGood(absl::StrCat("# ", bad)) ==
          absl::StrCat("c.yaml:8:3: not UTF-8 (byte 0x",
                       absl::Hex(static_cast<unsigned char>(*bad)), ")"));
  }
  CHECK(ErrorsAfterGood("# \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n") == "");
}

TEST_CASE("larger than 1 MiB") {
  std::string text = kGood;
  text += "#" + std::string((1 << 20) - text.size() - 1, 'x');
  CHECK(ErrorsOfText(text) == "");
  CHECK(ErrorsOfText(text + "x") == "c.yaml:1:1: larger than 1 MiB");
}

TEST_CASE("empty file") {
  CHECK(ErrorsOfText("") == "c.yaml:1:1: the file is empty");
  CHECK(ErrorsOfText("# nothing\n") == "c.yaml:1:1: the file is empty");
}

TEST_CASE("several documents") {
  CHECK(ErrorsAfterGood("---\na: 1\n") == "c.yaml:8:1: more than one document");
}

TEST_CASE("broken YAML") {
  CHECK(ErrorsAfterGood("cluster: {servers: 2\n") == "c.yaml:9:1: end of map flow not found");
}

TEST_CASE("deep nesting") {
  CHECK(ErrorsOfText(std::string(40, '[') + std::string(40, ']')) ==
        "c.yaml:1:33: nested deeper than 32 levels");
  std::string block;
  for (int i = 0; i < 100; ++i) block += "- ";
  CHECK(ErrorsOfText(block) == "c.yaml:1:65: nested deeper than 32 levels");
}

TEST_CASE("deep nesting through aliases") {
  std::string text = "a: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) absl::StrAppend(&text, "a", i, ": &a", i, " [*a", i - 1, "]\n");
  CHECK(ErrorsOfText(text) == "c.yaml:31:12: nested deeper than 32 levels");
}

TEST_CASE("alias bomb") {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    absl::StrAppend(&text, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&text, "*a", i - 1, ", ");
    absl::StrAppend(&text, "]\n");
  }
  CHECK(ErrorsOfText(text) == "c.yaml:4:45: aliases stand for more than 10000 values");
}

TEST_CASE("alias of itself") {
  CHECK(ErrorsAfterGood("cluster: &a {name: *a}\n") ==
        "c.yaml:8:20: an alias inside the value that it stands for");
}

TEST_CASE("unknown alias") {
  CHECK(ErrorsAfterGood("cluster: *nobody\n") ==
        "c.yaml:8:10: the referenced anchor is not defined");
}

TEST_CASE("settings of optimizers") {
  CHECK(
      ErrorsAfterGood(
          "optimizer: {type: adam, momentum: 0.5, schedule: {type: step, steps: 5}}\n") ==
      "c.yaml:8:25: optimizer.momentum: is a setting of momentum and nesterov, not of adam\n"
      "c.yaml:8:63: optimizer.schedule.steps: is a setting of polynomial and cosine, not of step");
  CHECK(ErrorsAfterGood("optimizer: {type: adam, beta1: 1, clip_norm: 0}\n") ==
        "c.yaml:8:32: optimizer.beta1: 1 is out of range, which is 0 to 0.999999\n"
        "c.yaml:8:46: optimizer.clip_norm: 0 is out of range, which is 1e-30 to 1e30");
}

TEST_CASE("all errors in one run, in the order of the file") {
  CHECK(ErrorsOf({.text = "version: 1\n"
                          "modle: {type: logistic_regression}\n"
                          "cluster:\n"
                          "  servers: 5000\n"
                          "  servers: 2\n"
                          "data: {train: [a], epochs: x}\n",
                  .environment = {{"PARAMD_CLUSTER__WORKERS", "0"}},
                  .overrides = {"data.batch_size=0"}}) ==
        "c.yaml:1:1: model.type: is missing\n"
        "c.yaml:2:1: modle: unknown key; did you mean \"model\"?\n"
        "c.yaml:4:12: cluster.servers: 5000 is out of range, which is 1 to 1024\n"
        "c.yaml:5:3: cluster.servers: given twice; first in line 4\n"
        "c.yaml:6:28: data.epochs: wants a whole number, not \"x\"\n"
        "environment PARAMD_CLUSTER__WORKERS: cluster.workers: 0 is out of range, which is 1 to "
        "4096\n"
        "--set data.batch_size=0: data.batch_size: 0 is out of range, which is 1 to 16777216");
}

TEST_CASE("more errors than anyone reads") {
  std::string text = kGood;
  for (int i = 0; i < 1500; ++i) absl::StrAppend(&text, "x", i, ": 1\n");
  const std::string errors = ErrorsOfText(text);
  CHECK(errors.substr(errors.rfind('\n')) == "\n... and 500 more errors");
}

TEST_CASE("unknown key of an override") {
  CHECK(ErrorsOfOverride("cluster.serverz=2") ==
        "--set cluster.serverz=2: cluster.serverz: unknown key; did you mean \"servers\"?");
  CHECK(ErrorsOf({.text = kGood, .environment = {{"PARAMD_CLUSTER__SERVERZ", "2"}}}) ==
        "environment PARAMD_CLUSTER__SERVERZ: cluster.serverz: unknown key; did you mean "
        "\"servers\"?");
}

TEST_CASE("override below a single value") {
  CHECK(ErrorsOfOverride("cluster.servers.count=2") ==
        "--set cluster.servers.count=2: cluster.servers: is a single value, without settings below "
        "it");
}

TEST_CASE("override without a value") {
  CHECK(ErrorsOfOverride("cluster.servers") == "--set cluster.servers: wants path=value");
  CHECK(ErrorsOfOverride("cluster.servers=") ==
        "--set cluster.servers=: cluster.servers: has no value");
}

TEST_CASE("override of a list element that is not there") {
  CHECK(ErrorsOfOverride("data.train.7=x") ==
        "--set data.train.7=x: data.train.7: is past the end of a list of 1");
  CHECK(ErrorsOfOverride("data.train.last=x") ==
        "--set data.train.last=x: data.train.last: wants the index of an element");
}

TEST_CASE("broken YAML in an override") {
  CHECK(ErrorsOfOverride("data.train=[a") == "--set data.train=[a: end of sequence flow not found");
}

TEST_CASE("override that is not UTF-8") {
  CHECK(ErrorsOf({.text = kGood, .environment = {{"PARAMD_OUTPUT__MODEL", "\xff"}}}) ==
        "environment PARAMD_OUTPUT__MODEL: output.model: is not UTF-8");
}

TEST_CASE("file that cannot be read") {
  TempDir dir;
  const auto missing = LoadConfig({.file = dir.File("none.yaml")});
  CHECK(missing.status().code() == absl::StatusCode::kNotFound);
  CHECK(std::string(missing.status().message()).find("none.yaml") != std::string::npos);
  CHECK_FALSE(LoadConfig({.file = dir.path()}).ok());
}

}  // namespace
}  // namespace paramd
