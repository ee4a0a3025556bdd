#include "common/config/config.h"

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "common/config/duration.h"
#include "common/config/reader.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

constexpr char kMinimal[] =
    "version: 1\n"
    "model: {type: logistic_regression}\n"
    "data: {train: [train.libsvm]}\n";

LoadedConfig Load(ConfigSources sources) {
  if (sources.file.empty()) sources.file = "/etc/paramd/c.yaml";
  auto loaded = LoadConfig(sources);
  INFO(loaded.status().message());
  REQUIRE(loaded.ok());
  return *std::move(loaded);
}

v1::Config LoadText(const std::string& text) { return Load({.text = text}).config; }

TEST_CASE("everything that a configuration can say") {
  const v1::Config config = LoadText(R"(version: 1
cluster:
  name: ctr-demo
  coordinator: {address: 127.0.0.1:7070, store: {type: file, dir: state}}
  servers: 2
  workers: 2                     # or "2:16": starts with 2, accepts up to 16
  heartbeat: {interval: 500ms, lease: 3s}
sharding: {shards_per_table: 64}
consistency: {mode: ssp, staleness: 4}        # asp | ssp | bsp
model: {type: logistic_regression, seed: 42}  # linear_regression | softmax_regression
optimizer: {type: ftrl, alpha: 0.05, beta: 1.0, l1: 0.0, l2: 1.0}   # sgd | adagrad
tables:                                        # optional, per table
- {name: weights, consistency: {mode: asp}, optimizer: {type: adagrad, learning_rate: 0.1}}
data: {format: libsvm, train: [train.libsvm], eval: [test.libsvm], batch_size: 256, epochs: 5, on_bad_record: {action: skip, max_fraction: 0.001}}
output: {model: model.safetensors}
)");
  CHECK(config.cluster().name() == "ctr-demo");
  CHECK(config.cluster().servers() == 2);
  CHECK(config.cluster().workers().min() == 2);
  CHECK(config.cluster().workers().max() == 2);
  CHECK(ToDuration(config.cluster().heartbeat().interval()) == absl::Milliseconds(500));
  CHECK(config.cluster().coordinator().store().dir() == "/etc/paramd/state");
  CHECK(config.consistency().mode() == v1::Consistency::SSP);
  CHECK(config.consistency().staleness().steps() == 4);
  CHECK(config.optimizer().alpha() == 0.05);
  REQUIRE(config.tables_size() == 1);
  CHECK(config.tables(0).consistency().mode() == v1::Consistency::ASP);
  CHECK(config.tables(0).optimizer().type() == v1::Optimizer::ADAGRAD);
  CHECK(config.tables(0).optimizer().epsilon() == 1e-8);
  CHECK(config.data().train(0) == "/etc/paramd/train.libsvm");
  CHECK(config.data().eval(0) == "/etc/paramd/test.libsvm");
  CHECK(config.output().model() == "/etc/paramd/model.safetensors");
}

TEST_CASE("defaults that depend on the type") {
  const v1::Config config = LoadText(std::string(kMinimal) + "optimizer: {type: adagrad}\n");
  CHECK(config.optimizer().learning_rate() == 0.1);
  CHECK(DefaultOptimizer(v1::Optimizer::ADAM).learning_rate() == 0.001);
  CHECK(DefaultOptimizer(v1::Optimizer::ADADELTA).epsilon() == 1e-6);
  CHECK(DefaultOptimizer(v1::Optimizer::FTRL).alpha() == 0.05);
  CHECK(DefaultOptimizer(v1::Optimizer::FTRL).learning_rate() == 0);
}

TEST_CASE("how values and keys travel") {
  const v1::Config config = LoadText(std::string(kMinimal) + R"(
transport: {push: {values: bf16}, pull: {values: int8}, keys: packed, chunk: 64KiB, key_cache: 1GiB}
tables:
- {name: w, transport: {push: {values: top_k, fraction: 0.25}}}
- {name: b, transport: {pull: {values: f16}, push: {values: top_k}}}
- {name: c, optimizer: {type: sgd}}
)");
  const v1::Transport& transport = config.transport();
  CHECK(transport.push().values() == v1::Codec::BF16);
  CHECK(transport.push().fraction() == 0);
  CHECK(transport.pull().values() == v1::Codec::INT8);
  CHECK(transport.keys() == v1::Codec::PACKED);
  CHECK(transport.chunk() == 64 << 10);
  CHECK(transport.key_cache() == 1 << 30);
  const v1::TableTransport& w = config.tables(0).transport();
  CHECK(w.push().values() == v1::Codec::TOP_K);
  CHECK(w.push().fraction() == 0.25);
  CHECK_FALSE(w.has_pull());
  const v1::TableTransport& b = config.tables(1).transport();
  CHECK(b.push().fraction() == 0.1);
  CHECK(b.pull().values() == v1::Codec::F16);
  CHECK_FALSE(config.tables(2).has_transport());
}

