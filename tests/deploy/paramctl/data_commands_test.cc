#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/model_file/model_file.h"
#include "deploy/paramctl/data_generate.h"
#include "deploy/paramctl/evaluate.h"
#include "tests/testing/temp_dir.h"
#include "worker/data/batch_reader.h"
#include "worker/model/create_model.h"

namespace paramd {
namespace {

struct Run {
  int exit_code = 0;
  std::string out;
  std::string err;

  nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

// Runs a command with what it prints caught.
Run Catch(int (*command)(absl::Span<const std::string>), const std::vector<std::string>& args) {
  std::ostringstream out, err;
  std::streambuf* const old_out = std::cout.rdbuf(out.rdbuf());
  std::streambuf* const old_err = std::cerr.rdbuf(err.rdbuf());
  const int exit_code = command(args);
  std::cout.rdbuf(old_out);
  std::cerr.rdbuf(old_err);
  return {exit_code, out.str(), err.str()};
}

// Logistic regression by AdaGrad, one machine, one thread.
ModelFile Train(const std::string& path, int epochs, float rate) {
  ModelFile file;
  file.model.set_type(v1::Model::LOGISTIC_REGRESSION);
  file.data.set_format(v1::Data::LIBSVM);
  const DatasetShape shape = {.sparse = true};
  std::unique_ptr<Model> model = *CreateModel(file.model, shape);
  struct Parameter {
    float value = 0, squares = 0;
    void Update(float gradient, float rate) {
      squares += gradient * gradient;
      if (squares > 0) value -= rate * gradient / std::sqrt(squares);
    }
  };
  std::map<uint64_t, Parameter> weights;
  Parameter bias;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    v1::Partition whole;
    whole.set_file(path);
    std::unique_ptr<BatchReader> reader = *BatchReader::Open(file.data, shape, {whole});
    Batch batch;
    while (*reader->Next(256, &batch)) {
      std::vector<float> pulled;
      for (const uint64_t key : batch.unique_keys) pulled.push_back(weights[key].value);
      std::vector<float> gradient(pulled.size());
      float bias_gradient = 0;
      model->Gradients(batch, {pulled, {&bias.value, 1}},
                       {absl::MakeSpan(gradient), absl::MakeSpan(&bias_gradient, 1)});
      for (size_t i = 0; i < pulled.size(); ++i) {
        weights[batch.unique_keys[i]].Update(gradient[i], rate);
      }
      bias.Update(bias_gradient, rate);
    }
  }
  file.tables = {{.name = "bias", .dim = 1, .values = {bias.value}},
                 {.name = "weights", .sparse = true, .dim = 1}};
  for (const auto& [key, weight] : weights) {
    file.tables[1].keys.push_back(key);
    file.tables[1].values.push_back(weight.value);
  }
  return file;
}

TEST_CASE("a generated log is learned nearly as well as is possible") {
  TempDir dir;
  const Run generated = Catch(RunDataGenerate, {"--out", dir.File("log"), "-o", "json"});
  REQUIRE(generated.exit_code == kExitDone);
  const nlohmann::json made = generated.json();
  CHECK(made["rows"] == 200000);
  CHECK(made["train"] == dir.File("log/train.libsvm"));
  const double best_auc = made["bayes"]["auc"], best_loss = made["bayes"]["logloss"];
  CHECK(best_auc > 0.75);

  const std::string model = dir.File("model.safetensors");
  REQUIRE(WriteModelFile(model, Train(made["train"], 1, 0.1f)).ok());
  const Run evaluated =
      Catch(RunEvaluate, {"--model=" + model, "--data", std::string(made["test"]), "-o", "json"});
  INFO(evaluated.out << evaluated.err << generated.out);
  REQUIRE(evaluated.exit_code == kExitDone);
  const nlohmann::json figures = evaluated.json();
  CHECK(figures["examples"] == 50000);
  CHECK(figures["auc"] > best_auc - 0.008);
  CHECK(figures["auc"] < best_auc);
  CHECK(figures["logloss"] < best_loss + 0.008);
  CHECK(figures["logloss"] > best_loss);
}

TEST_CASE("data generate: the same flags give the same bytes, another seed gives others") {
  TempDir dir;
  const auto generate = [&](const std::string& name, const std::string& seed) {
    const Run run = Catch(RunDataGenerate, {"--out", dir.File(name), "--rows=50", "--eval_rows=9",
                                            "--features_per_row=3", "--cardinality", "8", "--zipf",
                                            "0.5", "--seed", seed});
    CHECK(run.exit_code == kExitDone);
    CHECK(run.out.find("best possible on " + dir.File(name + "/test.libsvm: AUC 0.")) !=
          std::string::npos);
    return *ReadFile(dir.File(name + "/train.libsvm"));
  };
  const std::string first = generate("a", "1");
  CHECK(first == generate("b", "1"));
  CHECK(first != generate("c", "2"));
  CHECK(std::count(first.begin(), first.end(), '\n') == 50);
  const std::string test = *ReadFile(dir.File("a/test.libsvm"));
  CHECK(std::count(test.begin(), test.end(), '\n') == 9);
  CHECK(first.find(test.substr(0, test.find('\n', 30))) == std::string::npos);
}

TEST_CASE("data generate: with interactions, and with fields") {
  TempDir dir;
  const auto generate = [&](const std::string& name, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--out", dir.File(name), "--rows=50", "--eval_rows=9",
                               "--features_per_row=3", "--cardinality=8"});
    CHECK(Catch(RunDataGenerate, flags).exit_code == kExitDone);
  };
  generate("plain", {});
  generate("pairs", {"--interactions"});
  generate("fields", {"--interactions", "--format", "libffm"});
  const std::string pairs = *ReadFile(dir.File("pairs/train.libsvm"));
  CHECK(pairs != *ReadFile(dir.File("plain/train.libsvm")));
  std::string expected;
  int field = 0;
  for (const char c : pairs) {
    expected += c;
    if (c == '\n') field = 0;
    if (c == ' ') expected += std::to_string(field++) + ":";
  }
  CHECK(*ReadFile(dir.File("fields/train.libffm")) == expected);
}

