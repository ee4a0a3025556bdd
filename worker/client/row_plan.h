#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/base/buffer.h"
#include "common/wire/key_codec.h"
#include "common/wire/segment.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// How the rows of one table that a batch needs are cut into operations: computed once, for the pull
// and for the push. Immutable once it is made, hence thread-safe.
//
// Which rows of a shard go together, and as which piece, follows from the batch and the numbers of
// shards and of bytes alone, wherever the shards are: so a step that is pushed again after the job
// was restored on other servers has the same pieces.
struct RowPlan {
  // The part that goes to one server in one operation.
  struct Part {
    uint32_t server = 0;
    // Its segments are segments[first_segment, first_segment + segment_count).
    uint32_t first_segment = 0;
    uint32_t segment_count = 0;
    // Sparse: its rows are order[first_row, first_row + rows).
    uint32_t first_row = 0;
    uint32_t rows = 0;
    // Sparse: its keys as they are sent, and, if lists of keys are cached, their name.
    Buffer keys;
    absl::InlinedVector<char, 16> key_list;

    absl::string_view key_list_name() const { return {key_list.data(), key_list.size()}; }
  };

  uint64_t epoch = 0;  // of the shard map that it was made for
  uint32_t table = 0;
  uint32_t dim = 0;
  bool sparse = false;
  uint64_t rows = 0;  // of the caller's matrix
  // Parts of one server follow one another only in dense tables; together they have every row once.
  std::vector<Part> parts;
  // Row i of all parts together is row order[i] of the caller's matrix, and has keys[i]. Keys
  // ascend in each segment. Dense: both empty; a segment's rows are those from its first_row on.
  std::vector<Segment> segments;
  std::vector<uint32_t> order;
  std::vector<uint64_t> keys;

  absl::Span<const Segment> segments_of(const Part& part) const {
    return absl::MakeConstSpan(segments.data() + part.first_segment, part.segment_count);
  }
  absl::Span<const uint64_t> keys_of(const Part& part) const {
    return absl::MakeConstSpan(keys.data() + part.first_row, part.rows);
  }
  absl::Span<const uint32_t> order_of(const Part& part) const {
    return absl::MakeConstSpan(order.data() + part.first_row, part.rows);
  }
};

// Makes plans for one table. Not thread-safe: it keeps scratch memory.
class RowPlanner {
 public:
  struct Options {
    // Bytes of float32 rows that an operation has about, and has at most.
    uint64_t chunk_bytes = 512 << 10;
    uint64_t max_bytes = 8 << 20;
    KeyCodec key_codec = KeyCodec::kPacked;
    // Whether parts get the names of their key lists.
    bool name_key_lists = false;
    uint64_t epoch = 0;  // of the shard map
  };

  // `table`: the table's index in the shard map.
  RowPlanner(uint32_t table, const v1::TablePlacement& placement, const Options& options);

  // For ascending, unique `keys` of a sparse table. Replaces the content of `plan`, whose memory is
  // used again. Keys are planned in blocks; `on_block` is called after each with the number of
  // parts so far, which may be used from then on.
  void PlanSparse(absl::Span<const uint64_t> keys, RowPlan* plan,
                  const std::function<void(size_t parts)>& on_block = nullptr);

  // For the rows of `plan` whose numbers (as those of its keys) are in `rows`, ascending, of the
  // same matrix. Their lists get no names: they hardly ever come again.
  void PlanSubset(const RowPlan& plan, absl::Span<const uint32_t> rows, RowPlan* subset) const;

  // For all rows of a dense table.
  RowPlan PlanDense() const;

  // Its keys, as they are sent.
  void EncodeKeysOf(RowPlan::Part& part, const RowPlan* plan) const;

  uint64_t epoch() const { return options_.epoch; }

 private:
  uint64_t RowBytes() const;  // about, with its key
  uint64_t RowsPerOperation() const;
  // In how many operations so many rows of a server go out.
  uint64_t Operations(uint64_t rows) const;
  uint64_t KeysPerBlock() const;
  // Plans keys[first, last) on their own: this many fit into the cache, and the operations of the
  // first ones are sent before the last ones are looked at.
  void PlanBlock(absl::Span<const uint64_t> keys, size_t first, size_t last, RowPlan* plan);
  // The operations of a server, which has the ranks from `begin` to `end`, in the block that begins
  // with key `first`.
  void AddParts(uint32_t begin, uint32_t end, size_t first, RowPlan* plan);
  void AddDenseParts(uint32_t begin, uint32_t end, RowPlan* plan) const;

  const uint32_t table_;
  const v1::TablePlacement placement_;
  const Options options_;
  // The shards (at most 4096) with those of one server together; where each server's begin; and the
  // inverse.
  std::vector<uint32_t> shards_by_server_;
  std::vector<uint32_t> server_begins_;
  std::vector<uint16_t> rank_of_shard_;
  std::vector<uint32_t> pieces_;  // of each rank so far, in the plan
  std::vector<uint16_t> ranks_;
  std::vector<uint32_t> offsets_;  // of each rank, in the block
};

}  // namespace paramd
