#include "server/storage/checkpoint_set.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "server/storage/checkpoint_folder.h"

namespace paramd {
namespace {

using CheckFile = absl::Status (*)(const std::string& path, const FileDigest& digest);

// Looks at checkpoints, each once.
class Checker {
 public:
  Checker(const std::string& folder, CheckFile check_file)
      : folder_(folder), check_file_(check_file) {}

  const CheckpointInfo& Check(uint64_t number) {
    const auto found = known_.find(number);
    if (found != known_.end()) return found->second.info;
    Known known{.info = {.number = number}};
    known.info.status = Check(&known);
    return known_.emplace(number, std::move(known)).first->second.info;
  }

 private:
  struct Known {
    CheckpointInfo info;
    std::string sha256;  // of the manifest
  };

  absl::Status Check(Known* known) {
    CheckpointInfo& info = known->info;
    ASSIGN_OR_RETURN(StoredManifest stored, ReadManifest(folder_, info.number));
    info.manifest = std::move(stored.manifest);
    known->sha256 = std::move(stored.sha256);
    const std::string path = CheckpointPath(folder_, info.number);
    for (const CheckpointFile& file : info.manifest.files) {
      RETURN_IF_ERROR(check_file_(JoinPath(path, file.name), file.digest));
    }
    info.full = info.number;
    if (!info.manifest.parent.has_value()) return absl::OkStatus();
    return CheckParent(*info.manifest.parent, &info);
  }

  // A parent has a smaller number (ParseManifest), so this comes to an end.
  absl::Status CheckParent(const CheckpointParent& parent, CheckpointInfo* info) {
    const CheckpointInfo& parent_info = Check(parent.number);
    if (!parent_info.status.ok()) {
      return absl::Status(parent_info.status.code(),
                          absl::StrCat("checkpoint ", info->number, " rests on ", parent.number,
                                       ": ", parent_info.status.message()));
    }
    if (known_.at(parent.number).sha256 != parent.sha256) {
      return absl::DataLossError(absl::StrCat(ManifestPath(folder_, parent.number),
                                              " is not the one that checkpoint ", info->number,
                                              " rests on"));
    }
    info->full = parent_info.full;
    return absl::OkStatus();
  }

  const std::string& folder_;
  const CheckFile check_file_;
  std::map<uint64_t, Known> known_;
};

std::vector<Manifest> ChainOf(Checker& checker, uint64_t number) {
  std::vector<Manifest> chain;
  while (true) {
    chain.push_back(checker.Check(number).manifest);
    if (!chain.back().parent.has_value()) break;
    number = chain.back().parent->number;
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

// The oldest of the `keep` newest full ones of `infos` (the newest first); 0: there are not more.
uint64_t OldestKept(const std::vector<CheckpointInfo>& infos, int keep) {
  for (const CheckpointInfo& info : infos) {
    if (info.status.ok() && info.full == info.number && --keep <= 0) return info.number;
  }
  return 0;
}

bool WasFinished(const CheckpointInfo& info) {
  return info.manifest.number != 0 || !absl::IsNotFound(info.status);
}

}  // namespace

absl::StatusOr<std::vector<CheckpointInfo>> CheckpointSet::List() const {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, ListCheckpointNumbers(folder_));
  Checker checker(folder_, CheckFileSize);
  std::vector<CheckpointInfo> infos;
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    infos.push_back(checker.Check(*number));
  }
  return infos;
}

CheckpointInfo CheckpointSet::Verify(uint64_t number) const {
  return Checker(folder_, CheckFileContent).Check(number);
}

absl::StatusOr<CheckpointSet::Newest> CheckpointSet::FindNewest() const {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, ListCheckpointNumbers(folder_));
  Checker checker(folder_, CheckFileContent);
  Newest newest;
  std::string reasons;
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    const CheckpointInfo& info = checker.Check(*number);
    if (info.status.ok()) {
      newest.chain = ChainOf(checker, *number);
      return newest;
    }
    absl::StrAppend(&reasons, "; ", info.status.message());
    newest.skipped.push_back(info);
  }
  return absl::NotFoundError(absl::StrCat("no checkpoint in ", folder_, " can be used", reasons));
}

absl::StatusOr<uint64_t> CheckpointSet::NextNumber() const {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, ListCheckpointNumbers(folder_));
  return numbers.empty() ? 1 : numbers.back() + 1;
}

absl::StatusOr<std::vector<uint64_t>> CheckpointSet::RemoveOld(int keep) const {
  ASSIGN_OR_RETURN(const std::vector<CheckpointInfo> infos, List());
  const auto usable = std::find_if(infos.begin(), infos.end(),
                                   [](const CheckpointInfo& info) { return info.status.ok(); });
  const uint64_t newest = usable == infos.end() ? 0 : usable->number;
  const uint64_t oldest_kept = OldestKept(infos, keep);
  std::set<uint64_t> needed;
  std::vector<uint64_t> removed;
  // The newest first: what is left by an interruption has all that it rests on.
  for (const CheckpointInfo& info : infos) {
    // A number below the newest is of no checkpoint that is being made.
    const bool is_old = info.number < (WasFinished(info) ? oldest_kept : newest);
    if (is_old && needed.count(info.number) == 0) {
      RETURN_IF_ERROR(RemoveCheckpoint(folder_, info.number));
      removed.push_back(info.number);
    } else if (info.manifest.parent.has_value()) {
      needed.insert(info.manifest.parent->number);
    }
  }
  return removed;
}

}  // namespace paramd
