#include "deploy/paramctl/shard_command.h"

#include <catch2/catch.hpp>

namespace paramd {
namespace {

TEST_CASE("a plan as tables") {
  v1::ShardPlan plan;
  CHECK(FormatShardPlan(plan) == "no shard is to move\n");
  v1::ShardMove& move = *plan.add_moves();
  move.set_table("weights");
  move.set_shard(7);
  move.set_from("server-0");
  move.set_to("server-1");
  move.set_reason("server-0 is to leave");
  v1::ServerLoad& load = *plan.add_servers();
  load.set_name("server-0");
  load.set_rows_per_second_before(12300);
  load.set_bytes_before(2048);
  CHECK(FormatShardPlan(plan) == R"(TABLE    SHARD  FROM      TO        WHY
weights      7  server-0  server-1  server-0 is to leave

SERVER    ROWS/S  AFTER   MEMORY  AFTER
server-0   12.3k      0  2.0 KiB    0 B
)");
}

}  // namespace
}  // namespace paramd
