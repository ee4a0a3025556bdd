#include "deploy/paramctl/checkpoint_command.h"

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/exit_code.h"
#include "common/base/status_macros.h"
#include "common/config/config.h"
#include "common/config/flags.h"
#include "deploy/paramctl/admin_client.h"
#include "deploy/paramctl/default_coordinator.h"
#include "deploy/paramctl/text_table.h"
#include "paramd/v1/coordinator.pb.h"
#include "server/storage/checkpoint_set.h"
#include "server/storage/restore_wish.h"

namespace paramd {
namespace {

// A large model on a slow disk.
constexpr absl::Duration kSaveTimeout = absl::Hours(2);

constexpr char kFolderHelp[] =
    "the folder of checkpoints (checkpoint.dir), or a configuration file that names it";

int Fail(const absl::Status& status) {
  std::cerr << "paramctl: " << status.message() << "\n";
  return absl::IsDataLoss(status)                                      ? kExitBadData
         : absl::IsInvalidArgument(status) || absl::IsNotFound(status) ? kExitBadConfig
                                                                       : kExitFailure;
}

absl::StatusOr<std::string> FolderOf(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) {
    if (std::filesystem::is_directory(path)) return path;
    return absl::NotFoundError(absl::StrCat(path, ": no such folder"));
  }
  ASSIGN_OR_RETURN(const LoadedConfig loaded, LoadConfig({.file = path}));
  if (loaded.config.has_checkpoint()) return loaded.config.checkpoint().dir();
  return absl::InvalidArgumentError(absl::StrCat(path, ": has no checkpoint.dir"));
}

struct Described {
  uint64_t bytes = 0;
  v1::CheckpointPayload payload;
};

Described Describe(const CheckpointInfo& info) {
  Described described;
  for (const CheckpointFile& file : info.manifest.files) described.bytes += file.digest.bytes;
  described.payload.ParseFromString(info.manifest.payload);
  return described;
}

std::string KindOf(const CheckpointInfo& info) {
  return info.manifest.parent.has_value() ? absl::StrCat("adds to ", info.manifest.parent->number)
                                          : "full";
}

void PrintJson(const std::vector<CheckpointInfo>& infos) {
  nlohmann::json all = nlohmann::json::array();
  for (const CheckpointInfo& info : infos) {
    const Described described = Describe(info);
    nlohmann::json one = {{"number", info.number},
                          {"usable", info.status.ok()},
                          {"problem", std::string(info.status.message())},
                          {"bytes", described.bytes},
                          {"epoch", described.payload.state().epoch()},
                          {"full", info.full},
                          {"time", described.payload.time()}};
    if (info.manifest.parent.has_value()) one["parent"] = info.manifest.parent->number;
    all.push_back(std::move(one));
  }
  std::cout << all.dump(2) << "\n";
}

void PrintTable(const std::vector<CheckpointInfo>& infos) {
  std::vector<std::vector<std::string>> rows = {
      {"NUMBER", "WRITTEN", "EPOCH", "SIZE", "KIND", "STATE"}};
  for (const CheckpointInfo& info : infos) {
    const Described described = Describe(info);
    const bool whole = !info.manifest.payload.empty();
    rows.push_back(
        {absl::StrCat(info.number),
         whole ? absl::FormatTime(
                     "%Y-%m-%d %H:%M:%S",
                     absl::FromUnixMicros(static_cast<int64_t>(described.payload.time() * 1e6)),
                     absl::LocalTimeZone())
               : "-",
         whole ? absl::StrCat(described.payload.state().epoch()) : "-",
         whole ? HumanBytes(static_cast<double>(described.bytes)) : "-", whole ? KindOf(info) : "-",
         info.status.ok() ? "ok" : std::string(info.status.message())});
  }
  std::cout << FormatTable(rows);
}

// The number that was given, or that of the newest one that can be used. Reads all of it.
absl::StatusOr<uint64_t> Choose(const CheckpointSet& set, const std::string& number) {
  if (number.empty()) {
    ASSIGN_OR_RETURN(const CheckpointSet::Newest newest, set.FindNewest());
    for (const CheckpointInfo& skipped : newest.skipped) {
      std::cerr << "paramctl: checkpoint " << skipped.number
                << " cannot be used: " << skipped.status.message() << "\n";
    }
    return newest.chain.back().number;
  }
  uint64_t wanted = 0;
  if (!absl::SimpleAtoi(number, &wanted) || wanted == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", number, "\" is no number of a checkpoint"));
  }
  const CheckpointInfo info = set.Verify(wanted);
  RETURN_IF_ERROR(info.status);
  return wanted;
}

}  // namespace

