#pragma once

#include <memory>
#include <string>
#include <vector>

#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/client/parameter_client.h"

namespace paramd {

// Real paramd_server processes as shard hosts, under a coordinator of the benchmark's own that
// hands out one shard map and lets any table be asked for. Ends with the benchmark's failure when
// they do not come up.
class BenchCluster {
 public:
  // `server`: path of the program. `workers`: clients that are members, with ids from 1.
  // `checkpoints`: where SaveCheckpoint writes, and how.
  BenchCluster(const std::string& server, int servers, int workers,
               const std::vector<v1::TableSpec>& tables, uint32_t shards_per_table = 64,
               const v1::Checkpoint& checkpoints = {});
  ~BenchCluster();

  const v1::ShardMap& shard_map() const;

  // A client that has joined the clocks. Codecs are those that the map's tables name, which the
  // caller may change: servers take what comes.
  std::unique_ptr<ParameterClient> Client(uint32_t id, v1::ShardMap map,
                                          const v1::Transport& transport) const;

  // Has all servers write checkpoint `number`, which adds to `since` (0: to none), and waits for
  // them. Bytes of their files.
  uint64_t SaveCheckpoint(uint64_t number, uint64_t since = 0);

  // Processor seconds of the servers so far, and the bytes of memory that they hold.
  double CpuSeconds() const;
  uint64_t ResidentBytes() const;

 private:
  class Coordinator;

  std::unique_ptr<Coordinator> coordinator_;
  std::vector<int> pids_;
};

// The defaults of `transport` in the configuration.
v1::Transport DefaultTransport();

// The path of a program that the benchmark was built with: `program` as "server/paramd_server".
std::string ProgramPath(const char* argv0, const std::string& program);

}  // namespace paramd
