#include "common/config/render.h"

#include <google/protobuf/util/message_differencer.h>

#include <catch2/catch.hpp>
#include <string>

#include "common/config/config.h"

namespace paramd {
namespace {

using google::protobuf::util::MessageDifferencer;

LoadedConfig Load(ConfigSources sources) {
  auto loaded = LoadConfig(sources);
  INFO(loaded.status().message());
  REQUIRE(loaded.ok());
  return *std::move(loaded);
}

TEST_CASE("every setting with its origin") {
  const LoadedConfig loaded = Load({.file = "/c/c.yaml",
                                    .text = "version: 1\n"
                                            "model: {type: logistic_regression}\n"
                                            "tables: [{name: weights, optimizer: {type: sgd}}]\n"
                                            "data: {train: [a, '1 \"b\"']}\n",
                                    .environment = {{"PARAMD_CLUSTER__WORKERS", "2:16"}},
                                    .overrides = {"transport.max_message=64MiB"}});
  CHECK(RenderConfig(loaded) ==
        R"(version: 1                                  # /c/c.yaml:1:10
cluster:
  name: paramd                              # default
  coordinator:
    address: "127.0.0.1:7070"               # default
    store:
      type: file                            # default
      dir: /c/state                         # default
  servers: 1                                # default
  workers: "2:16"                           # environment PARAMD_CLUSTER__WORKERS
  heartbeat:
    interval: 500ms                         # default
    lease: 3s                               # default
  linger: 10s                               # default
  server:
    zone: null                              # default
    memory: 0B                              # default
sharding:
  shards_per_table: 64                      # default
  replication: null                         # default
  acknowledge: backup                       # default
  fill_rate: 64MiB                          # default
consistency:
  mode: ssp                                 # default
  staleness: 4                              # default
  staleness_min: 0                          # default
  staleness_max: 32                         # default
model:
  type: logistic_regression                 # /c/c.yaml:2:15
  seed: 42                                  # default
  init: null                                # default
optimizer: null                             # default
tables:                                     # /c/c.yaml:3:9
- name: weights                             # /c/c.yaml:3:17
  consistency: null                         # default
  optimizer:
    type: sgd                               # /c/c.yaml:3:44
    learning_rate: 0.1                      # default
    l1: 0                                   # default
    l2: 0                                   # default
    clip_value: null                        # default
    clip_norm: null                         # default
    schedule:
      type: constant                        # default
      warmup: 0                             # default
    delay:
      type: none                            # default
  transport: null                           # default
  rows: null                                # default
data:
  format: libsvm                            # default
  train:                                    # /c/c.yaml:4:15
  - /c/a                                    # /c/c.yaml:4:16
  - "/c/1 \"b\""                            # /c/c.yaml:4:19
  eval: []                                  # default
  batch_size: 256                           # default
  epochs: 1                                 # default
  eval_every: 0                             # default
  on_bad_record:
    action: skip                            # default
    max_fraction: 0.001                     # default
  assignment: auto                          # default
  partitions_per_worker: 4                  # default
  shuffle: true                             # default
  hash_bits: 0                              # default
  eval_fraction: 0                          # default
  label_weights: []                         # default
  labels: []                                # default
  cache: null                               # default
output:
  model: null                               # default
  history: null                             # default
transport:
  max_message: 64MiB                        # --set transport.max_message=64MiB
  pushes_in_flight: 4                       # default
  keepalive: 10s                            # default
  chunk: 512KiB                             # default
  push:
    values: f32                             # default
  pull:
    values: f32                             # default
    max_age: null                           # default
  keys: cached                              # default
  key_cache: 32MiB                          # default
worker:
  compute_threads: 1                        # default
  prefetch_batches: 4                       # default
  row_cache: 32MiB                          # default
training:
  eval_examples: 0                          # default
  max_seconds: 0                            # default
  patience: 0                               # default
  metric: logloss                           # default
  min_delta: 0                              # default
  keep_best: false                          # default
  straggler:
    factor: 2                               # default
    backup: false                           # default
checkpoint: null                            # default
log: null                                   # default
)");
}

TEST_CASE("what is rendered loads to the same configuration") {
  const std::string hostile[] = {
      "",
      "optimizer: {type: adagrad, learning_rate: 0.30000000000000004, epsilon: 1e-12}\n",
      "cluster: {name: 'null', linger: 90s, heartbeat: {interval: 59s, lease: 121s}}\n",
      "cluster: {name: '007', coordinator: {address: '[::1]:0'}}\n",
      "output: {model: 'tab # \"quote\\ : \xc3\xa9'}\n",
      "tables: [{name: \"a\\n\\x04b\", consistency: {mode: asp}}, {name: 'true'}]\n",
      "transport: {max_message: 65537B, chunk: 4KiB, push: {values: top_k, fraction: 1e-6}, pull: "
      "{values: int8}, keys: raw, key_cache: 1B}\n",
      "tables: [{name: w, transport: {push: {values: top_k}}}, {name: b, transport: {pull: "
      "{values: "
      "bf16}}}, {name: c, transport: {}}]\n"};
  for (const std::string& text : hostile) {
    const LoadedConfig loaded =
        Load({.text = "version: 1\nmodel: {type: softmax_regression, classes: 10, seed: "
                      "18446744073709551615}\n"
                      "data: {train: ['-', ' x '], format: csv, csv: {delimiter: \"\\t\"}}\n" +
                      text});
    const std::string rendered = RenderConfig(loaded);
    INFO(rendered);
    const LoadedConfig again = Load({.text = rendered});
    CHECK(MessageDifferencer::Equals(loaded.config, again.config));
    for (const auto& [path, origin] : again.origins) CHECK(origin.kind == Origin::kFile);
  }
}

TEST_CASE("an origin of several lines stays in its comment") {
  const LoadedConfig loaded = Load({.text = "version: 1\nmodel: {type: linear_regression}\n",
                                    .overrides = {"data.train=[a,\n b]"}});
  CHECK(MessageDifferencer::Equals(Load({.text = RenderConfig(loaded)}).config, loaded.config));
}

}  // namespace
}  // namespace paramd
