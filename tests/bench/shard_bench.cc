// Shards without the network: rows per second of pushes and pulls beside the plain loop over
// absl::flat_hash_map, dense ones beside axpy and memcpy; memory per key; the longest operation
// while a shard grows. `bazel run //tests/bench:shard_bench [-- [--filter=PART] [--json=FILE]]`
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "common/base/random.h"
#include "common/math/initializer.h"
#include "common/routing/shard_of.h"
#include "common/wire/array_floats.h"
#include "paramd/v1/config.pb.h"
#include "server/optimizer/create_optimizer.h"
#include "server/optimizer/optimizer.h"
#include "server/table/dense_shard.h"
#include "server/table/page_memory.h"
#include "server/table/rows.h"
#include "server/table/shard.h"
#include "server/table/sparse_shard.h"
#include "tests/bench/flat_map_table.h"
#include "tests/bench/key_batches.h"
#include "tests/bench/report.h"

namespace paramd {
namespace {

constexpr double kMega = 1e6;

std::shared_ptr<const Optimizer> Make(v1::Optimizer::Type type) {
  v1::Optimizer settings;
  settings.set_type(type);
  settings.set_learning_rate(0.1);
  settings.set_epsilon(1e-8);
  settings.set_alpha(0.05);
  settings.set_beta(1);
  settings.set_l1(0.1);
  return *CreateOptimizer(settings);
}

// Like the gradients of a model that has learnt for a while.
std::vector<float> Gradients(size_t size) {
  std::vector<float> gradients(size);
  Random random(7);
  for (float& gradient : gradients) gradient = static_cast<float>(random.NextUnit() - 0.5);
  return gradients;
}

// A sparse table as a server holds it; operations are checked as the engine does.
class SparseTable {
 public:
  SparseTable(uint32_t shards, uint32_t dim, const std::shared_ptr<const Optimizer>& optimizer) {
    for (uint32_t shard = 0; shard < shards; ++shard) {
      shards_.push_back(
          std::make_unique<SparseShard>(shard, shards, dim, Initializer(), optimizer));
    }
  }

  void Push(const KeyBatch& batch, const float* gradients) {
    ArraySource source(gradients);
    ++sequence_;
    for (size_t shard = 0; shard < shards_.size(); ++shard) {
      shards_[shard]->Push({.client = 1, .incarnation = 1, .sequence = sequence_},
                           Checked(batch, shard), source);
    }
  }

  void Pull(const KeyBatch& batch, float* out) {
    ArraySink sink(out);
    for (size_t shard = 0; shard < shards_.size(); ++shard) {
      shards_[shard]->Pull(Checked(batch, shard), sink);
    }
  }

 private:
  RowSet Checked(const KeyBatch& batch, size_t shard) {
    const size_t begin = batch.offsets[shard], size = batch.offsets[shard + 1] - begin;
    RowSet rows = {.count = size, .keys = absl::MakeSpan(batch.keys).subspan(begin, size)};
    hashes_.resize(std::max(hashes_.size(), size));
    if (!shards_[shard]->CheckRows(&rows, hashes_.data()).ok()) std::abort();
    return rows;
  }

