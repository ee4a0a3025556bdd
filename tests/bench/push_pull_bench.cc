// Pushes and pulls between one server process and one client process on loopback, beside what the
// machine allows: a raw TCP program that moves the same values with the same arithmetic.
//
//   bazel run -c opt //tests/bench:push_pull_bench -- [--json=FILE]
//   [--only=dense|sparse|wide|pairs]
//
// The table of the sparse operations has 10 million keys; the keys of an operation are every tenth.
// Bytes are those of the float32 values. All figures are of one run: measurements of paramd and of
// the raw program take turns.

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/buffer.h"
#include "common/base/random.h"
#include "common/rpc/polling.h"
#include "tests/bench/bench_cluster.h"
#include "tests/bench/raw_peer.h"
#include "tests/bench/report.h"

namespace paramd {
namespace {

constexpr size_t kTableKeys = 10'000'000;
constexpr size_t kKeys = 1'000'000;
constexpr uint32_t kWide = 16;
constexpr size_t kLargest = size_t{8} << 20;  // float32 values of a dense table
constexpr int kRounds = 5;

struct DenseSize {
  size_t bytes;
  uint32_t cols;
  int runs;  // in a round
};
constexpr DenseSize kDenseSizes[] = {{64, 16, 400},
                                     {64 << 10, 1024, 200},
                                     {1 << 20, 1024, 40},
                                     {4 << 20, 1024, 12},
                                     {32 << 20, 1024, 3}};

struct Times {
  std::vector<double> seconds;
  double cpu = 0;

  double Quantile(double q) {
    std::sort(seconds.begin(), seconds.end());
    return seconds[std::min(seconds.size() - 1,
                            static_cast<size_t>(q * static_cast<double>(seconds.size())))];
  }
};

double OwnCpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Runs both, in turns; the raw one may be left out.
void Measure(int runs, const std::function<double()>& cpu, const std::function<void()>& work,
             Times* times, const std::function<void()>& raw = nullptr, Times* raw_times = nullptr) {
  work();
  if (raw) raw();
  for (int round = 0; round < kRounds; ++round) {
    const double before = cpu();
    for (int i = 0; i < runs; ++i) times->seconds.push_back(Seconds(work));
    times->cpu += cpu() - before;
    for (int i = 0; raw && i < runs; ++i) raw_times->seconds.push_back(Seconds(raw));
  }
  times->cpu /= kRounds * runs;
}

v1::TableSpec Spec(const std::string& name, uint64_t rows, uint32_t dim, bool adagrad) {
  v1::TableSpec spec;
  spec.set_name(name);
  spec.set_kind(rows > 0 ? v1::TableSpec::DENSE : v1::TableSpec::SPARSE);
  spec.set_rows(rows);
  spec.set_dim(dim);
  spec.mutable_consistency()->set_mode(v1::Consistency::ASP);
  spec.mutable_optimizer()->set_type(adagrad ? v1::Optimizer::ADAGRAD : v1::Optimizer::SGD);
  spec.mutable_optimizer()->set_learning_rate(0.01);
  spec.mutable_optimizer()->set_epsilon(1e-8);
  spec.mutable_push()->set_values(v1::Codec::F32);
  spec.mutable_pull()->set_values(v1::Codec::F32);
  return spec;
}

v1::ShardMap WithCodec(v1::ShardMap map, v1::Codec::Values codec) {
  for (v1::TablePlacement& table : *map.mutable_tables()) {
    table.mutable_spec()->mutable_push()->set_values(codec);
    table.mutable_spec()->mutable_pull()->set_values(codec);
  }
  return map;
}

// A client, and operations of its own that block.
class Peer {
 public:
  explicit Peer(std::unique_ptr<ParameterClient> client) : client_(std::move(client)) {}

  ParameterClient& client() { return *client_; }

  void Push(const std::shared_ptr<const RowPlan>& plan, const Buffer& gradients) {
    BeginPush(plan, gradients);
    Wait();
  }
  void Pull(const std::shared_ptr<const RowPlan>& plan, absl::Span<float> values) {
    BeginPull(plan, values);
    Wait();
  }
  void PlanAndPull(absl::Span<const uint64_t> keys, absl::Span<float> values) {
    ++open_;
    client_->PlanAndPull(0, keys, clock_, values, [this](const absl::Status& s) { Done(s); });
    Wait();
  }
  void PushPull(const std::shared_ptr<const RowPlan>& plan, const Buffer& gradients,
                absl::Span<float> values) {
    BeginPush(plan, gradients);
    BeginPull(plan, values);
    Wait();
  }

