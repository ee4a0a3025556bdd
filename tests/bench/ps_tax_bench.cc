// What the parameter server costs: the same model, data and order trained in one process with local
// tables (tests/bench/local_training.h), and by `paramctl run` with one server and one worker
// process; then how near the cluster comes to its reader.
//
//   bazel run -c opt //tests/bench:ps_tax_bench -- [--json=FILE] [--only=a9a|mnist|clicks|e2e]
//
// Tax: seconds in the cluster / seconds in one process, medians of 5 runs that take turns. Both
// train asynchronously with the same settings; the cluster's pulls may miss its own last push, so
// the held-out figures agree closely, not to the bit. Two cores or more; a quiet machine.
//
// Batches are as large as the data bears without another result: 256 of a9a's 32,561 rows and of
// MNIST's 8,000, the default, and 1024 of a million clicks. Data of a9a and MNIST come from
// PARAMD_DATA; of MNIST those are only 8,000 digits, so "mnist x8" reads them eight times in each
// epoch, about as many as MNIST's whole training set: what it costs less is the cost of epochs.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/config/config.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "tests/bench/bench_cluster.h"
#include "tests/bench/cluster_training.h"
#include "tests/bench/local_training.h"
#include "tests/bench/report.h"
#include "tests/bench/tax_data.h"
#include "tests/testing/temp_dir.h"
#include "worker/data/batch.h"
#include "worker/data/batch_reader.h"
#include "worker/data/read_dataset_shape.h"

namespace paramd {
namespace {

constexpr int kRuns = 5;
constexpr uint64_t kClickRows = 1'000'000;
constexpr char kFtrl[] = "{type: ftrl, alpha: 0.05, beta: 1.0, l1: 0.0, l2: 1.0}";

struct Job {
  std::string name;
  std::string model;      // YAML
  std::string optimizer;  // YAML
  std::string format;
  TrainTest files;
  int batch_size = 0;
  int epochs = 1;
  int repeats = 1;       // times that an epoch reads the training file
  bool classes = false;  // accuracy instead of AUC
};

double Median(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

template <typename T>
T Value(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "ps_tax_bench: %s\n", result.status().ToString().c_str());
  std::exit(1);
}

void ExpectSame(uint64_t examples, uint64_t expected) {
  if (examples == expected) return;
  std::fprintf(stderr, "ps_tax_bench: %s examples, expected %s\n", absl::StrCat(examples).c_str(),
               absl::StrCat(expected).c_str());
  std::exit(1);
}

double ReadAlone(const v1::Data& data) {
  return Seconds([&] {
    v1::Partition whole;
    whole.set_file(data.train(0));
    const DatasetShape shape = Value(ReadDatasetShape(data));
    const auto reader = Value(BatchReader::Open(data, shape, {whole}));
    Batch batch;
    while (Value(reader->Next(static_cast<int>(data.batch_size()), &batch))) {
    }
  });
}

class Bench {
 public:
  explicit Bench(std::string paramctl) : paramctl_(std::move(paramctl)) {}

  void Run(absl::string_view only) {
    const auto wanted = [only](absl::string_view name) { return only.empty() || only == name; };
    if (wanted("a9a")) A9a();
    if (wanted("mnist")) Mnist();
    if (!wanted("clicks") && !wanted("e2e")) return;
    const Job clicks = {.name = "clicks",
                        .model = "{type: logistic_regression}",
                        .optimizer = kFtrl,
                        .format = "libsvm",
                        .files = WriteClickLog(folder_.path(), kClickRows),
                        .batch_size = 1024};
    if (wanted("clicks")) Tax(clicks);
    if (wanted("e2e")) EndToEnd(clicks);
  }

  const Report& report() const { return report_; }

 private:
  void A9a() {
    const std::optional<std::string> train = RealData("a9a/train.libsvm");
    const std::optional<std::string> test = RealData("a9a/test.libsvm");
    if (!train.has_value() || !test.has_value()) return Skip("a9a");
    Tax({.name = "a9a",
         .model = "{type: logistic_regression}",
         .optimizer = kFtrl,
         .format = "libsvm",
         .files = {.train = *train, .test = *test},
         .batch_size = 256,
         .epochs = 20});
  }

  void Mnist() {
    const std::optional<TrainTest> files = WriteMnist(folder_.path());
    if (!files.has_value()) return Skip("mnist");
    Job job = {.name = "mnist",
               .model = "{type: softmax_regression, classes: 10}",
               .optimizer = "{type: adagrad, learning_rate: 0.05}",
               .format = "csv",
               .files = *files,
               .batch_size = 256,
               .epochs = 40,
               .classes = true};
    Tax(job);
    job.name = "mnist x8";
    job.epochs = 5;
    job.repeats = 8;
    Tax(job);
  }

  static void Skip(const char* job) {
    std::printf("%s: skipped, its data is not in PARAMD_DATA\n", job);
  }

