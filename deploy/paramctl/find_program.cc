#include "deploy/paramctl/find_program.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"

namespace paramd {

absl::StatusOr<std::string> FindProgram(const std::string& bin_dir, const std::string& folder,
                                        const std::string& program) {
  std::error_code error;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  const std::string here = DirectoryOf(self);
  std::vector<std::string> candidates;
  if (!bin_dir.empty()) {
    candidates = {JoinPath(bin_dir, program), JoinPath(bin_dir, folder + "/" + program)};
  } else {
    candidates = {JoinPath(here, "../../" + folder + "/" + program), JoinPath(here, program)};
  }
  for (const std::string& candidate : candidates)
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  return absl::NotFoundError(absl::StrCat(program, " is neither ", candidates[0], " nor ",
                                          candidates[1], "; --bin_dir tells where it is"));
}

}  // namespace paramd
