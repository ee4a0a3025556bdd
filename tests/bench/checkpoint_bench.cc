// What a checkpoint costs those who push meanwhile: 10 million keys of one value with AdaGrad on
// two server processes, and two clients that push without a pause.
//
//   bazel run -c opt //tests/bench:checkpoint_bench -- [--json=FILE]
//
// Pushes a second and the longest wait of one for its answer, without a checkpoint and while one is
// written, in turns; bytes a second of the checkpoint's files then, and when nobody pushes, beside
// what the disk takes of the same bytes written plainly and synced; and the bytes of a checkpoint
// that adds to one since which 1 % of the keys were pushed to. With zstd at level 1, and without
// it. Below TEST_TMPDIR, or /tmp: a disk, not a tmpfs. MB are 10^6 bytes.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <deque>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/buffer.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "server/storage/checkpoint_writer.h"
#include "server/storage/output_file.h"
#include "tests/bench/bench_cluster.h"
#include "tests/bench/report.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

constexpr uint64_t kTableKeys = 10'000'000;
constexpr size_t kBatch = 4096;
constexpr size_t kFillBatch = 100'000;
constexpr int kClients = 2;
constexpr size_t kWindow = 4;  // pushes that a client has under way
constexpr size_t kPlans = 64;
constexpr int kRounds = 5;

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "bench: %s\n", status.ToString().c_str());
  std::_Exit(1);
}

v1::TableSpec Table() {
  v1::TableSpec spec;
  spec.set_name("weights");
  spec.set_kind(v1::TableSpec::SPARSE);
  spec.set_dim(1);
  spec.mutable_consistency()->set_mode(v1::Consistency::ASP);
  v1::Optimizer& optimizer = *spec.mutable_optimizer();
  optimizer.set_type(v1::Optimizer::ADAGRAD);
  optimizer.set_learning_rate(0.1);
  optimizer.set_epsilon(1e-8);
  spec.mutable_push()->set_values(v1::Codec::F32);
  spec.mutable_pull()->set_values(v1::Codec::F32);
  return spec;
}

// Pushes that were answered, by all clients since the last Take.
struct Figures {
  std::atomic<uint64_t> pushes{0};
  std::atomic<double> longest{0};

  void Add(double seconds) {
    ++pushes;
    for (double last = longest; last < seconds && !longest.compare_exchange_weak(last, seconds);) {
    }
  }
};

// A client, for one thread at a time.
class Client {
 public:
  Client(const BenchCluster& cluster, uint32_t id)
      : client_(cluster.Client(id, cluster.shard_map(), DefaultTransport())) {}

  std::shared_ptr<const RowPlan> Plan(absl::Span<const uint64_t> keys) {
    return client_->Plan(0, keys);
  }

  // Waits until fewer than `window` pushes are under way, and pushes.
  void Push(const std::shared_ptr<const RowPlan>& plan, const Buffer& gradients, size_t window,
            Figures* figures) {
    client_->Wait([&] { return open_ < window; });
    ++open_;
    const ParameterClient::TableGradients push = {.plan = plan, .values = gradients};
    const absl::Time begin = absl::Now();
    client_->PushStep(clock_++, 1, {&push, 1}, [this, begin, figures](const absl::Status& status) {
      Check(status);
      if (figures != nullptr) figures->Add(absl::ToDoubleSeconds(absl::Now() - begin));
      --open_;
    });
  }
  void WaitForAll() {
    client_->Wait([&] { return open_ == 0; });
  }

 private:
  std::unique_ptr<ParameterClient> client_;
  uint64_t clock_ = 0;
  std::atomic<size_t> open_{0};
};

// Pushes to `count` keys from `first` on.
void PushKeys(Client& client, uint64_t first, size_t count) {
  Buffer gradients(count * sizeof(float));
  std::fill_n(gradients.floats(), count, 1e-3f);
  std::vector<uint64_t> keys(count);
  std::iota(keys.begin(), keys.end(), first);
  client.Push(client.Plan(keys), gradients, 1, nullptr);
  client.WaitForAll();
}

void Fill(Client& client) {
  for (uint64_t first = 0; first < kTableKeys; first += kFillBatch) {
    PushKeys(client, first, kFillBatch);
  }
}

void PushOn(Client& client, uint64_t seed, const std::atomic<bool>& stop, Figures* figures) {
  Random random(seed);
  Buffer gradients(kBatch * sizeof(float));
  for (size_t i = 0; i < kBatch; ++i) {
    gradients.floats()[i] = static_cast<float>(random.NextUnit() - 0.5);
  }
  std::vector<std::shared_ptr<const RowPlan>> plans;
  for (size_t i = 0; i < kPlans; ++i) {
    std::vector<uint64_t> keys(kBatch);
    for (uint64_t& key : keys) key = random.NextBelow(kTableKeys);
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    while (keys.size() < kBatch) keys.push_back(kTableKeys + keys.size());
    plans.push_back(client.Plan(keys));
  }
  for (size_t i = 0; !stop; ++i) client.Push(plans[i % kPlans], gradients, kWindow, figures);
  client.WaitForAll();
}

