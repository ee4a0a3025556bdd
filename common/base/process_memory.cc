#include "common/base/process_memory.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"

namespace paramd {
namespace {

constexpr uint64_t kMostBytes = 4096;  // of the files that are read

// The smallest number in the files `name` of the folder `root` + `path` and those above it, down to
// `root`; UINT64_MAX when none has one ("max" is none).
uint64_t SmallestLimit(const std::string& root, std::string path, const std::string& name) {
  uint64_t smallest = UINT64_MAX;
  while (true) {
    const absl::StatusOr<std::string> text =
        ReadFileRange(absl::StrCat(root, path, "/", name), 0, kMostBytes);
    uint64_t limit;
    if (text.ok() && absl::SimpleAtoi(*text, &limit)) smallest = std::min(smallest, limit);
    if (path.empty()) return smallest;
    const size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
  }
}

}  // namespace

uint64_t ResidentBytes() {
  const absl::StatusOr<std::string> statm = ReadFileRange("/proc/self/statm", 0, kMostBytes);
  if (!statm.ok()) return 0;
  // Its second number is in pages.
  const std::vector<std::string> fields = absl::StrSplit(*statm, ' ');
  uint64_t pages;
  if (fields.size() < 2 || !absl::SimpleAtoi(fields[1], &pages)) return 0;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint64_t MemoryLimit(const std::string& membership, const std::string& cgroups) {
  uint64_t limit =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const absl::StatusOr<std::string> text = ReadFileRange(membership, 0, kMostBytes);
  if (!text.ok()) return limit;
  // A line "id:controllers:path" for each hierarchy; version 2 is "0::path".
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() < 3) continue;
    const std::string path(absl::StripSuffix(fields[2], "/"));
    const std::vector<absl::string_view> controllers = absl::StrSplit(fields[1], ',');
    if (fields[1].empty()) {
      limit = std::min(limit, SmallestLimit(cgroups, path, "memory.max"));
    } else if (std::count(controllers.begin(), controllers.end(), "memory") > 0) {
      limit = std::min(limit, SmallestLimit(cgroups + "/memory", path, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

}  // namespace paramd
