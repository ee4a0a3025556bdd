#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/wire/byte_reader.h"
#include "common/wire/segment.h"

namespace paramd {

// How the keys of a segment, strictly ascending, are written. FORMAT.md has the bytes.
enum class KeyCodec {
  kRaw,     // 8 bytes a key
  kPacked,  // differences in 1, 2, 4 or 8 bytes each, and 2 bits that say in how many
};

// Bytes that EncodeKeys may need for so many keys.
size_t MaxEncodedKeys(KeyCodec codec, size_t keys);

// Writes `keys`, strictly ascending, as one segment to `out`, which has room for
// MaxEncodedKeys(codec, keys.size()) bytes, and returns how many it took. Bytes of the room behind
// them may have been written too. Packed keys take more than raw ones only when most differences
// are 2^32 or more. Pure function.
size_t EncodeKeys(KeyCodec codec, absl::Span<const uint64_t> keys, uint8_t* out);

// Reads a segment of keys.size() keys from `bytes`, which is left behind it, into `keys`; they are
// strictly ascending then. INVALID_ARGUMENT, with `bytes` where it was and any numbers in `keys`:
// the bytes end too early, the keys do not ascend or pass 2^64, or FORMAT.md forbids them.
absl::Status DecodeKeys(KeyCodec codec, ByteReader* bytes, absl::Span<uint64_t> keys);

// A name for the keys of an operation and for how they are cut into segments and which pieces these
// are: a 128-bit hash by XXH3, the same on every machine. The sum of the segments' rows is
// keys.size().
absl::uint128 HashKeyList(absl::Span<const uint64_t> keys, absl::Span<const Segment> segments);

}  // namespace paramd