 private:
  void BeginPush(const std::shared_ptr<const RowPlan>& plan, const Buffer& gradients) {
    ++open_;
    const ParameterClient::TableGradients push = {.plan = plan, .values = gradients};
    client_->PushStep(clock_++, 1, {&push, 1}, [this](const absl::Status& s) { Done(s); });
  }
  void BeginPull(const std::shared_ptr<const RowPlan>& plan, absl::Span<float> values) {
    ++open_;
    client_->Pull(plan, clock_, values, [this](const absl::Status& s) { Done(s); });
  }
  void Done(const absl::Status& status) {
    if (!status.ok()) {
      std::fprintf(stderr, "bench: %s\n", status.ToString().c_str());
      std::_Exit(1);
    }
    --open_;
  }
  void Wait() {
    client_->Wait([this] { return open_ == 0; });
  }

  std::unique_ptr<ParameterClient> client_;
  uint64_t clock_ = 0;
  std::atomic<int> open_{0};
};

Buffer Gradients(size_t size) {
  Buffer buffer(size * sizeof(float));
  for (size_t i = 0; i < size; ++i) {
    buffer.floats()[i] = 1e-3f * static_cast<float>(static_cast<int>(i % 17) - 8);
  }
  return buffer;
}

const char* NameOf(v1::Codec::Values codec) {
  switch (codec) {
    case v1::Codec::BF16:
      return "bf16";
    case v1::Codec::INT8:
      return "int8";
    default:
      return "f32";
  }
}

class Bench {
 public:
  explicit Bench(const std::string& server) : server_(server) {}

  // `only`: one part; empty: all.
  void Run(absl::string_view only) {
    const auto runs = [only](absl::string_view part) { return only.empty() || only == part; };
    if (runs("dense")) Dense();
    if (runs("sparse")) Sparse(1, {v1::Codec::F32, v1::Codec::BF16, v1::Codec::INT8});
    if (runs("wide")) Sparse(kWide, {v1::Codec::F32});
    if (runs("pairs")) TwoPairs();
  }

  const Report& report() const { return report_; }

 private:
  void Dense() {
    RawPeer& raw = raw_dense_;
    std::vector<v1::TableSpec> specs;
    for (const DenseSize& size : kDenseSizes) {
      const uint64_t floats = size.bytes / sizeof(float);
      specs.push_back(
          Spec(absl::StrCat("dense-", size.bytes), floats / size.cols, size.cols, false));
    }
    BenchCluster cluster(server_, 1, 16, specs);
    const auto cpu = [&] { return cluster.CpuSeconds() + OwnCpuSeconds(); };
    for (const v1::Codec::Values codec : {v1::Codec::F32, v1::Codec::BF16, v1::Codec::INT8}) {
      Peer peer(cluster.Client(++clients_, WithCodec(cluster.shard_map(), codec), transport_));
      for (uint32_t table = 0; table < specs.size(); ++table) {
        const DenseSize& size = kDenseSizes[table];
        if (codec != v1::Codec::F32 && size.bytes < (1 << 20)) continue;
        const size_t floats = size.bytes / sizeof(float);
        const auto plan = peer.client().Plan(table, {});
        const Buffer gradients = Gradients(floats);
        std::vector<float> values(floats), raw_values(floats);
        const absl::Span<const float> raw_gradients(gradients.floats(), floats);
        Times push, pull, both, raw_push, raw_pull, raw_both;
        const bool ping = size.bytes == 64;
        Measure(
            size.runs, cpu, [&] { peer.Push(plan, gradients); }, &push,
            [&] { ping ? raw.PingPong() : raw.PushDense(raw_gradients); }, &raw_push);
        Measure(
            size.runs, cpu, [&] { peer.Pull(plan, absl::MakeSpan(values)); }, &pull,
            [&] { ping ? raw.PingPong() : raw.PullDense(absl::MakeSpan(raw_values)); }, &raw_pull);
        Measure(
            size.runs, cpu, [&] { peer.PushPull(plan, gradients, absl::MakeSpan(values)); }, &both,
            [&] {
              if (ping) return raw.PingPong();
              raw.PushDense(raw_gradients);
              raw.PullDense(absl::MakeSpan(raw_values));
            },
            &raw_both);
        AddDense("push", size.bytes, size.bytes, codec, &push, &raw_push);
        AddDense("pull", size.bytes, size.bytes, codec, &pull, &raw_pull);
        AddDense("push-pull", size.bytes, 2 * size.bytes, codec, &both, &raw_both);
      }
    }
  }

