#include "worker/client/recut.h"

#include <algorithm>
#include <map>

#include "common/wire/byte_reader.h"

namespace paramd {
namespace {

// A segment with what belongs to it.
struct Piece {
  Segment segment;
  const uint64_t* keys = nullptr;  // dense: null, as is order
  const uint32_t* order = nullptr;
  ValueSlices values;
};

// Takes the first `bytes` bytes of `slices` from *slice, *offset on.
ValueSlices TakeBytes(const ValueSlices& slices, uint64_t bytes, size_t* slice, size_t* offset) {
  ValueSlices taken;
  while (bytes > 0 && *slice < slices.size()) {
    const grpc::Slice& from = slices[*slice];
    const size_t count = std::min<uint64_t>(bytes, from.size() - *offset);
    if (count > 0) taken.push_back(from.sub(*offset, *offset + count));
    bytes -= count;
    *offset += count;
    if (*offset == from.size()) {
      ++*slice;
      *offset = 0;
    }
  }
  return taken;
}

// Bytes of the values of each segment.
std::vector<uint64_t> SizesOf(const Fragment& fragment, ValueCodec codec) {
  const RowPlan& plan = *fragment.plan;
  std::vector<ByteReader::Piece> pieces;
  for (const grpc::Slice& slice : fragment.values) pieces.emplace_back(slice.begin(), slice.size());
  ByteReader bytes(pieces);
  std::vector<uint64_t> sizes;
  for (const Segment& segment : plan.segments_of(plan.parts[fragment.part])) {
    const ValueShape shape = {.rows = segment.rows, .dim = plan.dim};
    if (codec != ValueCodec::kTopK) {
      sizes.push_back(EncodedSize(codec, shape));
      continue;
    }
    // As many as were kept. What a server will refuse stays as it is.
    const size_t before = bytes.remaining();
    if (!TakeValues(codec, shape, &bytes).ok()) bytes.Skip(before);
    sizes.push_back(before - bytes.remaining());
  }
  return sizes;
}

void AddPieces(const Fragment& fragment, ValueCodec codec, const v1::TablePlacement& placement,
               std::map<uint32_t, std::vector<Piece>>* by_server) {
  const RowPlan& plan = *fragment.plan;
  const RowPlan::Part& part = plan.parts[fragment.part];
  const std::vector<uint64_t> sizes =
      fragment.values.empty() ? std::vector<uint64_t>() : SizesOf(fragment, codec);
  size_t slice = 0, offset = 0, row = part.first_row, number = 0;
  for (const Segment& segment : plan.segments_of(part)) {
    Piece piece = {.segment = segment};
    if (plan.sparse) {
      piece.keys = plan.keys.data() + row;
      piece.order = plan.order.data() + row;
      row += segment.rows;
    }
    if (!sizes.empty()) {
      piece.values = TakeBytes(fragment.values, sizes[number++], &slice, &offset);
    }
    (*by_server)[placement.shard_servers(static_cast<int>(segment.shard))].push_back(
        std::move(piece));
  }
}

}  // namespace

std::vector<std::pair<uint32_t, Fragment>> Recut(absl::Span<const Fragment> fragments,
                                                 ValueCodec codec,
                                                 const v1::TablePlacement& placement,
                                                 const RowPlanner& planner) {
  std::map<uint32_t, std::vector<Piece>> by_server;
  for (const Fragment& fragment : fragments) AddPieces(fragment, codec, placement, &by_server);
  const RowPlan& old = *fragments.front().plan;
  auto plan = std::make_shared<RowPlan>();
  plan->epoch = planner.epoch();
  plan->table = old.table;
  plan->dim = old.dim;
  plan->sparse = old.sparse;
  plan->rows = old.rows;
  std::vector<std::pair<uint32_t, Fragment>> result;
  for (auto& [server, pieces] : by_server) {
    RowPlan::Part& part = plan->parts.emplace_back();
    part.server = server;
    part.first_segment = static_cast<uint32_t>(plan->segments.size());
    part.first_row = static_cast<uint32_t>(plan->order.size());
    Fragment fragment = {.part = static_cast<uint32_t>(plan->parts.size() - 1)};
    for (Piece& piece : pieces) {
      plan->segments.push_back(piece.segment);
      ++part.segment_count;
      part.rows += piece.segment.rows;
      if (plan->sparse) {
        plan->keys.insert(plan->keys.end(), piece.keys, piece.keys + piece.segment.rows);
        plan->order.insert(plan->order.end(), piece.order, piece.order + piece.segment.rows);
      }
      for (grpc::Slice& slice : piece.values) fragment.values.push_back(std::move(slice));
    }
    result.emplace_back(server, std::move(fragment));
  }
  for (RowPlan::Part& part : plan->parts) {
    if (plan->sparse) planner.EncodeKeysOf(part, plan.get());
  }
  for (auto& [server, fragment] : result) fragment.plan = plan;
  return result;
}

}  // namespace paramd
