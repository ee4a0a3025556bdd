#include "common/wire/key_codec.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

constexpr size_t kKeysPerControl = 4;

// Keys that are decoded at a time.
constexpr size_t kBlock = 256;

// Before the first key: a difference is one less than how far a key is from the one before.
constexpr uint64_t kBeforeFirst = UINT64_MAX;

// The code of the length of a difference, by its leading zeros, with 63 for 0.
constexpr std::array<uint8_t, 64> kCode = [] {
  std::array<uint8_t, 64> codes = {};
  for (int zeros = 0; zeros < 64; ++zeros) {
    codes[zeros] = (zeros < 56) + (zeros < 48) + (zeros < 32);
  }
  return codes;
}();

// By code. A table is faster than a shift by a variable.
constexpr std::array<uint8_t, 4> kLength = {1, 2, 4, 8};
constexpr std::array<uint64_t, 4> kMask = {0xff, 0xffff, 0xffffffff, UINT64_MAX};

// Data bytes of the four differences of a control byte.
constexpr std::array<uint8_t, 256> kDataBytes = [] {
  std::array<uint8_t, 256> bytes = {};
  for (size_t control = 0; control < bytes.size(); ++control) {
    for (size_t i = 0; i < kKeysPerControl; ++i) bytes[control] += kLength[control >> 2 * i & 3];
  }
  return bytes;
}();

size_t ControlBytes(size_t keys) { return (keys + kKeysPerControl - 1) / kKeysPerControl; }

size_t EncodePacked(absl::Span<const uint64_t> keys, uint8_t* out) {
  uint8_t* control = out;
  uint8_t* data = out + ControlBytes(keys.size());
  uint64_t before = kBeforeFirst;
  uint32_t codes = 0;  // of the last four keys, the latest in the upper bits
  for (size_t i = 0; i < keys.size(); ++i) {
    const uint64_t difference = keys[i] - before - 1;
    before = keys[i];
    // Always 8 bytes, for which there is room: each key so far has taken at most so many.
    std::memcpy(data, &difference, sizeof(difference));
    const uint32_t code = kCode[std::countl_zero(difference | 1)];
    data += kLength[code];
    codes = codes >> 2 | code << 6;
    if (i % kKeysPerControl == kKeysPerControl - 1) *control++ = static_cast<uint8_t>(codes);
  }
  const size_t rest = keys.size() % kKeysPerControl;
  if (rest > 0) *control = static_cast<uint8_t>(codes >> 2 * (kKeysPerControl - rest));
  return static_cast<size_t>(data - out);
}

// The keys decoded so far.
struct Progress {
  uint64_t before = kBeforeFirst;
  uint64_t wraps = 0;  // how often the keys passed 2^64; the first key does once
};

// 8 bytes can be read where each difference begins.
Progress Unpack(const uint8_t* codes, const uint8_t* data, absl::Span<uint64_t> keys,
                Progress progress) {
  uint32_t control = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i % kKeysPerControl == 0) control = *codes++;
    const uint32_t code = control & 3;
    control >>= 2;
    uint64_t difference;
    std::memcpy(&difference, data, sizeof(difference));
    data += kLength[code];
    const uint64_t key = progress.before + (difference & kMask[code]) + 1;
    progress.wraps += key <= progress.before;
    progress.before = keys[i] = key;
  }
  return progress;
}

// Decodes at most kBlock keys.
absl::Status DecodeBlock(ByteReader* control, ByteReader* data, absl::Span<uint64_t> keys,
                         Progress* progress) {
  std::array<uint8_t, kBlock / kKeysPerControl> control_scratch;
  const size_t control_bytes = ControlBytes(keys.size());
  const uint8_t* codes = control->Exactly(control_bytes, control_scratch.data());
  size_t size = 0;
  for (size_t i = 0; i < control_bytes; ++i) size += kDataBytes[codes[i]];
  const size_t unused = control_bytes * kKeysPerControl - keys.size();
  if (unused > 0 && codes[control_bytes - 1] >> 2 * (kKeysPerControl - unused) != 0) {
    return absl::InvalidArgumentError("packed keys: control bits behind the last key");
  }
  size -= unused;  // their codes of 0 counted as a byte each
  if (size > data->remaining()) {
    return absl::InvalidArgumentError("packed keys: the bytes end before the last key");
  }
  // Differences are read 8 bytes at a time: in place when so many follow the block in its piece.
  constexpr size_t kSlack = sizeof(uint64_t) - 1;
  std::array<uint8_t, kBlock * sizeof(uint64_t) + kSlack> data_scratch;
  const uint8_t* at = data_scratch.data();
  if (data->contiguous() >= size + kSlack) {
    at = data->Next(size).data();
  } else {
    data->Copy(size, data_scratch.data());
    std::memset(data_scratch.data() + size, 0, kSlack);
  }
  *progress = Unpack(codes, at, keys, *progress);
  return absl::OkStatus();
}