struct Measured {
  double pushes_per_second = 0;
  double longest = 0;
  double seconds = 0;
};

Measured During(Figures& figures, const std::function<void()>& work) {
  const uint64_t first = figures.pushes;
  figures.longest = 0;
  const double seconds = Seconds(work);
  return {.pushes_per_second = static_cast<double>(figures.pushes - first) / seconds,
          .longest = figures.longest,
          .seconds = seconds};
}

// Bytes a second that the disk takes of `bytes` bytes, with nothing else going on.
double DiskSpeed(const std::string& path, uint64_t bytes) {
  std::string block(size_t{1} << 20, 'x');
  Random random(3);
  for (char& c : block) c = static_cast<char>(random.Next());
  const double seconds = Seconds([&] {
    auto file = OutputFile::Create(path, OutputFile::Existing::kReplace);
    Check(file.status());
    for (uint64_t written = 0; written < bytes; written += block.size()) {
      Check((*file)->Write({block}));
    }
    Check((*file)->Sync());
  });
  std::remove(path.c_str());
  return static_cast<double>(bytes) / seconds;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Measure(const std::string& server, int compression, Report* report) {
  const TempDir folder;
  const std::string checkpoints = folder.File("checkpoints");
  Check(MakeDirectories(checkpoints));
  v1::Checkpoint settings;
  settings.set_dir(checkpoints);
  settings.set_compression(static_cast<uint32_t>(compression));
  BenchCluster cluster(server, 2, kClients, {Table()}, 64, settings);
  Figures figures;
  std::atomic<bool> stop{false};
  std::deque<std::thread> threads;
  {
    Client first(cluster, 1);
    Fill(first);
    std::vector<double> quiet, busy, quiet_longest, longest, speed;
    for (int i = 0; i < kClients; ++i) {
      threads.emplace_back([&, i] {
        if (i == 0) return PushOn(first, 11, stop, &figures);
        Client client(cluster, static_cast<uint32_t>(i + 1));
        PushOn(client, 11 + static_cast<uint64_t>(i), stop, &figures);
      });
    }
    absl::SleepFor(absl::Seconds(2));
    uint64_t bytes = 0;
    for (uint64_t round = 1; round <= kRounds; ++round) {
      const Measured before = During(figures, [] { absl::SleepFor(absl::Seconds(2)); });
      quiet.push_back(before.pushes_per_second);
      quiet_longest.push_back(before.longest);
      Check(BeginCheckpoint(checkpoints, round));
      const Measured during = During(figures, [&] { bytes = cluster.SaveCheckpoint(round); });
      busy.push_back(during.pushes_per_second / before.pushes_per_second);
      longest.push_back(during.longest);
      speed.push_back(static_cast<double>(bytes) / during.seconds);
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    Check(BeginCheckpoint(checkpoints, kRounds + 1));
    const double idle = Seconds([&] { bytes = cluster.SaveCheckpoint(kRounds + 1); });
    PushKeys(first, 0, kTableKeys / 100);
    Check(BeginCheckpoint(checkpoints, kRounds + 2));
    const uint64_t added = cluster.SaveCheckpoint(kRounds + 2, kRounds + 1);
    const double disk = DiskSpeed(folder.File("plain"), bytes);
    report->Add({{"zstd", static_cast<double>(compression)},
                 {"pushes_per_s", Median(quiet)},
                 {"longest_wait_ms", 1e3 * Median(quiet_longest)},
                 {"checkpoint_mb", static_cast<double>(bytes) / 1e6},
                 {"ratio_while_written", Median(busy)},
                 {"longest_wait_while_written_ms", 1e3 * Median(longest)},
                 {"longest_of_all_ms", 1e3 * *std::max_element(longest.begin(), longest.end())},
                 {"mb_per_s", Median(speed) / 1e6},
                 {"disk_mb_per_s", disk / 1e6},
                 {"of_disk", Median(speed) / disk},
                 {"idle_mb_per_s", static_cast<double>(bytes) / idle / 1e6},
                 {"idle_of_disk", static_cast<double>(bytes) / idle / disk},
                 {"added_mb", static_cast<double>(added) / 1e6}});
  }
}

int Run(int argc, char** argv) {
  Report report;
  for (const int compression : {1, 0}) {
    Measure(ProgramPath(argv[0], "server/paramd_server"), compression, &report);
  }
  return report.Finish(argc, argv);
}

}  // namespace
}  // namespace paramd

int main(int argc, char** argv) { return paramd::Run(argc, argv); }