  // Both sides are given this file; evaluation comes on top.
  std::string WriteConfig(const Job& job) const {
    const std::vector<std::string> train(static_cast<size_t>(job.repeats), job.files.train);
    return folder_.Write(
        job.name + ".yaml",
        absl::StrCat(
            "version: 1\ncluster: {name: tax}\nconsistency: {mode: asp}\nmodel: ", job.model,
            "\noptimizer: ", job.optimizer, "\ndata:\n  format: ", job.format, "\n  train: [",
            absl::StrJoin(train, ", "), "]\n  batch_size: ", job.batch_size,
            "\n  epochs: ", job.epochs, "\n  shuffle: false\n"));
  }

  static v1::Config Load(const std::string& file, const std::vector<std::string>& settings) {
    return Value(LoadConfig({.file = file, .overrides = settings})).config;
  }

  void Tax(const Job& job) {
    const std::string file = WriteConfig(job);
    const v1::Config config = Load(file, {});
    const std::vector<std::string> with_eval = {absl::StrCat("data.eval=[", job.files.test, "]")};
    // Not timed; also brings the files into the page cache.
    const LocalTraining local = TrainLocally(Load(file, with_eval));
    const ClusterTraining cluster = TrainInCluster(paramctl_, file, with_eval);
    std::vector<double> local_seconds, cluster_seconds;
    for (int run = 0; run < kRuns; ++run) {
      const LocalTraining alone = TrainLocally(config);
      ExpectSame(alone.examples, local.examples);
      local_seconds.push_back(alone.seconds);
      const ClusterTraining served = TrainInCluster(paramctl_, file, {});
      ExpectSame(served.examples, local.examples);
      cluster_seconds.push_back(served.seconds);
    }
    AddTax(job, local, cluster, Median(local_seconds), Median(cluster_seconds));
  }

  void AddTax(const Job& job, const LocalTraining& local, const ClusterTraining& cluster,
              double local_seconds, double cluster_seconds) {
    const auto examples = static_cast<double>(local.examples);
    const auto quality = [&](const v1::Metrics& metrics) {
      return job.classes ? metrics.accuracy() : metrics.auc();
    };
    report_.Add({{"job", job.name},
                 {"examples", local.examples},
                 {"batch", job.batch_size},
                 {"local_s", local_seconds},
                 {"cluster_s", cluster_seconds},
                 {"tax", cluster_seconds / local_seconds},
                 {"local_krows_per_s", examples / local_seconds / 1e3},
                 {"cluster_krows_per_s", examples / cluster_seconds / 1e3},
                 {"metric", job.classes ? "accuracy" : "auc"},
                 {"local_metric", Rounded(quality(local.metrics))},
                 {"cluster_metric", Rounded(quality(cluster.metrics))},
                 {"local_logloss", Rounded(local.metrics.logloss())},
                 {"cluster_logloss", Rounded(cluster.metrics.logloss())}});
  }

  void EndToEnd(const Job& job) {
    const std::string file = WriteConfig(job);
    const v1::Config config = Load(file, {});
    const std::string save = absl::StrCat("output.model=", folder_.File("model.safetensors"));
    std::vector<double> reader_seconds, cluster_seconds, saved_seconds;
    uint64_t peak_bytes = 0;
    for (int run = 0; run < kRuns; ++run) {
      reader_seconds.push_back(ReadAlone(config.data()));
      const ClusterTraining trained = TrainInCluster(paramctl_, file, {});
      ExpectSame(trained.examples, kClickRows);
      cluster_seconds.push_back(trained.seconds);
      const ClusterTraining saved = TrainInCluster(paramctl_, file, {save});
      saved_seconds.push_back(saved.seconds);
      peak_bytes = std::max({peak_bytes, trained.worker_peak_bytes, saved.worker_peak_bytes});
    }
    const double reader = Median(reader_seconds), cluster = Median(cluster_seconds);
    report_.Add({{"job", "end to end"},
                 {"rows", kClickRows},
                 {"reader_s", reader},
                 {"cluster_s", cluster},
                 {"with_saved_model_s", Median(saved_seconds)},
                 {"reader_krows_per_s", kClickRows / reader / 1e3},
                 {"cluster_krows_per_s", kClickRows / cluster / 1e3},
                 {"ratio", reader / cluster},
                 {"worker_peak_mib", static_cast<double>(peak_bytes) / (1 << 20)}});
  }

  // Cells of numbers have two digits, which is too few for these.
  static std::string Rounded(double figure) {
    char text[16];
    std::snprintf(text, sizeof(text), "%.4f", figure);
    return text;
  }

  const std::string paramctl_;
  const TempDir folder_;
  Report report_;
};

}  // namespace
}  // namespace paramd

int main(int argc, char** argv) {
  paramd::Bench bench(paramd::ProgramPath(argv[0], "deploy/paramctl/paramctl"));
  absl::string_view only;
  // The report takes the other arguments.
  char** const end = std::remove_if(argv + 1, argv + argc, [&](absl::string_view argument) {
    if (!absl::ConsumePrefix(&argument, "--only=")) return false;
    only = argument;
    return true;
  });
  argc = static_cast<int>(end - argv);
  bench.Run(only);
  return bench.report().Finish(argc, argv);
}
