#include "deploy/paramctl/shard_command.h"

#include <google/protobuf/util/json_util.h>

#include <iostream>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "common/config/flags.h"
#include "deploy/paramctl/admin_client.h"
#include "deploy/paramctl/default_coordinator.h"
#include "deploy/paramctl/text_table.h"

namespace paramd {

std::string FormatShardPlan(const v1::ShardPlan& plan) {
  std::string text;
  if (plan.moves().empty()) {
    text = "no shard is to move\n";
  } else {
    std::vector<std::vector<std::string>> rows = {{"TABLE", "SHARD", "FROM", "TO", "WHY"}};
    for (const v1::ShardMove& move : plan.moves()) {
      rows.push_back(
          {move.table(), absl::StrCat(move.shard()), move.from(), move.to(), move.reason()});
    }
    text = FormatTable(rows);
  }
  if (plan.servers().empty()) return text;
  std::vector<std::vector<std::string>> rows = {{"SERVER", "ROWS/S", "AFTER", "MEMORY", "AFTER"}};
  for (const v1::ServerLoad& server : plan.servers()) {
    rows.push_back({server.name(), HumanCount(server.rows_per_second_before()),
                    HumanCount(server.rows_per_second_after()),
                    HumanBytes(static_cast<double>(server.bytes_before())),
                    HumanBytes(static_cast<double>(server.bytes_after()))});
  }
  return absl::StrCat(text, "\n", FormatTable(rows));
}

int RunShardPlan(absl::Span<const std::string> args) {
  std::string coordinator = DefaultCoordinator(), output = "table";
  bool dry_run = false;
  Flags flags("paramctl shard plan",
              "shows which shards the coordinator would move now, and why. It moves them by itself "
              "when a server comes, is drained, or has too much to do for some time.");
  AddCoordinatorFlag(flags, coordinator);
  flags.Switch("dry_run", "change nothing, as it always does", dry_run);
  flags.Choice("output,o", {"table", "json"}, "form", output);
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  std::optional<CoordinatorAddresses> coordinators = ParseCoordinators(coordinator);
  if (!coordinators.has_value()) return kExitUsage;
  v1::ShardPlan plan;
  const absl::Status status =
      AskAdmin(*coordinators, [&](v1::AdminService::Stub& stub, grpc::ClientContext* context) {
        return stub.PlanShards(context, v1::PlanShardsRequest(), &plan);
      });
  if (!status.ok()) return ExitCodeOfAdmin(status);
  if (output == "table") {
    std::cout << FormatShardPlan(plan);
    return kExitDone;
  }
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(plan, &json, options).ok()) return kExitFailure;
  std::cout << json;
  return kExitDone;
}

}  // namespace paramd