int RunCheckpointSave(absl::Span<const std::string> args) {
  std::string coordinator = DefaultCoordinator();
  Flags flags("paramctl checkpoint save",
              "writes a checkpoint of a running job, and waits until it is whole.");
  AddCoordinatorFlag(flags, coordinator);
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  std::optional<CoordinatorAddresses> coordinators = ParseCoordinators(coordinator);
  if (!coordinators.has_value()) return kExitUsage;
  v1::SaveCheckpointReply reply;
  const absl::Status status = AskAdmin(
      *coordinators,
      [&](v1::AdminService::Stub& stub, grpc::ClientContext* context) {
        return stub.SaveCheckpoint(context, {}, &reply);
      },
      kSaveTimeout);
  if (status.ok()) {
    std::cout << "checkpoint " << reply.number() << " is in " << reply.folder() << "\n";
  }
  return ExitCodeOfAdmin(status);
}

int RunCheckpointList(absl::Span<const std::string> args) {
  std::string path;
  std::string output = "table";
  Flags flags("paramctl checkpoint list",
              "lists the checkpoints in a folder, the newest first; their contents are not read.");
  flags.Argument("DIR", kFolderHelp, path);
  flags.Choice("output,o", {"table", "json"}, "form", output);
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  const absl::StatusOr<std::string> folder = FolderOf(path);
  if (!folder.ok()) return Fail(folder.status());
  const auto infos = CheckpointSet(*folder).List();
  if (!infos.ok()) return Fail(infos.status());
  output == "json" ? PrintJson(*infos) : PrintTable(*infos);
  return kExitDone;
}

int RunCheckpointVerify(absl::Span<const std::string> args) {
  std::string path, number;
  Flags flags("paramctl checkpoint verify",
              "reads everything of a checkpoint, by default the newest that can be used, and tells "
              "whether it is as it was written.");
  flags.Argument("DIR", kFolderHelp, path);
  flags.String("number", "N", "of the checkpoint", number);
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  const absl::StatusOr<std::string> folder = FolderOf(path);
  if (!folder.ok()) return Fail(folder.status());
  const absl::StatusOr<uint64_t> verified = Choose(CheckpointSet(*folder), number);
  if (!verified.ok()) return Fail(verified.status());
  std::cout << "checkpoint " << *verified << " is as it was written\n";
  return kExitDone;
}

int RunCheckpointRestore(absl::Span<const std::string> args) {
  std::string path, number;
  bool cancel = false;
  Flags flags("paramctl checkpoint restore",
              "has the next job of a coordinator with this checkpoint.dir begin with a checkpoint, "
              "by default the newest that can be used. The numbers of servers and workers may be "
              "others. A job that its coordinator would have gone on with is given up.");
  flags.Argument("DIR", kFolderHelp, path);
  flags.String("number", "N", "of the checkpoint", number);
  flags.Switch("cancel", "the next job begins as it would have without this command", cancel);
  if (const auto exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  const absl::StatusOr<std::string> folder = FolderOf(path);
  if (!folder.ok()) return Fail(folder.status());
  if (cancel) {
    if (const absl::Status status = RemoveRestoreWish(*folder); !status.ok()) return Fail(status);
    std::cout << "nothing is restored\n";
    return kExitDone;
  }
  const absl::StatusOr<uint64_t> chosen = Choose(CheckpointSet(*folder), number);
  if (!chosen.ok()) return Fail(chosen.status());
  if (const absl::Status status = WriteRestoreWish(*folder, *chosen); !status.ok()) {
    return Fail(status);
  }
  std::cout << "checkpoint " << *chosen << " is as it was written; the next coordinator that is "
            << "started with checkpoint.dir " << *folder << " goes on from it\n";
  return kExitDone;
}

}  // namespace paramd