  void AddDense(const char* op, size_t bytes, size_t moved, v1::Codec::Values codec, Times* times,
                Times* raw) {
    const double p50 = times->Quantile(0.5), raw_p50 = raw->Quantile(0.5);
    const auto gb = static_cast<double>(moved) / 1e9;
    const std::string kind = absl::StrCat(op, " ", bytes);
    if (codec == v1::Codec::F32) f32_[kind] = p50;
    report_.Add({{"op", op},
                 {"kind", "dense"},
                 {"bytes", bytes},
                 {"codec", NameOf(codec)},
                 {"p50_us", p50 * 1e6},
                 {"p99_us", times->Quantile(0.99) * 1e6},
                 {"raw_p50_us", raw_p50 * 1e6},
                 {"gb_per_s", gb / p50},
                 {"raw_gb_per_s", gb / raw_p50},
                 {"ratio", raw_p50 / p50},
                 {"vs_f32", f32_[kind] / p50},
                 {"cpu_us", times->cpu * 1e6}});
  }

  void Sparse(uint32_t dim, const std::vector<v1::Codec::Values>& codecs) {
    RawPeer& raw = dim == 1 ? raw_narrow_ : raw_wide_;
    BenchCluster cluster(server_, 1, 16, {Spec("sparse", 0, dim, true)});
    const auto cpu = [&] { return cluster.CpuSeconds() + OwnCpuSeconds(); };
    const uint64_t resident = cluster.ResidentBytes();
    Fill(cluster, dim);
    const double bytes_per_key =
        static_cast<double>(cluster.ResidentBytes() - resident) / static_cast<double>(kTableKeys);

    std::vector<uint64_t> keys(kKeys);
    Random random(7);
    for (size_t i = 0; i < kKeys; ++i) keys[i] = 10 * i + random.NextBelow(10);
    const Buffer gradients = Gradients(kKeys * dim);
    const absl::Span<const float> raw_gradients(gradients.floats(), kKeys * dim);
    std::vector<float> values(kKeys * dim), raw_values(kKeys * dim);
    const int runs = dim == 1 ? 4 : 2;
    for (const v1::Codec::Values codec : codecs) {
      for (const v1::Codec::Keys key_codec : {v1::Codec::PACKED, v1::Codec::CACHED}) {
        v1::Transport transport = transport_;
        transport.set_keys(key_codec);
        Peer peer(cluster.Client(++clients_, WithCodec(cluster.shard_map(), codec), transport));
        ParameterClient& client = peer.client();
        // Planning is a part of the operation, except where the list is known.
        std::shared_ptr<const RowPlan> known = client.Plan(0, keys);
        peer.Push(known, gradients);
        const auto plan = [&] {
          return key_codec == v1::Codec::CACHED ? known : client.Plan(0, keys);
        };
        Times push, pull, both, raw_push, raw_pull, raw_both;
        Measure(
            runs, cpu, [&] { peer.Push(plan(), gradients); }, &push,
            [&] { raw.PushSparse(keys, raw_gradients); }, &raw_push);
        Measure(
            runs, cpu,
            [&] {
              if (key_codec == v1::Codec::CACHED) return peer.Pull(known, absl::MakeSpan(values));
              peer.PlanAndPull(keys, absl::MakeSpan(values));
            },
            &pull, [&] { raw.PullSparse(keys, absl::MakeSpan(raw_values)); }, &raw_pull);
        Measure(
            runs, cpu, [&] { peer.PushPull(plan(), gradients, absl::MakeSpan(values)); }, &both,
            [&] {
              raw.PushSparse(keys, raw_gradients);
              raw.PullSparse(keys, absl::MakeSpan(raw_values));
            },
            &raw_both);
        // A pull sends nothing but keys.
        const uint64_t before = client.bytes_sent();
        peer.Pull(plan(), absl::MakeSpan(values));
        const double key_bytes =
            static_cast<double>(client.bytes_sent() - before) / static_cast<double>(kKeys);
        const char* const key_name = key_codec == v1::Codec::CACHED ? "cached" : "packed";
        AddSparse("push", 1, dim, codec, key_name, key_bytes, bytes_per_key, &push, &raw_push);
        AddSparse("pull", 1, dim, codec, key_name, key_bytes, bytes_per_key, &pull, &raw_pull);
        AddSparse("push-pull", 2, dim, codec, key_name, key_bytes, bytes_per_key, &both, &raw_both);
      }
    }
  }