absl::Status DecodePacked(ByteReader* bytes, absl::Span<uint64_t> keys) {
  if (bytes->remaining() < ControlBytes(keys.size())) {
    return absl::InvalidArgumentError("packed keys: the bytes end within the control bytes");
  }
  ByteReader data = *bytes;
  ByteReader control = data.Take(ControlBytes(keys.size()));
  Progress progress;
  for (size_t begin = 0; begin < keys.size(); begin += kBlock) {
    RETURN_IF_ERROR(DecodeBlock(&control, &data, keys.subspan(begin, kBlock), &progress));
  }
  if (!keys.empty() && progress.wraps != 1) {
    return absl::InvalidArgumentError("packed keys: the keys pass 2^64");
  }
  *bytes = data;
  return absl::OkStatus();
}

absl::Status DecodeRaw(ByteReader* bytes, absl::Span<uint64_t> keys) {
  const size_t size = keys.size() * sizeof(uint64_t);
  if (bytes->remaining() < size) {
    return absl::InvalidArgumentError(
        absl::StrCat("keys: ", bytes->remaining(), " bytes instead of ", size));
  }
  ByteReader rest = *bytes;
  rest.Copy(size, reinterpret_cast<uint8_t*>(keys.data()));
  bool ascend = true;
  for (size_t i = 1; i < keys.size(); ++i) ascend &= keys[i - 1] < keys[i];
  if (!ascend) return absl::InvalidArgumentError("keys do not ascend within a segment");
  *bytes = rest;
  return absl::OkStatus();
}

}  // namespace

size_t MaxEncodedKeys(KeyCodec codec, size_t keys) {
  const size_t raw = keys * sizeof(uint64_t);
  return codec == KeyCodec::kPacked ? ControlBytes(keys) + raw : raw;
}

size_t EncodeKeys(KeyCodec codec, absl::Span<const uint64_t> keys, uint8_t* out) {
  if (codec == KeyCodec::kPacked) return EncodePacked(keys, out);
  const size_t size = MaxEncodedKeys(codec, keys.size());
  if (size > 0) std::memcpy(out, keys.data(), size);
  return size;
}

absl::Status DecodeKeys(KeyCodec codec, ByteReader* bytes, absl::Span<uint64_t> keys) {
  switch (codec) {
    case KeyCodec::kRaw:
      return DecodeRaw(bytes, keys);
    case KeyCodec::kPacked:
      return DecodePacked(bytes, keys);
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown key codec ", static_cast<int>(codec)));
}

absl::uint128 HashKeyList(absl::Span<const uint64_t> keys, absl::Span<const Segment> segments) {
  // A chain over the segments: what came before, the hash of the keys, how many there are, and
  // which piece.
  std::array<uint64_t, 5> link = {};
  for (const Segment& segment : segments) {
    assert(segment.rows <= keys.size());
    const XXH128_hash_t hash = XXH3_128bits(keys.data(), segment.rows * sizeof(uint64_t));
    keys.remove_prefix(segment.rows);
    link = {link[0], link[1], hash.low64, hash.high64,
            segment.rows | uint64_t{segment.piece} << 32};
    const XXH128_hash_t chained = XXH3_128bits(link.data(), sizeof(link));
    link[0] = chained.low64;
    link[1] = chained.high64;
  }
  assert(keys.empty());
  return absl::MakeUint128(link[1], link[0]);
}

}  // namespace paramd
