#include "deploy/paramctl/status_command.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <iostream>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/exit_code.h"
#include "common/config/config.h"
#include "common/config/config_flags.h"
#include "common/config/flags.h"
#include "common/process/signals.h"
#include "common/rpc/coordinator_addresses.h"
#include "deploy/paramctl/status_client.h"
#include "deploy/paramctl/status_table.h"

namespace paramd {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr absl::Duration kWatchInterval = absl::Seconds(1);

std::string ToJson(const v1::ClusterStatus& status, bool in_lines) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = in_lines;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(status, &json, options).ok()) return "";
  return in_lines ? json : json + "\n";
}

// Asks once and prints the answer.
int ShowOnce(StatusClient& client, bool json, bool watch) {
  const absl::StatusOr<v1::ClusterStatus> status = client.Get(kTimeout);
  const bool redraw = watch && !json && isatty(STDOUT_FILENO);
  if (redraw) std::cout << "\x1b[H\x1b[2J";
  if (!status.ok()) {
    std::cout << std::flush;
    std::cerr << "paramctl: no answer from " << status.status().message() << "\n";
    return kExitUnreachable;
  }
  std::cout << (json ? ToJson(*status, !watch) : FormatStatus(*status))
            << (watch && !json && !redraw ? "\n" : "") << std::flush;
  return IsDegraded(*status) ? kExitDegraded : kExitDone;
}

int Watch(StatusClient& client, bool json, Signals& signals) {
  int exit_code;
  do {
    exit_code = ShowOnce(client, json, true);
  } while (signals.WaitFor(kWatchInterval) == 0);
  return exit_code;
}

}  // namespace

int RunStatus(absl::Span<const std::string> args) {
  ConfigFlags config;
  std::string coordinator, output = "table";
  bool watch = false;
  Flags flags("paramctl status",
              "shows the state of a cluster. Exit codes: 0 healthy, 3 degraded, 4 unreachable.");
  flags.String("coordinator", "HOST:PORT,...",
               "where the coordinator answers, or those do of which one leads, instead of the "
               "configuration's address",
               coordinator);
  config.AddTo(flags);
  flags.Switch("watch,w", "show it every second, until interrupted", watch);
  flags.Choice("output,o", {"table", "json"}, "form", output);
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  if (coordinator.empty() && config.config.empty()) {
    coordinator = v1::Coordinator::GetDescriptor()
                      ->FindFieldByName("address")
                      ->options()
                      .GetExtension(v1::setting)
                      .default_value();
  } else if (coordinator.empty()) {
    const absl::StatusOr<LoadedConfig> loaded = LoadConfig(config.Sources());
    if (!loaded.ok()) {
      std::cerr << loaded.status().message() << "\n";
      return kExitBadConfig;
    }
    coordinator = loaded->config.cluster().coordinator().address();
  }
  const absl::StatusOr<CoordinatorAddresses> coordinators =
      CoordinatorAddresses::Parse(coordinator);
  if (!coordinators.ok()) {
    std::cerr << "paramctl: " << coordinators.status().message() << "\n";
    return kExitUsage;
  }
  const bool json = output == "json";
  if (!watch) {
    StatusClient client(*coordinators);
    return ShowOnce(client, json, false);
  }
  Signals signals;
  StatusClient client(*coordinators);
  return Watch(client, json, signals);
}

}  // namespace paramd
