#include "server/replica/shard_operations.h"

#include <vector>

#include "common/base/status_macros.h"
#include "common/wire/frame.h"
#include "common/wire/key_codec.h"

namespace paramd {
namespace {

// Takes the keys of one segment into `keys`.
absl::Status TakeKeys(const v1::Header& header, ByteReader* bytes, absl::Span<uint64_t> keys) {
  if (header.key_codec() != v1::Codec::RAW) return DecodeKeys(KeyCodec::kPacked, bytes, keys);
  const size_t size = keys.size() * sizeof(uint64_t);
  if (bytes->remaining() < size) return absl::InvalidArgumentError("keys are missing");
  bytes->Copy(size, reinterpret_cast<uint8_t*>(keys.data()));
  return absl::OkStatus();
}

// Takes the values of one segment; what is no push has one only.
absl::StatusOr<ByteReader> TakeSegmentValues(const v1::Header& header, uint32_t rows, uint32_t dim,
                                             ByteReader* values) {
  if (header.kind() != v1::Header::PUSH) return values->Take(values->remaining());
  ASSIGN_OR_RETURN(const ValueCodec codec, FromProto(header.value_codec()));
  return TakeValues(codec, {.rows = rows, .dim = dim}, values);
}

}  // namespace

absl::Status ForEachShardOperation(
    const v1::Header& header, ByteReader keys, ByteReader values, bool sparse, uint32_t dim,
    absl::FunctionRef<absl::Status(uint32_t shard, const ShardOperation& operation)> take) {
  const v1::Replicated& replicated = header.replicated();
  const auto& removals = replicated.removals();
  if (replicated.indices_size() != header.segments_size() ||
      (!removals.empty() && removals.size() != header.segments_size())) {
    return absl::InvalidArgumentError("every segment wants an index");
  }
  const bool has_keys = sparse || header.kind() == v1::Header::CLOSE;
  // Packed keys take more than a bit each.
  constexpr uint64_t kMostKeysInByte = 8;
  std::vector<uint64_t> segment_keys;
  for (int i = 0; i < header.segments_size(); ++i) {
    const v1::Segment& segment = header.segments(i);
    if (has_keys && segment.rows() > kMostKeysInByte * keys.remaining()) {
      return absl::InvalidArgumentError("keys are missing");
    }
    segment_keys.resize(has_keys ? segment.rows() : 0);
    RETURN_IF_ERROR(TakeKeys(header, &keys, absl::MakeSpan(segment_keys)));
    ASSIGN_OR_RETURN(const ByteReader segment_values,
                     TakeSegmentValues(header, segment.rows(), dim, &values));
    RETURN_IF_ERROR(take(
        segment.shard(),
        {.header = &header,
         .index = replicated.indices(i),
         .piece = segment.piece(),
         .rows = {.count = segment.rows(), .first_row = segment.first_row(), .keys = segment_keys},
         .values = segment_values,
         .removals = removals.empty() ? nullptr : &removals.Get(i)}));
  }
  return absl::OkStatus();
}

}  // namespace paramd
