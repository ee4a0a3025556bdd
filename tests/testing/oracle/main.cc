#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "common/base/failpoint.h"
#include "common/config/flags.h"
#include "common/logging/logging.h"
#include "common/process/signals.h"
#include "common/rpc/daemon_server.h"
#include "common/rpc/polling.h"
#include "tests/testing/oracle/oracle_worker.h"

int main(int argc, char** argv) {
  if (const auto exit_code = paramd::FailpointsExitCode()) return *exit_code;
  paramd::PollQueuesApart();
  paramd::Signals signals;
  paramd::OracleWorker::Options options;
  options.name = absl::StrCat("oracle-", getpid());
  paramd::Flags flags("oracle_worker",
                      "A worker that pushes random integers and writes down what was acknowledged. "
                      "After SIGTERM it takes no further steps.");
  flags.String("coordinator", "HOST:PORT", "where the coordinator is", options.coordinator);
  flags.String("name", "NAME", "unique among the workers of the cluster", options.name);
  flags.String("log", "FILE", "what was pushed and acknowledged, as it happens", options.log);
  flags.Number("seed", "of what is pushed", 0, UINT64_MAX, options.seed);
  flags.Number("steps", "pushes at most", 0, UINT64_MAX, options.steps);
  if (const auto exit_code = flags.ParseOrExitCode(paramd::Arguments(argc, argv))) {
    return *exit_code;
  }
  paramd::InitLogging("oracle_worker", "info");
  auto worker = paramd::OracleWorker::Start(std::move(options));
  if (!worker.ok()) {
    spdlog::error("{}", std::string(worker.status().message()));
    return paramd::kExitFailure;
  }
  paramd::SignalWaiter waiter(signals, [&](int) { (*worker)->Stop(); });
  paramd::AnnounceReady("oracle", "-");
  return (*worker)->Run();
}
