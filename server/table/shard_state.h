#pragma once

#include <cstdint>
#include <vector>

#include "server/table/pulled_rows.h"
#include "server/table/sequence_marks.h"

namespace paramd {

// A copy of everything that replicas of a shard agree about. A shard that takes it over and then
// the operations after `index` holds the same bytes as the one that it was copied from.
struct ShardState {
  uint64_t index = 0;  // of the last operation
  // Not 0: only `blocks` of the rows are here (ascending), all that have changed since operation
  // `since`. A shard that stands there takes it over.
  uint64_t since = 0;
  std::vector<uint32_t> blocks;
  uint64_t clock = 0;      // the largest that a push named
  uint64_t open_step = 0;  // the first synchronous step that is not closed
  std::vector<PushId> marks;
  // Of clients before the job was restored from a checkpoint.
  std::vector<PushId> restored;
  // Sparse: keys in no particular order, values = float32[keys][width], with the optimizer's state
  // and stamps as they are in memory. Dense: no keys, values = float32[1 + slots][rows][dim], the
  // rows of the blocks one after the other.
  std::vector<uint64_t> keys;
  std::vector<float> values;
  // Of the rules of rows; empty: there is no sketch.
  std::vector<uint16_t> sketch;
  uint64_t sketch_added = 0;
  std::vector<PulledRows::Pull> pulled;
};

}  // namespace paramd
