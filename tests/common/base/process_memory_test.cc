#include "common/base/process_memory.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// Files of control groups in a folder.
struct Groups {
  void Make(const std::string& folder, const std::string& file, const std::string& limit) {
    std::filesystem::create_directories(dir.File("cgroup" + folder));
    dir.Write("cgroup" + folder + "/" + file, limit + "\n");
  }
  uint64_t LimitOf(const std::string& membership) {
    return MemoryLimit(dir.Write("membership", membership), dir.File("cgroup"));
  }
  TempDir dir;
};

uint64_t Physical() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

TEST_CASE("The smallest limit of a control group and those above it holds") {
  Groups groups;
  groups.Make("/a/b", "memory.max", "max");
  groups.Make("/a", "memory.max", std::to_string(64 * kMiB));
  CHECK(groups.LimitOf("0::/a/b\n") == 64 * kMiB);
  groups.Make("/a/b", "memory.max", std::to_string(32 * kMiB));
  CHECK(groups.LimitOf("0::/a/b\n") == 32 * kMiB);
  CHECK(groups.LimitOf("0::/a\n") == 64 * kMiB);
}

TEST_CASE("Limits of version 1 count where the memory controller is") {
  Groups groups;
  groups.Make("/memory/a", "memory.limit_in_bytes", std::to_string(48 * kMiB));
  groups.Make("/memory", "memory.limit_in_bytes", "9223372036854771712");
  CHECK(groups.LimitOf("5:cpu,memory:/a\n0::/\n") == 48 * kMiB);
  CHECK(groups.LimitOf("5:cpu:/a\n4:memory:/\n0::/\n") == Physical());
}

TEST_CASE("Inside of a container the group's own files are at the top") {
  Groups groups;
  groups.Make("", "memory.max", std::to_string(16 * kMiB));
  CHECK(groups.LimitOf("0::/outside/of/what/is/seen\n") == 16 * kMiB);
}

TEST_CASE("Without control groups the machine's memory is the limit") {
  Groups groups;
  CHECK(groups.LimitOf("") == Physical());
  CHECK(groups.LimitOf("nothing that makes sense\n0::/a\n") == Physical());
  CHECK(MemoryLimit("/no/such/file") == Physical());
}

TEST_CASE("What a process touches is resident") {
  const uint64_t before = ResidentBytes();
  CHECK(before > 0);
  const std::vector<char> memory(64 * kMiB, 1);
  CHECK(memory[kMiB] == 1);
  CHECK(ResidentBytes() > before + 32 * kMiB);
}

}  // namespace
}  // namespace paramd
