#pragma once

#include <cstdint>
#include <string>

namespace paramd {

// Memory of this process that is there, of all kinds; 0 when the system does not say.
uint64_t ResidentBytes();

// Memory that this process may use before the system ends one: the machine's, or what the smallest
// of the control groups that it is in allows, of either version of cgroups
// (docs.kernel.org/admin-guide/cgroup-v2.html, memory.max; cgroup-v1/memory.html,
// memory.limit_in_bytes). `membership` and `cgroups` are for tests.
uint64_t MemoryLimit(const std::string& membership = "/proc/self/cgroup",
                     const std::string& cgroups = "/sys/fs/cgroup");

}  // namespace paramd
