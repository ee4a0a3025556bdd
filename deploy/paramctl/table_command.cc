#include "deploy/paramctl/table_command.h"

#include <iostream>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/exit_code.h"
#include "common/config/flags.h"
#include "common/config/value.h"
#include "common/rpc/coordinator_addresses.h"
#include "deploy/paramctl/admin_client.h"
#include "deploy/paramctl/default_coordinator.h"

namespace paramd {
namespace {

int Send(CoordinatorAddresses coordinators, const v1::SetTableRequest& request) {
  v1::SetTableReply reply;
  const absl::Status status =
      AskAdmin(coordinators, [&](v1::AdminService::Stub& stub, grpc::ClientContext* context) {
        return stub.SetTable(context, request, &reply);
      });
  if (!status.ok()) return ExitCodeOfAdmin(status);
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
  AddCoordinatorFlag(flags, coordinator);
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  const absl::StatusOr<v1::SetTableRequest> request = ParseTableSetting(table, setting);
  if (!request.ok()) {
    std::cerr << "paramctl: " << request.status().message() << "\n";
    return kExitBadConfig;
  }
  std::optional<CoordinatorAddresses> coordinators = ParseCoordinators(coordinator);
  if (!coordinators.has_value()) return kExitUsage;
  return Send(*std::move(coordinators), *request);
}

}  // namespace paramd