  std::vector<std::unique_ptr<SparseShard>> shards_;
  std::vector<uint64_t> hashes_;
  uint64_t sequence_ = 0;
};

// Seconds of a push and a pull of the batch, from a table with keys [0, keys).
struct Times {
  double push = 0;
  double pull = 0;
};

template <typename Table>
Times Measure(Table& table, uint64_t keys, uint32_t shards, uint32_t dim, const KeyBatch& batch) {
  const std::vector<float> gradients = Gradients(batch.keys.size() * dim);
  for (uint64_t first = 0; first < keys; first += batch.keys.size()) {
    table.Push(MakeKeyBatch(first, std::min<uint64_t>(batch.keys.size(), keys - first), shards),
               gradients.data());
  }
  std::vector<float> out(batch.keys.size() * dim);
  return {.push = MedianSeconds([&] { table.Push(batch, gradients.data()); }),
          .pull = MedianSeconds([&] { table.Pull(batch, out.data()); })};
}

template <typename Rule, int kDim>
void SparseRows(Report& report, const char* name, v1::Optimizer::Type type, uint64_t keys,
                uint32_t shards) {
  const size_t batch_size = std::min<uint64_t>(1000000, keys / 4);
  const KeyBatch batch = DrawKeyBatch(keys, batch_size, shards, 1);
  Times ours, plain;
  {
    SparseTable table(shards, kDim, Make(type));
    ours = Measure(table, keys, shards, kDim, batch);
  }
  {
    FlatMapTable<Rule, kDim> table(shards);
    plain = Measure(table, keys, shards, kDim, batch);
  }
  const auto rate = [&](double seconds) {
    return static_cast<double>(batch_size) / seconds / kMega;
  };
  report.Add({{"sparse", name},
              {"dim", kDim},
              {"shards", shards},
              {"keys", keys},
              {"batch", batch_size},
              {"push_mrows_per_s", rate(ours.push)},
              {"flat_map_push", rate(plain.push)},
              {"push_ratio", plain.push / ours.push},
              {"pull_mrows_per_s", rate(ours.pull)},
              {"flat_map_pull", rate(plain.pull)},
              {"pull_ratio", plain.pull / ours.pull}});
  std::fprintf(stderr, ".");
}

// What memory allows: random cache lines of an array of the size of a table of 10 M keys with
// AdaGrad, each asked for ahead.
void MemoryLimit(Report& report) {
  constexpr size_t kLines = (size_t{240} << 20) / 64, kTouches = 4000000, kAhead = 32;
  const PageMemory memory(kLines * 64, /*huge=*/true);
  auto* const lines = static_cast<uint64_t*>(memory.data());
  std::memset(lines, 1, kLines * 64);
  std::vector<uint32_t> at(kTouches + kAhead);
  Random random(3);
  for (uint32_t& line : at) line = static_cast<uint32_t>(random.NextBelow(kLines));
  const double seconds = MedianSeconds([&] {
    for (size_t i = 0; i < kTouches; ++i) {
      __builtin_prefetch(lines + size_t{at[i + kAhead]} * 8);
      ++lines[size_t{at[i]} * 8];
    }
  });
  report.Add({{"limit", "random 64-byte lines of 240 MiB, prefetched"},
              {"mlines_per_s", kTouches / seconds / kMega}});
}

void DenseRows(Report& report, const std::string& name, v1::Optimizer::Type type, size_t mib) {
  const size_t size = (mib << 20) / sizeof(float);
  DenseShard shard({.begin = 0, .end = size}, 1, Initializer(), Make(type));
  const std::vector<float> gradients = Gradients(size);
  std::vector<float> values(size);
  const RowSet rows = {.count = size};
  const size_t repeats = 32 / mib;  // so that one measurement takes long enough
  uint64_t sequence = 0;
  const auto gb_per_s = [&](const std::function<void()>& work) {
    const double seconds = MedianSeconds([&] {
      for (size_t i = 0; i < repeats; ++i) work();
    });
    return static_cast<double>(repeats * size * sizeof(float)) / seconds / 1e9;
  };
  const double push = gb_per_s([&] {
    ArraySource source(gradients.data());
    shard.Push({1, 1, ++sequence}, rows, source);
  });
  const double pull = gb_per_s([&] {
    ArraySink sink(values.data());
    shard.Pull(rows, sink);
  });
  const double axpy = gb_per_s([&] {
    float* const w = values.data();
    const float* const g = gradients.data();
    for (size_t i = 0; i < size; ++i) w[i] -= 0.1f * g[i];
  });
  std::vector<float> copy(size);
  const double memcpy = gb_per_s([&] { std::memcpy(copy.data(), values.data(), mib << 20); });
  report.Add({{"dense", name},
              {"mib", mib},
              {"push_gb_per_s", push},
              {"axpy_gb_per_s", axpy},
              {"push_ratio", push / axpy},
              {"pull_gb_per_s", pull},
              {"memcpy_gb_per_s", memcpy},
              {"pull_ratio", pull / memcpy}});
  std::fprintf(stderr, ".");
}

size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// A table that grows from nothing to 10 M keys: bytes per key on the way and the longest operation.
void GrowthRow(Report& report, uint32_t shards) {
  constexpr uint64_t kKeys = 10000000;
  constexpr size_t kBatch = 65536;
  const std::vector<float> gradients = Gradients(kBatch);
  SparseTable table(shards, 1, Make(v1::Optimizer::ADAGRAD));
  const size_t before = ResidentBytes();
  double longest = 0, total = 0, worst = 0, bytes = 0;
  for (uint64_t first = 0; first < kKeys; first += kBatch) {
    {
      const KeyBatch batch = MakeKeyBatch(first, std::min(kBatch, kKeys - first), shards);
      const double seconds = Seconds([&] { table.Push(batch, gradients.data()); });
      longest = std::max(longest, seconds);
      total += seconds;
    }
    const uint64_t keys = std::min(first + kBatch, kKeys);
    bytes = static_cast<double>(ResidentBytes() - before) / static_cast<double>(keys);
    if (keys >= kKeys / 2) worst = std::max(worst, bytes);
  }
  report.Add({{"growth", "adagrad"},
              {"dim", 1},
              {"shards", shards},
              {"keys", kKeys},
              {"keys_per_operation", kBatch},
              {"longest_operation_ms", longest * 1e3},
              {"mrows_per_s", kKeys / total / kMega},
              {"bytes_per_key", bytes},
              {"worst_from_5m_on", worst}});
  std::fprintf(stderr, ".");
}

// What can be measured by itself, by name.
struct Measurement {
  std::string name;
  std::function<void(Report&)> run;
};

template <typename Rule, int kDim>
void AddSparse(std::vector<Measurement>& all, const char* rule, v1::Optimizer::Type type,
               uint64_t keys, uint32_t shards) {
  all.push_back(
      {.name = absl::StrCat("sparse/", rule, "/dim", kDim, "/shards", shards),
       .run = [=](Report& report) { SparseRows<Rule, kDim>(report, rule, type, keys, shards); }});
}

template <typename Rule>
void AddSparseOfAllDims(std::vector<Measurement>& all, const char* rule, v1::Optimizer::Type type) {
  AddSparse<Rule, 1>(all, rule, type, 10000000, 1);
  AddSparse<Rule, 1>(all, rule, type, 10000000, 64);
  AddSparse<Rule, 4>(all, rule, type, 4000000, 64);
  AddSparse<Rule, 16>(all, rule, type, 1000000, 64);
  AddSparse<Rule, 64>(all, rule, type, 400000, 64);
}

std::vector<Measurement> Measurements() {
  std::vector<Measurement> all;
  for (const uint32_t shards : {1u, 64u}) {
    all.push_back({.name = absl::StrCat("growth/shards", shards),
                   .run = [shards](Report& report) { GrowthRow(report, shards); }});
  }
  all.push_back({.name = "limit", .run = MemoryLimit});
  AddSparseOfAllDims<PlainAdagrad>(all, "adagrad", v1::Optimizer::ADAGRAD);
  AddSparseOfAllDims<PlainSgd>(all, "sgd", v1::Optimizer::SGD);
  AddSparseOfAllDims<PlainFtrl>(all, "ftrl", v1::Optimizer::FTRL);
  for (const size_t mib : {1, 4, 32}) {
    for (const v1::Optimizer::Type type :
         {v1::Optimizer::SGD, v1::Optimizer::ADAGRAD, v1::Optimizer::FTRL}) {
      const std::string rule = absl::AsciiStrToLower(v1::Optimizer::Type_Name(type));
      all.push_back({.name = absl::StrCat("dense/", rule, "/", mib, "mib"),
                     .run = [=](Report& report) { DenseRows(report, rule, type, mib); }});
    }
  }
  return all;
}

// `--filter=PART` as the first argument: only the measurements whose name has this part.
int Main(int argc, char** argv) {
  absl::string_view filter;
  if (argc > 1) {
    absl::string_view argument = argv[1];
    if (absl::ConsumePrefix(&argument, "--filter=")) {
      filter = argument;
      argv[1] = argv[0];
      ++argv;
      --argc;
    }
  }
  Report report;
  for (const Measurement& measurement : Measurements()) {
    if (absl::StrContains(measurement.name, filter)) measurement.run(report);
  }
  std::fprintf(stderr, "\n");
  return report.Finish(argc, argv);
}

}  // namespace
}  // namespace paramd

int main(int argc, char** argv) { return paramd::Main(argc, argv); }
