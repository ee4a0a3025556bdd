#include "deploy/paramctl/table_command.h"

#include <grpcpp/grpcpp.h>

#include <iostream>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/base/exit_code.h"
#include "common/config/flags.h"
#include "common/config/value.h"
#include "deploy/paramctl/admin_client.h"

namespace paramd {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(5);

int Send(const std::string& coordinators, const v1::SetTableRequest& request) {
  v1::SetTableReply reply;
  const int exit_code = AskAdmin(coordinators, kTimeout,
                                 [&](v1::AdminService::Stub& stub, grpc::ClientContext* context) {
                                   return stub.SetTable(context, request, &reply);
                                 });
  if (exit_code != kExitDone) return exit_code;
  std::cout << "table " << request.table() << " from clock " << reply.from() << " on: "
            << absl::AsciiStrToLower(v1::Consistency::Mode_Name(reply.consistency().mode()));
  if (reply.consistency().mode() == v1::Consistency::SSP) {
    std::cout << " " << reply.consistency().staleness().steps();
  }
  std::cout << "\n";
  return kExitDone;
}

}  // namespace

absl::StatusOr<v1::SetTableRequest> ParseTableSetting(const std::string& table,
                                                      const std::string& setting) {
  v1::SetTableRequest request;
  request.set_table(table);
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(setting, absl::MaxSplits('=', 1));
  const auto& [name, value] = parts;
  if (name == "consistency.mode") {
    v1::Consistency::Mode mode;
    if (!v1::Consistency::Mode_Parse(absl::AsciiStrToUpper(value), &mode) ||
        (mode != v1::Consistency::ASP && mode != v1::Consistency::SSP)) {
      return absl::InvalidArgumentError(
          absl::StrCat("consistency.mode: wants asp or ssp, not \"", value, "\""));
    }
    request.set_mode(mode);
    return request;
  }
  if (name == "consistency.staleness") {
    const absl::StatusOr<v1::Staleness> staleness = ParseStaleness(value);
    if (!staleness.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("consistency.staleness: ", staleness.status().message()));
    }
    *request.mutable_staleness() = *staleness;
    return request;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", setting,
                   "\": what can be changed while a job runs is consistency.staleness=STEPS or "
                   "auto, and consistency.mode=asp or ssp"));
}

int RunTableSet(absl::Span<const std::string> args) {
  std::string coordinator = DefaultCoordinator();
  std::string table, setting;
  Flags flags("paramctl table set", "changes how a table's pulls wait while a job runs.");
  flags.Argument("TABLE", "name of the table", table);
  flags.Argument("SETTING=VALUE",
                 "consistency.staleness=STEPS or auto, consistency.mode=asp or ssp", setting);
  flags.String("coordinator", "HOST:PORT,...",
               "where the coordinator answers, or those do of which one leads", coordinator);
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  const absl::StatusOr<v1::SetTableRequest> request = ParseTableSetting(table, setting);
  if (!request.ok()) {
    std::cerr << "paramctl: " << request.status().message() << "\n";
    return kExitBadConfig;
  }
  return Send(coordinator, *request);
}

}  // namespace paramd