TEST_CASE("data generate: usage and failure") {
  TempDir dir;
  CHECK(Catch(RunDataGenerate, {"--help"}).exit_code == kExitDone);
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{},
                                             {"--out"},
                                             {"out"},
                                             {"--out", dir.path(), "--row", "3"},
                                             {"--out", dir.path(), "--rows", "0"},
                                             {"--out", dir.path(), "--rows", "3x"},
                                             {"--out", dir.path(), "--zipf", "nan"},
                                             {"--out", dir.path(), "--cardinality=1"},
                                             {"--out", dir.path(), "--format=csv"},
                                             {"--out", dir.path(), "-o", "yaml"}}) {
    const Run run = Catch(RunDataGenerate, args);
    CHECK(run.exit_code == kExitUsage);
    CHECK(run.err.find("paramctl data generate: ") == 0);
    CHECK(run.out.empty());
  }
  const std::string file = dir.Write("file", "");
  CHECK(Catch(RunDataGenerate, {"--out", file, "--rows", "1"}).exit_code == kExitFailure);
}

// weights: 1 for key 2, -1 for key 5; bias 0.
ModelFile SmallModel() {
  ModelFile file;
  file.model.set_type(v1::Model::LOGISTIC_REGRESSION);
  file.data.set_format(v1::Data::LIBSVM);
  file.data.mutable_on_bad_record()->set_action(v1::OnBadRecord::SKIP);
  file.data.mutable_on_bad_record()->set_max_fraction(0.25);
  file.tables = {{.name = "bias", .dim = 1, .values = {0}},
                 {.name = "weights", .sparse = true, .dim = 1, .keys = {2, 5}, .values = {1, -1}}};
  return file;
}