TEST_CASE("how values and keys travel when nobody says") {
  const v1::Transport transport = LoadText(kMinimal).transport();
  CHECK(transport.push().values() == v1::Codec::F32);
  CHECK(transport.pull().values() == v1::Codec::F32);
  CHECK(transport.keys() == v1::Codec::CACHED);
  CHECK(transport.chunk() == 512 << 10);
  CHECK(transport.key_cache() == 32 << 20);
}

TEST_CASE("defaults fill what the file leaves out") {
  const v1::Config config = LoadText(kMinimal);
  CHECK(config.cluster().servers() == 1);
  CHECK(ToDuration(config.cluster().heartbeat().lease()) == absl::Seconds(3));
  CHECK_FALSE(config.has_optimizer());
  CHECK(config.transport().max_message() == 16 << 20);
  CHECK(config.data().shuffle());
  CHECK(config.data().eval_size() == 0);
  CHECK(config.output().model().empty());
}

TEST_CASE("what does not apply is unset") {
  const v1::Config config = LoadText(kMinimal);
  CHECK(config.model().classes() == 0);
  CHECK_FALSE(config.data().has_csv());
  CHECK(config.optimizer().learning_rate() == 0);
}

TEST_CASE("a table's own optimizer takes nothing from the general one") {
  const v1::Config config = LoadText(
      std::string(kMinimal) +
      "optimizer: {type: ftrl, alpha: 0.5}\ntables: [{name: w, optimizer: {type: ftrl}}]\n");
  CHECK(config.tables(0).optimizer().alpha() == 0.05);
  CHECK_FALSE(config.tables(0).has_consistency());
}

TEST_CASE("numbers are taken where text is wanted") {
  const v1::Config config = LoadText(
      "version: 1\nmodel: {type: linear_regression}\ncluster: {name: 2024}\n"
      "data: {train: [2024], format: csv, csv: {label: 3, delimiter: \"\\t\"}}\n");
  CHECK(config.cluster().name() == "2024");
  CHECK(config.data().train(0) == "/etc/paramd/2024");
  CHECK(config.data().csv().label() == "3");
  CHECK(config.data().csv().delimiter() == "\t");
}

TEST_CASE("anchors and aliases") {
  const v1::Config config = LoadText(std::string(kMinimal) +
                                     "optimizer: &o {type: sgd, learning_rate: 0.5}\n"
                                     "tables: [{name: w, optimizer: *o}]\n");
  CHECK(config.tables(0).optimizer().learning_rate() == 0.5);
}

TEST_CASE("a range of workers") {
  const v1::Config config = LoadText(std::string(kMinimal) + "cluster: {workers: \"2:16\"}\n");
  CHECK(config.cluster().workers().min() == 2);
  CHECK(config.cluster().workers().max() == 16);
}

TEST_CASE("flag before environment before file before default") {
  ConfigSources sources{.text = kMinimal};
  const auto servers = [&] {
    const LoadedConfig loaded = Load(sources);
    return std::make_pair(loaded.config.cluster().servers(),
                          Describe(loaded.origins.at("cluster.servers"), "c.yaml"));
  };
  CHECK(servers() == std::make_pair(1u, std::string("default")));
  sources.text = std::string(kMinimal) + "cluster: {servers: 2}\n";
  CHECK(servers() == std::make_pair(2u, std::string("c.yaml:4:20")));
  sources.environment = {{"PARAMD_CLUSTER__SERVERS", "3"}};
  CHECK(servers() == std::make_pair(3u, std::string("environment PARAMD_CLUSTER__SERVERS")));
  sources.overrides = {"cluster.servers=4"};
  CHECK(servers() == std::make_pair(4u, std::string("--set cluster.servers=4")));
  sources.overrides.push_back("cluster.servers=5");
  CHECK(servers() == std::make_pair(5u, std::string("--set cluster.servers=5")));
}

TEST_CASE("names in the environment go in any case, and others are left alone") {
  const v1::Config config =
      Load({.text = std::string(kMinimal) + "tables: [{name: Weights}]\n",
            .environment = {{"PARAMD_cluster__Servers", "3"},
                            {"PARAMD_TABLES__WEIGHTS__OPTIMIZER__TYPE", "sgd"},
                            {"PARAMD_DATA", "/mnt"},
                            {"OTHER__THING", "1"}}})
          .config;
  CHECK(config.cluster().servers() == 3);
  REQUIRE(config.tables_size() == 1);
  CHECK(config.tables(0).optimizer().type() == v1::Optimizer::SGD);
}

