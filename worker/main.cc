#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "common/base/failpoint.h"
#include "common/config/flags.h"
#include "common/logging/logging.h"
#include "common/process/signals.h"
#include "common/rpc/coordinator_addresses.h"
#include "common/rpc/daemon_server.h"
#include "common/rpc/polling.h"
#include "worker/worker.h"

int main(int argc, char** argv) {
  if (const auto exit_code = paramd::FailpointsExitCode()) return *exit_code;
  paramd::PollQueuesApart();
  paramd::Signals signals;
  std::string log_level = "info";
  paramd::Worker::Options options;
  options.name = absl::StrCat("worker-", getpid());
  paramd::Flags flags(
      "paramd_worker",
      "The worker daemon of paramd: reads its part of the data, computes gradients, "
      "pulls and pushes. The configuration comes from the coordinator.");
  flags.String("coordinator", "HOST:PORT,...",
               "where the coordinator is, or those are of which one leads", options.coordinator);
  flags.String("name", "NAME", "unique among the workers of the cluster", options.name);
  flags.String("listen", "HOST:PORT", "where to answer status requests", options.listen);
  flags.Choice("log_level", {"debug", "info", "warning", "error"}, "least severe that is logged",
               log_level);
  if (const auto exit_code = flags.ParseOrExitCode(paramd::Arguments(argc, argv))) {
    return *exit_code;
  }
  if (options.coordinator.empty()) {
    std::fprintf(stderr, "paramd_worker: --coordinator HOST:PORT is missing\n");
    return paramd::kExitUsage;
  }
  const auto coordinators = paramd::CoordinatorAddresses::Parse(options.coordinator);
  if (!coordinators.ok()) {
    std::fprintf(stderr, "paramd_worker: %s\n",
                 std::string(coordinators.status().message()).c_str());
    return paramd::kExitUsage;
  }
  paramd::InitLogging("paramd_worker", log_level);
  auto worker = paramd::Worker::Start(std::move(options));
  if (!worker.ok()) {
    spdlog::error("{}", std::string(worker.status().message()));
    return paramd::kExitFailure;
  }
  paramd::SignalWaiter waiter(signals, [&](int signal) {
    (*worker)->Stop(absl::StrCat("stopped by ", paramd::SignalName(signal)));
  });
  paramd::AnnounceReady("worker", (*worker)->address());
  return (*worker)->Run();
}
