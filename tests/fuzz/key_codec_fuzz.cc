// Encoded keys: arbitrary ones are refused or decode to ascending keys, the same from any pieces,
// which survive a round trip. The first 5 bytes choose codec, number of keys and cuts.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "common/wire/key_codec.h"
#include "tests/common/wire/pieces.h"
#include "tests/fuzz/cut_bytes.h"

namespace paramd {
namespace {

using Bytes = absl::Span<const uint8_t>;

void Require(bool condition) {
  if (!condition) std::abort();
}

void TryKeys(KeyCodec codec, size_t count, Bytes bytes, Bytes cuts) {
  const Pieces whole(bytes), cut = CutBytes(bytes, cuts);
  ByteReader whole_bytes = whole.reader(), cut_bytes = cut.reader();
  std::vector<uint64_t> keys(count), cut_keys(count);
  const absl::Status status = DecodeKeys(codec, &whole_bytes, absl::MakeSpan(keys));
  Require(DecodeKeys(codec, &cut_bytes, absl::MakeSpan(cut_keys)) == status);
  Require(whole_bytes.remaining() == cut_bytes.remaining());
  if (!status.ok()) return Require(whole_bytes.remaining() == bytes.size());
  Require(keys == cut_keys);
  for (size_t i = 1; i < count; ++i) Require(keys[i - 1] < keys[i]);
  std::vector<uint8_t> again(MaxEncodedKeys(codec, count));
  again.resize(EncodeKeys(codec, keys, again.data()));
  Require(again.size() <= bytes.size() - whole_bytes.remaining());
  const Pieces pieces = CutBytes(again, cuts);
  ByteReader reader = pieces.reader();
  Require(DecodeKeys(codec, &reader, absl::MakeSpan(cut_keys)).ok());
  Require(keys == cut_keys && reader.remaining() == 0);
}

}  // namespace
}  // namespace paramd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 5) return 0;
  const auto codec = static_cast<paramd::KeyCodec>(data[0] % 3);  // one of them unknown
  const size_t count = data[1] + 256u * (data[2] % 4);
  const absl::Span<const uint8_t> cuts(data + 3, 2), bytes(data + 5, size - 5);
  paramd::TryKeys(codec, count, bytes, cuts);
  return 0;
}
