#include "worker/client/row_plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/routing/hash_keys.h"
#include "common/routing/shard_of.h"

namespace paramd {
namespace {

// A packed key of a table with many rows takes about so many bytes.
constexpr uint64_t kPackedKeyBytes = 3;

// Operations that the rows of a block fill, so that they are of a good size on as many servers; but
// the first ones are to be sent before many keys are looked at.
constexpr uint64_t kOperationsInBlock = 4;
constexpr uint64_t kKeysInBlock = uint64_t{1} << 17;

// Keys that are hashed at a time: they stay in the first-level cache.
constexpr size_t kHashesAtOnce = 512;

absl::InlinedVector<char, 16> NameOf(absl::uint128 hash) {
  const uint64_t halves[2] = {absl::Uint128Low64(hash), absl::Uint128High64(hash)};
  const auto* const bytes = reinterpret_cast<const char*>(halves);
  return {bytes, bytes + sizeof(halves)};
}

uint64_t DividedAndRounded(uint64_t a, uint64_t b) { return (a + b / 2) / b; }

// `total` rows go out in `operations` of about the same size: the one that has the middle of those
// from `before` to before + rows.
uint64_t OperationOf(uint64_t before, uint64_t rows, uint64_t total, uint64_t operations) {
  return (2 * before + rows) * operations / (2 * total);
}

void BeginPart(uint32_t server, size_t first_row, RowPlan* plan) {
  RowPlan::Part& part = plan->parts.emplace_back();
  part.server = server;
  part.first_segment = static_cast<uint32_t>(plan->segments.size());
  part.first_row = static_cast<uint32_t>(first_row);
}

void AddSegment(const Segment& segment, RowPlan* plan) {
  plan->segments.push_back(segment);
  RowPlan::Part& part = plan->parts.back();
  ++part.segment_count;
  part.rows += segment.rows;
}

}  // namespace

RowPlanner::RowPlanner(uint32_t table, const v1::TablePlacement& placement, const Options& options)
    : table_(table),
      placement_(placement),
      options_(options),
      shards_by_server_(placement.shard_servers_size()),
      rank_of_shard_(placement.shard_servers_size()),
      pieces_(placement.shard_servers_size()),
      offsets_(placement.shard_servers_size() + 1) {
  const auto server_of = [&](uint32_t shard) {
    return placement_.shard_servers(static_cast<int>(shard));
  };
  std::iota(shards_by_server_.begin(), shards_by_server_.end(), 0);
  std::stable_sort(shards_by_server_.begin(), shards_by_server_.end(),
                   [&](uint32_t a, uint32_t b) { return server_of(a) < server_of(b); });
  for (uint32_t rank = 0; rank < shards_by_server_.size(); ++rank) {
    rank_of_shard_[shards_by_server_[rank]] = static_cast<uint16_t>(rank);
    if (rank == 0 || server_of(shards_by_server_[rank]) != server_of(shards_by_server_[rank - 1])) {
      server_begins_.push_back(rank);
    }
  }
  server_begins_.push_back(static_cast<uint32_t>(shards_by_server_.size()));
}

uint64_t RowPlanner::RowBytes() const {
  return placement_.spec().dim() * sizeof(float) +
         (placement_.spec().kind() == v1::TableSpec::SPARSE ? kPackedKeyBytes : 0);
}

uint64_t RowPlanner::RowsPerOperation() const {
  return std::max<uint64_t>(options_.chunk_bytes / RowBytes(), 1);
}

uint64_t RowPlanner::Operations(uint64_t rows) const {
  return std::max<uint64_t>(DividedAndRounded(rows, RowsPerOperation()), 1);
}

uint64_t RowPlanner::KeysPerBlock() const {
  const uint64_t operation = RowsPerOperation();
  const uint64_t wanted =
      operation * std::min<uint64_t>(kOperationsInBlock, shards_by_server_.size());
  // All rows of a block might go to one shard.
  const uint64_t worst_row_bytes = placement_.spec().dim() * sizeof(float) + sizeof(uint64_t) + 1;
  return std::clamp<uint64_t>(std::min(wanted, std::max(operation, kKeysInBlock)), 1,
                              std::max<uint64_t>(options_.max_bytes / worst_row_bytes, 1));
}

void RowPlanner::PlanSparse(absl::Span<const uint64_t> keys, RowPlan* plan,
                            const std::function<void(size_t parts)>& on_block) {
  plan->epoch = options_.epoch;
  plan->table = table_;
  plan->dim = placement_.spec().dim();
  plan->sparse = true;
  plan->rows = keys.size();
  plan->parts.clear();
  plan->segments.clear();
  plan->order.resize(keys.size());
  plan->keys.resize(keys.size());
  std::fill(pieces_.begin(), pieces_.end(), 0);
  // What is there does not move when more comes.
  const uint64_t block = KeysPerBlock();
  const size_t blocks = (keys.size() + block - 1) / block;
  plan->parts.reserve(blocks * (server_begins_.size() + block / RowsPerOperation()));
  plan->segments.reserve(std::min<size_t>(blocks * shards_by_server_.size(), keys.size()));
  for (size_t first = 0; first < keys.size(); first += block) {
    PlanBlock(keys, first, std::min<size_t>(first + block, keys.size()), plan);
    if (on_block) on_block(plan->parts.size());
  }
}

void RowPlanner::PlanBlock(absl::Span<const uint64_t> keys, size_t first, size_t last,
                           RowPlan* plan) {
  const auto shards = static_cast<uint32_t>(shards_by_server_.size());
  const size_t size = last - first;
  ranks_.resize(size);
  std::fill(offsets_.begin(), offsets_.end(), 0);
  for (size_t begin = 0; begin < size; begin += kHashesAtOnce) {
    uint64_t hashes[kHashesAtOnce];
    const size_t count = std::min(kHashesAtOnce, size - begin);
    HashKeys(keys.subspan(first + begin, count), hashes);
    for (size_t i = 0; i < count; ++i) {
      const uint16_t rank = rank_of_shard_[ShardOfHash(hashes[i], shards)];
      ranks_[begin + i] = rank;
      ++offsets_[size_t{rank} + 1];
    }
  }
  std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
  // Counting sort; it is stable, so keys stay in order.
  uint32_t* const order = plan->order.data() + first;
  uint64_t* const sorted = plan->keys.data() + first;
  for (size_t i = 0; i < size; ++i) {
    const uint32_t place = offsets_[ranks_[i]]++;
    order[place] = static_cast<uint32_t>(first + i);
    sorted[place] = keys[first + i];
  }
  // offsets_[r] is where rank r ends now.
  for (size_t s = 0; s + 1 < server_begins_.size(); ++s) {
    AddParts(server_begins_[s], server_begins_[s + 1], first, plan);
  }
}

void RowPlanner::AddParts(uint32_t begin, uint32_t end, size_t first, RowPlan* plan) {
  const auto begin_of = [&](uint32_t rank) { return rank == 0 ? 0 : offsets_[rank - 1]; };
  const uint32_t server = placement_.shard_servers(static_cast<int>(shards_by_server_[begin]));
  const uint32_t total = begin_of(end) - begin_of(begin);
  const uint64_t operations = Operations(total);
  const size_t first_part = plan->parts.size();
  uint64_t last_operation = 0;
  for (uint32_t rank = begin; rank < end; ++rank) {
    const uint32_t rows = offsets_[rank] - begin_of(rank);
    if (rows == 0) continue;
    const uint64_t operation =
        OperationOf(begin_of(rank) - begin_of(begin), rows, total, operations);
    if (plan->parts.size() == first_part || operation != last_operation) {
      BeginPart(server, first + begin_of(rank), plan);
    }
    last_operation = operation;
    AddSegment({.shard = shards_by_server_[rank], .rows = rows, .piece = pieces_[rank]++}, plan);
  }
  for (size_t i = first_part; i < plan->parts.size(); ++i) {
    RowPlan::Part& part = plan->parts[i];
    EncodeKeysOf(part, plan);
    if (options_.name_key_lists) {
      part.key_list = NameOf(HashKeyList(plan->keys_of(part), plan->segments_of(part)));
    }
  }
}

void RowPlanner::EncodeKeysOf(RowPlan::Part& part, const RowPlan* plan) const {
  const absl::Span<const Segment> segments = plan->segments_of(part);
  const absl::Span<const uint64_t> keys = plan->keys_of(part);
  size_t room = 0;
  for (const Segment& segment : segments) room += MaxEncodedKeys(options_.key_codec, segment.rows);
  part.keys = Buffer(room);
  size_t used = 0;
  uint64_t next = 0;
  for (const Segment& segment : segments) {
    used +=
        EncodeKeys(options_.key_codec, keys.subspan(next, segment.rows), part.keys.data() + used);
    next += segment.rows;
  }
  part.keys.Shrink(used);
}

void RowPlanner::PlanSubset(const RowPlan& plan, absl::Span<const uint32_t> rows,
                            RowPlan* subset) const {
  subset->epoch = plan.epoch;
  subset->table = plan.table;
  subset->dim = plan.dim;
  subset->sparse = true;
  subset->rows = plan.rows;
  subset->parts.clear();
  subset->segments.clear();
  subset->order.clear();
  subset->keys.clear();
  auto next = rows.begin();
  for (const RowPlan::Part& part : plan.parts) {
    RowPlan::Part chosen;
    chosen.server = part.server;
    chosen.first_segment = static_cast<uint32_t>(subset->segments.size());
    chosen.first_row = static_cast<uint32_t>(subset->order.size());
    uint32_t end = part.first_row;
    for (const Segment& segment : plan.segments_of(part)) {
      end += segment.rows;
      const auto first = next;
      for (; next != rows.end() && *next < end; ++next) {
        subset->order.push_back(plan.order[*next]);
        subset->keys.push_back(plan.keys[*next]);
      }
      if (next == first) continue;
      const auto count = static_cast<uint32_t>(next - first);
      subset->segments.push_back({.shard = segment.shard, .rows = count, .piece = segment.piece});
      ++chosen.segment_count;
      chosen.rows += count;
    }
    if (chosen.rows == 0) continue;
    EncodeKeysOf(chosen, subset);
    subset->parts.push_back(std::move(chosen));
  }
}

RowPlan RowPlanner::PlanDense() const {
  RowPlan plan;
  plan.epoch = options_.epoch;
  plan.table = table_;
  plan.dim = placement_.spec().dim();
  plan.rows = placement_.spec().rows();
  for (size_t s = 0; s + 1 < server_begins_.size(); ++s) {
    AddDenseParts(server_begins_[s], server_begins_[s + 1], &plan);
  }
  return plan;
}

void RowPlanner::AddDenseParts(uint32_t begin, uint32_t end, RowPlan* plan) const {
  const auto range_of = [&](uint32_t rank) {
    return RowsOfShard(plan->rows, static_cast<uint32_t>(shards_by_server_.size()),
                       shards_by_server_[rank]);
  };
  const uint32_t server = placement_.shard_servers(static_cast<int>(shards_by_server_[begin]));
  const uint64_t most = std::max<uint64_t>(options_.max_bytes / RowBytes(), 1);
  uint64_t total = 0;
  for (uint32_t rank = begin; rank < end; ++rank)
    total += range_of(rank).end - range_of(rank).begin;
  const uint64_t operations = Operations(total);
  uint64_t before = 0, last_operation = operations;
  for (uint32_t rank = begin; rank < end; ++rank) {
    const RowRange range = range_of(rank);
    const uint64_t size = range.end - range.begin;
    if (size == 0) continue;
    // By its own rows only.
    const uint64_t pieces = std::max(Operations(size), (size + most - 1) / most);
    for (uint64_t piece = 0; piece < pieces; ++piece) {
      const uint64_t at = size * piece / pieces, rows = size * (piece + 1) / pieces - at;
      const uint64_t operation = OperationOf(before, rows, total, operations);
      if (piece > 0 || operation != last_operation || plan->parts.back().rows + rows > most) {
        BeginPart(server, 0, plan);
      }
      last_operation = operation;
      before += rows;
      AddSegment({.shard = shards_by_server_[rank],
                  .rows = static_cast<uint32_t>(rows),
                  .first_row = range.begin + at,
                  .piece = static_cast<uint32_t>(piece)},
                 plan);
    }
  }
}

}  // namespace paramd
