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

// Operations that the rows of a block fill, when they go to one server.
constexpr uint64_t kOperationsInBlock = 2;

// Keys that are hashed at a time: they stay in the first-level cache.
constexpr size_t kHashesAtOnce = 512;

absl::InlinedVector<char, 16> NameOf(absl::uint128 hash) {
  const uint64_t halves[2] = {absl::Uint128Low64(hash), absl::Uint128High64(hash)};
  const auto* const bytes = reinterpret_cast<const char*>(halves);
  return {bytes, bytes + sizeof(halves)};
}

}  // namespace

RowPlanner::RowPlanner(uint32_t table, const v1::TablePlacement& placement, const Options& options)
    : table_(table),
      placement_(placement),
      options_(options),
      shards_by_server_(placement.shard_servers_size()),
      rank_of_shard_(placement.shard_servers_size()),
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

uint64_t RowPlanner::RowsPerOperation() const {
  const uint64_t row_bytes =
      placement_.spec().dim() * sizeof(float) +
      (placement_.spec().kind() == v1::TableSpec::SPARSE ? kPackedKeyBytes : 0);
  return std::max<uint64_t>(options_.chunk_bytes / row_bytes, 1);
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
  // All rows of a block might go to one server. Which rows are in one does not depend on where they
  // go (Segment::piece).
  const uint64_t worst_row_bytes = plan->dim * sizeof(float) + sizeof(uint64_t) + 1;
  const uint64_t block =
      std::clamp<uint64_t>(RowsPerOperation() * kOperationsInBlock, 1,
                           std::max<uint64_t>(options_.max_bytes / worst_row_bytes, 1));
  // What is there does not move when more comes.
  const size_t blocks = (keys.size() + block - 1) / block;
  plan->parts.reserve(blocks * (server_begins_.size() - 1));
  plan->segments.reserve(std::min<size_t>(blocks * shards_by_server_.size(), keys.size()));
  for (size_t first = 0; first < keys.size(); first += block) {
    PlanBlock(keys, first, std::min<size_t>(first + block, keys.size()),
              static_cast<uint32_t>(first / block), plan);
    if (on_block) on_block(plan->parts.size());
  }
}

void RowPlanner::PlanBlock(absl::Span<const uint64_t> keys, size_t first, size_t last,
                           uint32_t block, RowPlan* plan) {
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
  const auto begin_of = [&](uint32_t rank) { return rank == 0 ? 0 : offsets_[rank - 1]; };
  for (size_t s = 0; s + 1 < server_begins_.size(); ++s) {
    const uint32_t begin = server_begins_[s], end = server_begins_[s + 1];
    if (begin_of(begin) == begin_of(end)) continue;
    RowPlan::Part& part = plan->parts.emplace_back();
    part.server = placement_.shard_servers(static_cast<int>(shards_by_server_[begin]));
    part.first_segment = static_cast<uint32_t>(plan->segments.size());
    part.first_row = static_cast<uint32_t>(first + begin_of(begin));
    part.rows = begin_of(end) - begin_of(begin);
    for (uint32_t rank = begin; rank < end; ++rank) {
      const uint32_t rows = offsets_[rank] - begin_of(rank);
      if (rows == 0) continue;
      plan->segments.push_back({.shard = shards_by_server_[rank], .rows = rows, .piece = block});
      ++part.segment_count;
    }
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
  const auto shards = static_cast<uint32_t>(shards_by_server_.size());
  RowPlan plan;
  plan.epoch = options_.epoch;
  plan.table = table_;
  plan.dim = placement_.spec().dim();
  plan.rows = placement_.spec().rows();
  const uint64_t max_rows = RowsPerOperation();
  for (const uint32_t shard : shards_by_server_) {
    const uint32_t server = placement_.shard_servers(static_cast<int>(shard));
    const RowRange range = RowsOfShard(plan.rows, shards, shard);
    // Cut from its own beginning, wherever it goes (Segment::piece); what is left at the end goes
    // with others.
    uint32_t piece = 0;
    for (uint64_t at = range.begin; at < range.end; ++piece) {
      const uint64_t rows = std::min(range.end - at, max_rows);
      if (plan.parts.empty() || plan.parts.back().server != server ||
          plan.parts.back().rows + rows > max_rows) {
        RowPlan::Part& part = plan.parts.emplace_back();
        part.server = server;
        part.first_segment = static_cast<uint32_t>(plan.segments.size());
      }
      RowPlan::Part& part = plan.parts.back();
      plan.segments.push_back(
          {.shard = shard, .rows = static_cast<uint32_t>(rows), .first_row = at, .piece = piece});
      ++part.segment_count;
      part.rows += static_cast<uint32_t>(rows);
      at += rows;
    }
  }
  return plan;
}

}  // namespace paramd
