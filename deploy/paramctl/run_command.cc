#include "deploy/paramctl/run_command.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/config.h"
#include "common/config/config_flags.h"
#include "common/config/duration.h"
#include "common/config/flags.h"
#include "common/process/signals.h"
#include "deploy/paramctl/find_program.h"
#include "deploy/paramctl/local_cluster.h"
#include "deploy/paramctl/progress.h"
#include "deploy/paramctl/run_result.h"
#include "deploy/paramctl/staleness_line.h"

namespace paramd {
namespace {

struct RunFlags {
  ConfigFlags config;
  std::optional<uint32_t> servers;
  std::optional<uint32_t> workers;
  std::string output = "text";
  std::string log_dir;
  std::string bin_dir;
  double slow_worker = 1;
  bool keep = false;

  std::optional<int> ParseOrExitCode(absl::Span<const std::string> args) {
    Flags flags(
        "paramctl run",
        "runs a whole cluster on this machine, every daemon a process of its own, until its "
        "job ends.");
    flags.Argument("CONFIG", "YAML file with the settings", config.config);
    flags.Count("servers", "N", "shard hosts to start, instead of cluster.servers", servers);
    flags.Count("workers", "M", "workers to start, instead of cluster.workers", workers);
    config.AddSetTo(flags);
    flags.Choice("output,o", {"text", "json"}, "form of the result; json: one object in a line",
                 output);
    flags.String("log_dir", "DIR", "folder for the daemons' logs, instead of the run's own",
                 log_dir);
    flags.Number("slow_worker",
                 "for tests: the last worker is as slow as on a machine so many times slower", 1.0,
                 100.0, slow_worker);
    flags.Switch("keep", "keep the run's folder also when the job succeeded", keep);
    flags.String("bin_dir", "DIR", "folder with the programs, instead of where this one is",
                 bin_dir);
    const std::optional<int> exit_code = flags.ParseOrExitCode(args);
    if (servers.has_value()) config.set.push_back(absl::StrCat("cluster.servers=", *servers));
    if (workers.has_value()) config.set.push_back(absl::StrCat("cluster.workers=", *workers));
    return exit_code;
  }
};

// A new folder for one run.
absl::StatusOr<std::string> MakeRunDirectory() {
  const char* base = getenv("TMPDIR");
  std::string path =
      JoinPath(base != nullptr && *base != '\0' ? base : "/tmp", "paramd-run.XXXXXX");
  if (mkdtemp(path.data()) == nullptr) return FileError(errno, "make", path);
  return path;
}

bool IsTerminalWithBar() {
  const char* no_color = getenv("NO_COLOR");
  const char* terminal = getenv("TERM");
  return isatty(STDERR_FILENO) && (no_color == nullptr || *no_color == '\0') &&
         (terminal == nullptr || std::string(terminal) != "dumb");
}

// One run from its folder to its result.
class Run {
 public:
  Run(const RunFlags& flags, const v1::Config& config)
      : flags_(flags),
        bar_(IsTerminalWithBar()),
        progress_(bar_ || flags.output == "json" ? std::cerr : std::cout, bar_, Clock::System()) {
    options_.servers = config.cluster().servers();
    options_.workers = config.cluster().workers().min();
    options_.slow_worker = flags.slow_worker;
    options_.grace = ToDuration(config.cluster().heartbeat().lease()) + absl::Seconds(1);
    options_.on_status = [this](const v1::ClusterStatus& status) {
      SayChoices(status.job());
      progress_.Show(status.job());
    };
    options_.on_event = [this](const std::string& event) { progress_.Say(event); };
  }

  int ToTheEnd() {
    LocalCluster::Outcome outcome;
    const absl::Status prepared = Prepare();
    if (prepared.ok()) {
      Signals signals;
      outcome = LocalCluster(options_, signals, Clock::System()).Run();
    } else {
      outcome = {.exit_code = kExitFailure, .message = std::string(prepared.message())};
    }
    progress_.Finish();
    Report(outcome);
    return outcome.exit_code;
  }

 private:
  absl::Status Prepare() {
    ASSIGN_OR_RETURN(options_.server_program,
                     FindProgram(flags_.bin_dir, "server", "paramd_server"));
    ASSIGN_OR_RETURN(options_.worker_program,
                     FindProgram(flags_.bin_dir, "worker", "paramd_worker"));
    ASSIGN_OR_RETURN(run_dir_, MakeRunDirectory());
    options_.log_dir = flags_.log_dir.empty() ? JoinPath(run_dir_, "logs") : flags_.log_dir;
    RETURN_IF_ERROR(MakeDirectories(options_.log_dir));
    options_.coordinator_args = CoordinatorArgs();
    return absl::OkStatus();
  }

  // Bounds that staleness auto has chosen since the last status.
  void SayChoices(const v1::JobStatus& job) {
    for (const v1::StalenessChoice& choice : job.staleness_choices()) {
      if (choice.seconds() <= last_choice_) continue;
      progress_.Say(FormatChoice(choice));
      last_choice_ = choice.seconds();
    }
  }

  std::vector<std::string> CoordinatorArgs() const {
    std::vector<std::string> settings = flags_.config.set;
    settings.push_back("cluster.coordinator.address=127.0.0.1:0");
    // The cluster ends with this command: nobody stands by.
    settings.push_back("cluster.coordinator.store.type=file");
    settings.push_back("cluster.coordinator.store.dir=" + JoinPath(run_dir_, "state"));
    settings.push_back(absl::StrCat("cluster.servers=", options_.servers));
    settings.push_back(absl::StrCat("cluster.workers=", options_.workers));
    // The coordinator answers until it is told to stop, so that the last status is not missed.
    settings.push_back("cluster.linger=24h");
    std::vector<std::string> args = {"--config", flags_.config.config};
    for (const std::string& setting : settings) args.insert(args.end(), {"--set", setting});
    return args;
  }

  void Report(const LocalCluster::Outcome& outcome) {
    const bool succeeded = outcome.exit_code == kExitDone;
    if (flags_.output == "text") std::cout << RunResultText(outcome) << std::flush;
    if (!succeeded) {
      std::cerr << outcome.details << "paramctl: the job failed: " << outcome.message << "\n";
    }
    if (succeeded && !flags_.keep && !run_dir_.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(run_dir_, ignored);
    } else if (!run_dir_.empty()) {
      std::cerr << "paramctl: logs are in " << options_.log_dir << ", state is in " << run_dir_
                << "\n";
    }
    if (flags_.output == "json") {
      std::cout << RunResultJson(outcome, options_.servers, options_.workers) << std::endl;
    }
  }

  const RunFlags& flags_;
  const bool bar_;
  Progress progress_;
  LocalCluster::Options options_;
  std::string run_dir_;
  // When the last choice that was said was made.
  double last_choice_ = 0;
};

}  // namespace

int RunRun(absl::Span<const std::string> args) {
  RunFlags flags;
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  const absl::StatusOr<LoadedConfig> loaded = LoadConfig(flags.config.Sources());
  if (!loaded.ok()) {
    std::cerr << loaded.status().message() << "\n";
    return kExitBadConfig;
  }
  return Run(flags, loaded->config).ToTheEnd();
}

}  // namespace paramd