  void AddSparse(const char* op, double times_moved, uint32_t dim, v1::Codec::Values codec,
                 const char* keys, double key_bytes, double bytes_per_key, Times* times,
                 Times* raw) {
    const double p50 = times->Quantile(0.5), raw_p50 = raw->Quantile(0.5);
    const double mkeys = times_moved * static_cast<double>(kKeys) / 1e6;
    report_.Add({{"op", op},
                 {"kind", "sparse"},
                 {"keys", kKeys},
                 {"dim", dim},
                 {"codec", NameOf(codec)},
                 {"key_codec", keys},
                 {"p50_us", p50 * 1e6},
                 {"p99_us", times->Quantile(0.99) * 1e6},
                 {"mkeys_per_s", mkeys / p50},
                 {"raw_mkeys_per_s", mkeys / raw_p50},
                 {"gb_per_s", mkeys * dim * 4e-3 / p50},
                 {"ratio", raw_p50 / p50},
                 {"wire_bytes_per_key", key_bytes},
                 {"table_bytes_per_key", bytes_per_key},
                 {"cpu_us", times->cpu * 1e6}});
  }

  // Every key of the table gets a row.
  void Fill(const BenchCluster& cluster, uint32_t dim) {
    Peer peer(cluster.Client(++clients_, cluster.shard_map(), transport_));
    const Buffer gradients = Gradients(kKeys * dim);
    std::vector<uint64_t> keys(kKeys);
    for (size_t first = 0; first < kTableKeys; first += kKeys) {
      for (size_t i = 0; i < kKeys; ++i) keys[i] = first + i;
      peer.Push(peer.client().Plan(0, keys), gradients);
    }
  }

  // Bytes that a processor second moves: one client and one server, and two of each, where every
  // client pushes to both servers.
  void TwoPairs() {
    constexpr size_t kBytes = 4 << 20;
    std::vector<double> per_cpu;
    for (const int pairs : {1, 2}) {
      BenchCluster cluster(server_, pairs, 2, {Spec("dense", kBytes / 4096, 1024, false)});
      const double server_before = cluster.CpuSeconds();
      std::vector<std::thread> threads;
      const double before = OwnCpuSeconds();
      std::vector<std::unique_ptr<Peer>> peers;
      for (int i = 0; i < pairs; ++i) {
        peers.push_back(std::make_unique<Peer>(
            cluster.Client(static_cast<uint32_t>(i + 1), cluster.shard_map(), transport_)));
      }
      for (int i = 0; i < pairs; ++i) {
        threads.emplace_back([&peer = *peers[static_cast<size_t>(i)]] {
          const auto plan = peer.client().Plan(0, {});
          const Buffer gradients = Gradients(kBytes / sizeof(float));
          for (int run = 0; run < kPairRuns; ++run) peer.Push(plan, gradients);
        });
      }
      for (std::thread& thread : threads) thread.join();
      const double cpu = OwnCpuSeconds() - before + cluster.CpuSeconds() - server_before;
      per_cpu.push_back(static_cast<double>(pairs) * kPairRuns * static_cast<double>(kBytes) / 1e9 /
                        cpu);
    }
    report_.Add({{"op", "push"},
                 {"kind", "pairs"},
                 {"bytes", kBytes},
                 {"one_pair_gb_per_cpu_s", per_cpu[0]},
                 {"two_pairs_gb_per_cpu_s", per_cpu[1]},
                 {"ratio", per_cpu[1] / per_cpu[0]}});
  }

  static constexpr int kPairRuns = 200;

  // They fork, so they come before any thread.
  RawPeer raw_dense_{kLargest, 1, 1};
  RawPeer raw_narrow_{1, kTableKeys, 1};
  RawPeer raw_wide_{1, kTableKeys, kWide};
  const std::string server_;
  const v1::Transport transport_ = DefaultTransport();
  uint32_t clients_ = 0;
  std::map<std::string, double> f32_;
  Report report_;
};

}  // namespace
}  // namespace paramd

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  paramd::PollQueuesApart();
  paramd::Bench bench(paramd::ProgramPath(argv[0], "server/paramd_server"));
  absl::string_view only;
  if (argc > 1 && absl::StartsWith(argv[argc - 1], "--only=")) {
    only = absl::StripPrefix(argv[--argc], "--only=");
  }
  bench.Run(only);
  return bench.report().Finish(argc, argv);
}