TEST_CASE("relative paths: of the file by its folder, of flags and environment by the process's") {
  const v1::Config config = Load({.file = "conf/c.yaml",
                                  .text = kMinimal,
                                  .environment = {{"PARAMD_OUTPUT__MODEL", "out/m"}},
                                  .overrides = {"data.eval=[../e, /abs/f]"},
                                  .working_directory = "/work/here"})
                                .config;
  CHECK(config.data().train(0) == "/work/here/conf/train.libsvm");
  CHECK(config.cluster().coordinator().store().dir() == "/work/here/conf/state");
  CHECK(config.output().model() == "/work/here/out/m");
  CHECK(config.data().eval(0) == "/work/e");
  CHECK(config.data().eval(1) == "/abs/f");
}

TEST_CASE("overrides reach into lists") {
  const v1::Config config =
      Load(
          {.text = kMinimal,
           .overrides = {"data.train.0=/x", "data.train.1=/y", "tables.w.optimizer.type=sgd",
                         "tables.w.optimizer.learning_rate=1e-3", "tables.0.consistency.mode=bsp"}})
          .config;
  CHECK(config.data().train(0) == "/x");
  CHECK(config.data().train(1) == "/y");
  REQUIRE(config.tables_size() == 1);
  CHECK(config.tables(0).name() == "w");
  CHECK(config.tables(0).optimizer().learning_rate() == 1e-3);
  CHECK(config.tables(0).consistency().mode() == v1::Consistency::BSP);
}

TEST_CASE("overrides of text are taken as they are, unless in quotes") {
  const std::string text = "version: 1\nmodel: {type: linear_regression}\ndata: {train: [a]}\n";
  ConfigSources sources{.text = text, .overrides = {"data.format=csv", "data.csv.delimiter=,"}};
  CHECK(Load(sources).config.data().csv().delimiter() == ",");
  sources.overrides.back() = "data.csv.delimiter=\"\\t\"";
  CHECK(Load(sources).config.data().csv().delimiter() == "\t");
}

TEST_CASE("an override can unset what is optional") {
  const v1::Config config = Load({.text = std::string(kMinimal) + "output: {model: m}\n",
                                  .overrides = {"output.model=", "tables=null"}})
                                .config;
  CHECK(config.output().model().empty());
}

TEST_CASE("changing a type drops what a lower source set for the former one") {
  const std::string text = std::string(kMinimal) +
                           "optimizer: {type: ftrl, alpha: 0.1, l2: 1.0}\n"
                           "consistency: {mode: ssp, staleness: 2}\n";
  const LoadedConfig loaded =
      Load({.text = text, .overrides = {"optimizer.type=sgd", "consistency.mode=bsp"}});
  CHECK(loaded.config.optimizer().type() == v1::Optimizer::SGD);
  CHECK(loaded.config.optimizer().alpha() == 0);
  CHECK(loaded.config.optimizer().l2() == 1.0);
  CHECK(loaded.config.consistency().staleness().steps() == 0);
  CHECK(loaded.origins.count("optimizer.alpha") == 0);
  CHECK_FALSE(
      LoadConfig({.text = text, .overrides = {"optimizer.type=sgd", "optimizer.alpha=1"}}).ok());
}

TEST_CASE("a mapping can be overridden whole") {
  const v1::Config config =
      Load({.text = std::string(kMinimal) + "optimizer: {type: ftrl, l2: 1.0}\n",
            .overrides = {"optimizer={type: sgd, learning_rate: 0.5}"}})
          .config;
  CHECK(config.optimizer().learning_rate() == 0.5);
  CHECK(config.optimizer().l2() == 0);
}

TEST_CASE("a file is read, and without one flags are enough") {
  TempDir dir;
  const std::string file = dir.Write("c.yaml", kMinimal);
  CHECK(Load({.file = file}).config.data().train(0) == dir.File("train.libsvm"));
  const auto loaded =
      LoadConfig({.overrides = {"version=1", "model.type=linear_regression", "data.train=[/a]"}});
  CHECK(loaded.ok());
}

TEST_CASE("ParamdEnvironment holds the variables of this program") {
  REQUIRE(setenv("PARAMD_CLUSTER__NAME", "from-here", 1) == 0);
  CHECK(ParamdEnvironment().at("PARAMD_CLUSTER__NAME") == "from-here");
  CHECK(ParamdEnvironment().count("PATH") == 0);
  unsetenv("PARAMD_CLUSTER__NAME");
}

}  // namespace
}  // namespace paramd