TEST_CASE("evaluate: keys that the model has not seen count as zero") {
  TempDir dir;
  const std::string model = dir.File("m");
  REQUIRE(WriteModelFile(model, SmallModel()).ok());
  const std::string first = dir.Write("a", "1 1:9 2:1 3:9\n0 5:1 7:9\nbad\n");
  const std::string second = dir.Write("b", "1 9:1\n");
  const Run run =
      Catch(RunEvaluate, {"--model", model, "--data", first, "--data", second, "-o", "json"});
  REQUIRE(run.exit_code == kExitDone);
  const nlohmann::json figures = run.json();
  CHECK(figures["examples"] == 3);
  CHECK(figures["bad_records"] == 1);
  CHECK(figures["auc"] == 1);
  CHECK(figures["logloss"] ==
        Approx((2 * std::log(1 + std::exp(-1.0)) + std::log(2.0)) / 3).epsilon(1e-6));
  CHECK(figures["accuracy"] == Approx(2.0 / 3));
  CHECK_FALSE(figures.contains("rmse"));

  const Run text = Catch(RunEvaluate, {"--model", model, "--data", first, "--data", second});
  CHECK(text.out.find("examples     3\nbad records  1 (skipped)\nauc          1.000000\n") == 0);
  CHECK(text.err.find(first + ":3: ") != std::string::npos);
}

TEST_CASE("evaluate: dense CSV data, by the settings in the model") {
  TempDir dir;
  ModelFile file;
  file.model.set_type(v1::Model::LINEAR_REGRESSION);
  file.data.set_format(v1::Data::CSV);
  file.data.mutable_csv()->set_delimiter(";");
  file.data.mutable_csv()->set_header(true);
  file.data.mutable_csv()->set_label("y");
  file.sparse = false;
  file.columns = 2;
  file.tables = {{.name = "bias", .dim = 1, .values = {1}},
                 {.name = "weights", .dim = 1, .values = {10, 100}}};
  const std::string model = dir.File("m");
  REQUIRE(WriteModelFile(model, file).ok());
  const std::string data = dir.Write("d.csv", "a;y;b\n1;321;3\n2;421;4\n");
  const Run run = Catch(RunEvaluate, {"--model", model, "--data", data, "--output=json"});
  INFO(run.err);
  CHECK(run.json()["rmse"] == Approx(std::sqrt((10.0 * 10.0 + 0) / 2)));

  const std::string other = dir.Write("e.csv", "a;y\n1;2\n");
  const Run wrong = Catch(RunEvaluate, {"--model", model, "--data", other});
  CHECK(wrong.exit_code == kExitBadData);
  CHECK(wrong.err == "paramctl evaluate: " + other + ": 1 feature columns, the data set has 2\n");
}

TEST_CASE("evaluate: exit codes") {
  TempDir dir;
  const std::string model = dir.File("m"), data = dir.Write("a", "1 2:1\n0 2:1\n");
  REQUIRE(WriteModelFile(model, SmallModel()).ok());
  const auto code = [](const std::vector<std::string>& args) {
    const Run run = Catch(RunEvaluate, args);
    CHECK((run.exit_code == kExitDone || run.err.find("paramctl evaluate: ") == 0));
    return run.exit_code;
  };
  CHECK(code({"--help"}) == kExitDone);
  CHECK(code({}) == kExitUsage);
  CHECK(code({"--model", model}) == kExitUsage);
  CHECK(code({"--data", data}) == kExitUsage);
  CHECK(code({"--model", model, "--data", data, "-o", "xml"}) == kExitUsage);
  CHECK(code({"--model", dir.File("none"), "--data", data}) == kExitFailure);
  CHECK(code({"--model", model, "--data", dir.File("none")}) == kExitFailure);
  CHECK(code({"--model", data, "--data", data}) == kExitBadData);
  CHECK(code({"--model", model, "--data", dir.Write("b", "7 1:1\n")}) == kExitBadData);
  CHECK(code({"--model", model, "--data", dir.Write("c", "x\n1 1:1\n")}) == kExitBadData);
  CHECK(code({"--model", model, "--data", dir.Write("d.gz", "x")}) == kExitBadData);
  ModelFile other = SmallModel();
  other.tables.pop_back();
  const std::string incomplete = dir.File("i");
  REQUIRE(WriteModelFile(incomplete, other).ok());
  CHECK(code({"--model", incomplete, "--data", data}) == kExitBadData);
}

}  // namespace
}  // namespace paramd
