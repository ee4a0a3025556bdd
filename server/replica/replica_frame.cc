#include "server/replica/replica_frame.h"

#include <algorithm>
#include <cstring>

#include "common/wire/frame.h"
#include "common/wire/key_codec.h"

namespace paramd {
namespace {

// Adds the keys of one segment to `keys`, which has room for them at *size.
void AppendKeys(absl::Span<const uint64_t> keys, const Buffer& out, size_t* size) {
  *size += EncodeKeys(KeyCodec::kPacked, keys, out.data() + *size);
}

void AddSegment(v1::Header* header, uint32_t shard, uint64_t rows, uint64_t first_row,
                uint64_t index, uint32_t piece = 0) {
  v1::Segment* const segment = header->add_segments();
  segment->set_shard(shard);
  segment->set_rows(static_cast<uint32_t>(rows));
  segment->set_first_row(first_row);
  segment->set_piece(piece);
  header->mutable_replicated()->add_indices(index);
}

void AddRemoved(const RemovedRows& removed, v1::Header* header) {
  v1::Removals& out = *header->mutable_replicated()->add_removals();
  *out.mutable_hashes() = {removed.hashes.begin(), removed.hashes.end()};
  *out.mutable_after() = {removed.after.begin(), removed.after.end()};
}

void AddMarks(absl::Span<const PushId> marks, google::protobuf::RepeatedPtrField<v1::Mark>* out) {
  for (const PushId& id : marks) {
    v1::Mark& mark = *out->Add();
    mark.set_client(id.client);
    mark.set_incarnation(id.incarnation);
    mark.set_sequence(id.sequence);
    mark.set_clock(id.clock);
    mark.set_pieces(id.piece + 1);
  }
}

// One piece that lies in a buffer.
void SetValues(const void* data, size_t size, ReplicaFrame* frame) {
  if (size == 0) return;
  Buffer copy(size);
  std::memcpy(copy.data(), data, size);
  frame->values.emplace_back(copy.data(), size);
  frame->owner = std::make_shared<Buffer>(std::move(copy));
}

void SetKeys(absl::Span<const uint64_t> keys, ReplicaFrame* frame) {
  if (keys.empty()) return;
  Buffer out(MaxEncodedKeys(KeyCodec::kPacked, keys.size()));
  size_t size = 0;
  AppendKeys(keys, out, &size);
  out.Shrink(size);
  frame->keys = std::move(out);
  frame->header.set_key_codec(v1::Codec::PACKED);
}

}  // namespace

size_t ReplicaFrame::bytes() const {
  size_t bytes = keys.size() + header.ByteSizeLong();
  for (const ByteReader::Piece& piece : values) bytes += piece.size();
  return bytes;
}

ReplicaFrame PushFrame(const Operation& operation, uint64_t delay,
                       absl::Span<const PushedPart> parts) {
  ReplicaFrame frame;
  v1::Header& header = frame.header;
  header.set_kind(v1::Header::PUSH);
  header.set_client(operation.client);
  header.set_incarnation(operation.incarnation);
  header.set_sequence(operation.sequence);
  header.set_clock(operation.clock);
  header.set_examples(operation.examples);
  header.set_table(operation.table);
  if (operation.codec != ValueCodec::kF32) header.set_value_codec(ToProto(operation.codec));
  header.mutable_replicated()->set_delay(delay);
  const bool removed = std::any_of(parts.begin(), parts.end(), [](const PushedPart& part) {
    return !part.applied->removed.hashes.empty();
  });
  size_t room = 0, value_bytes = 0;
  for (const PushedPart& part : parts) {
    AddSegment(&header, part.shard, part.rows.count, part.rows.first_row, part.applied->index,
               part.piece);
    if (removed) AddRemoved(part.applied->removed, &header);
    if (!part.rows.keys.empty()) room += MaxEncodedKeys(KeyCodec::kPacked, part.rows.keys.size());
    value_bytes += part.values.remaining();
  }
  if (room > 0) {
    Buffer keys(room);
    size_t size = 0;
    for (const PushedPart& part : parts) AppendKeys(part.rows.keys, keys, &size);
    keys.Shrink(size);
    frame.keys = std::move(keys);
    header.set_key_codec(v1::Codec::PACKED);
  }
  if (operation.owner != nullptr) {
    frame.owner = operation.owner;
    for (const PushedPart& part : parts) {
      for (ByteReader values = part.values; values.remaining() > 0;) {
        const ByteReader::Piece piece = values.Next(values.remaining());
        // Parts that follow one another are one piece.
        if (!frame.values.empty() && frame.values.back().end() == piece.begin()) {
          frame.values.back() = {frame.values.back().data(),
                                 frame.values.back().size() + piece.size()};
        } else {
          frame.values.push_back(piece);
        }
      }
    }
    return frame;
  }
  Buffer copy(value_bytes);
  uint8_t* at = copy.data();
  for (const PushedPart& part : parts) {
    ByteReader values = part.values;
    const size_t size = values.remaining();
    values.Copy(size, at);
    at += size;
  }
  if (value_bytes > 0) frame.values.emplace_back(copy.data(), value_bytes);
  frame.owner = std::make_shared<Buffer>(std::move(copy));
  return frame;
}

ReplicaFrame CloseFrame(uint32_t table, uint32_t shard, uint64_t step, uint64_t examples,
                        const ClosedStep& closed) {
  ReplicaFrame frame;
  frame.header.set_kind(v1::Header::CLOSE);
  frame.header.set_table(table);
  frame.header.set_clock(step);
  frame.header.set_examples(examples);
  AddSegment(&frame.header, shard, closed.sum.keys.size(), 0, closed.applied.index);
  if (!closed.applied.removed.hashes.empty()) AddRemoved(closed.applied.removed, &frame.header);
  AddMarks(closed.marks, frame.header.mutable_replicated()->mutable_marks());
  SetKeys(closed.sum.keys, &frame);
  SetValues(closed.sum.gradients.data(), closed.sum.gradients.size() * sizeof(float), &frame);
  return frame;
}

ReplicaFrame PulledFrame(const Operation& operation, uint32_t shard, const RowSet& rows,
                         uint64_t index) {
  ReplicaFrame frame;
  frame.header.set_kind(v1::Header::PULLED);
  frame.header.set_client(operation.client);
  frame.header.set_clock(operation.clock);
  frame.header.set_table(operation.table);
  AddSegment(&frame.header, shard, rows.count, rows.first_row, index);
  SetKeys(rows.keys, &frame);
  return frame;
}

ReplicaFrame ForgetFrame(uint32_t table, uint32_t shard, uint32_t client, uint64_t index) {
  ReplicaFrame frame;
  frame.header.set_kind(v1::Header::FORGET);
  frame.header.set_client(client);
  frame.header.set_table(table);
  AddSegment(&frame.header, shard, 0, 0, index);
  return frame;
}

std::vector<ReplicaFrame> SnapshotFrames(uint32_t table, uint32_t shard, uint32_t dim, bool sparse,
                                         const ShardState& state, size_t bytes) {
  const size_t width = sparse && !state.keys.empty() ? state.values.size() / state.keys.size() : 1;
  const size_t units = sparse ? state.keys.size() : state.values.size();
  const size_t unit_bytes = width * sizeof(float) + (sparse ? sizeof(uint64_t) : 0);
  const size_t at_once = std::max<size_t>(bytes / unit_bytes, 1);
  std::vector<ReplicaFrame> frames;
  for (size_t first = 0; first < units || frames.empty(); first += at_once) {
    const size_t count = std::min(at_once, units - first);
    ReplicaFrame frame;
    frame.header.set_kind(v1::Header::SNAPSHOT);
    frame.header.set_table(table);
    AddSegment(&frame.header, shard, sparse ? count : 0, 0, state.index);
    v1::Snapshot& snapshot = *frame.header.mutable_replicated()->mutable_snapshot();
    snapshot.set_first(first == 0);
    snapshot.set_last(first + count >= units);
    if (sparse && count > 0) {
      // In no order, so raw.
      Buffer keys(count * sizeof(uint64_t));
      std::memcpy(keys.data(), state.keys.data() + first, keys.size());
      frame.keys = std::move(keys);
      frame.header.set_key_codec(v1::Codec::RAW);
    }
    SetValues(state.values.data() + first * width, count * width * sizeof(float), &frame);
    frames.push_back(std::move(frame));
  }
  v1::Header& head = frames.front().header;
  v1::Snapshot& snapshot = *head.mutable_replicated()->mutable_snapshot();
  snapshot.set_since(state.since);
  snapshot.mutable_blocks()->Assign(state.blocks.begin(), state.blocks.end());
  snapshot.set_clock(state.clock);
  snapshot.set_open_step(state.open_step);
  snapshot.set_sketch(state.sketch.data(), state.sketch.size() * sizeof(uint16_t));
  snapshot.set_sketch_counts(state.sketch_added);
  AddMarks(state.marks, head.mutable_replicated()->mutable_marks());
  AddMarks(state.restored, snapshot.mutable_restored());
  for (const PulledRows::Pull& pull : state.pulled) {
    v1::PulledRow& row = *snapshot.add_pulled();
    row.set_client(pull.client);
    row.set_clock(pull.clock);
    row.set_row(pull.row);
    row.set_values(pull.values.data(), size_t{dim} * sizeof(float));
  }
  return frames;
}

}  // namespace paramd
