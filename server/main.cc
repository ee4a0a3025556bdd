#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "common/base/failpoint.h"
#include "common/config/config.h"
#include "common/config/config_flags.h"
#include "common/config/flags.h"
#include "common/logging/logging.h"
#include "common/process/signals.h"
#include "common/rpc/coordinator_addresses.h"
#include "common/rpc/daemon_server.h"
#include "common/rpc/polling.h"
#include "server/coordinator/coordinator_host.h"
#include "server/server.h"

namespace {

int Run(paramd::Server::Options options, paramd::Signals& signals) {
  auto server = paramd::Server::Start(std::move(options));
  if (!server.ok()) {
    spdlog::error("{}", std::string(server.status().message()));
    return paramd::ExitCodeOfStart(server.status());
  }
  paramd::SignalWaiter waiter(signals, [&](int signal) {
    (*server)->Stop(absl::StrCat("stopped by ", paramd::SignalName(signal)));
  });
  paramd::AnnounceReady((*server)->roles(), (*server)->address());
  return (*server)->Run();
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto exit_code = paramd::FailpointsExitCode()) return *exit_code;
  paramd::PollQueuesApart();
  paramd::Signals signals;
  std::string role = "coordinator,shard_host";
  std::string log_level = "info";
  paramd::Server::Options options;
  options.name = absl::StrCat("server-", getpid());
  paramd::ConfigFlags config_flags;
  paramd::Flags flags("paramd_server",
                      "The server daemon of paramd: coordinates a cluster, hosts shards, or both.");
  config_flags.AddTo(flags);
  flags.Choice("role", {"coordinator", "shard_host", "coordinator,shard_host"},
               "what this daemon does", role);
  flags.String("coordinator", "HOST:PORT,...",
               "shard_host: where the coordinator is, or those are of which one leads",
               options.coordinator);
  flags.String("name", "NAME", "unique among the servers of the cluster", options.name);
  flags.String("listen", "HOST:PORT",
               "shard_host: where to listen; a coordinator listens at cluster.coordinator.address",
               options.listen);
  flags.String("advertise", "HOST:PORT",
               "where others reach it, if not where it listens: shard_host, or a coordinator that "
               "others stand by for",
               options.advertise);
  flags.String("zone", "NAME",
               "shard_host: rack or availability zone; a shard and its backup are in two of them",
               options.zone);
  flags.Choice("log_level", {"debug", "info", "warning", "error"}, "least severe that is logged",
               log_level);
  if (const auto exit_code = flags.ParseOrExitCode(paramd::Arguments(argc, argv))) {
    return *exit_code;
  }
  paramd::InitLogging("paramd_server", log_level);

  options.shard_host = role != "coordinator";
  const auto wildcard = [](const std::string& address) {
    return absl::StartsWith(address, "0.0.0.0:") || absl::StartsWith(address, "[::]:");
  };
  const auto needs_advertise = [&](const std::string& address) {
    if (!options.advertise.empty() || !wildcard(address)) return false;
    std::fprintf(stderr,
                 "paramd_server: %s is every address of this machine; say with --advertise "
                 "HOST:PORT how others reach it\n",
                 address.c_str());
    return true;
  };
  if (role == "shard_host") {
    if (options.coordinator.empty()) {
      std::fprintf(stderr, "paramd_server: a shard_host needs --coordinator HOST:PORT\n");
      return paramd::kExitUsage;
    }
    const auto coordinators = paramd::CoordinatorAddresses::Parse(options.coordinator);
    if (!coordinators.ok()) {
      std::fprintf(stderr, "paramd_server: %s\n",
                   std::string(coordinators.status().message()).c_str());
      return paramd::kExitUsage;
    }
    if (needs_advertise(options.listen)) return paramd::kExitUsage;
    return Run(std::move(options), signals);
  }
  if (config_flags.config.empty()) {
    std::fprintf(stderr, "paramd_server: a coordinator needs --config FILE\n");
    return paramd::kExitUsage;
  }
  auto loaded = paramd::LoadConfig(config_flags.Sources());
  if (!loaded.ok()) {
    std::fprintf(stderr, "%s\n", std::string(loaded.status().message()).c_str());
    return paramd::kExitBadConfig;
  }
  options.config = loaded->config;
  if (options.zone.empty()) options.zone = loaded->config.cluster().server().zone();
  const paramd::v1::Coordinator& coordinator = options.config->cluster().coordinator();
  const bool told_to_others =
      options.shard_host || coordinator.store().type() == paramd::v1::Store::ETCD;
  if (told_to_others && needs_advertise(coordinator.address())) return paramd::kExitUsage;
  return Run(std::move(options), signals);
}
