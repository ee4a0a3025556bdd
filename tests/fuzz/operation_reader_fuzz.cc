// A stream of messages, some well-formed and some not: what comes out of it is what its contract
// says, and a key list that is used by its name is the one that was sent under it. Each message is
// made of a few bytes of the input.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/wire/byte_reader.h"
#include "common/wire/key_codec.h"
#include "common/wire/operation.h"
#include "common/wire/segment.h"
#include "paramd/v1/parameter.pb.h"
#include "server/rpc/operation_reader.h"
#include "tests/common/wire/pieces.h"
#include "tests/fuzz/cut_bytes.h"

namespace paramd {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// The bytes of the input, then zeros.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), left_(size) {}

  bool empty() const { return left_ == 0; }

  uint8_t Byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }

  absl::Span<const uint8_t> Bytes(size_t size) {
    size = std::min(size, left_);
    const absl::Span<const uint8_t> bytes(data_, size);
    data_ += size;
    left_ -= size;
    return bytes;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

struct KeyList {
  std::vector<uint64_t> keys;
  std::vector<Segment> segments;
};

// Segments with keys, at first as they should be.
void AddKeys(Input& input, v1::Operation* message, KeyList* list) {
  v1::Header& header = *message->mutable_header();
  const KeyCodec codec =
      header.key_codec() == v1::Codec::PACKED ? KeyCodec::kPacked : KeyCodec::kRaw;
  for (int segments = input.Byte() % 4; segments > 0; --segments) {
    const uint32_t rows = input.Byte() % 16;
    std::vector<uint64_t> keys(rows);
    uint64_t key = 0;
    for (uint64_t& each : keys) each = key += 1 + (uint64_t{input.Byte()} << (input.Byte() % 50));
    std::string encoded(MaxEncodedKeys(codec, rows), '\0');
    encoded.resize(EncodeKeys(codec, keys, reinterpret_cast<uint8_t*>(encoded.data())));
    message->mutable_keys()->append(encoded);
    v1::Segment& segment = *header.add_segments();
    segment.set_shard(input.Byte());
    segment.set_rows(rows);
    list->keys.insert(list->keys.end(), keys.begin(), keys.end());
    list->segments.push_back({.shard = segment.shard(), .rows = rows});
  }
}

v1::Operation NewMessage(Input& input, KeyList* list) {
  v1::Operation message;
  v1::Header& header = *message.mutable_header();
  header.set_kind(static_cast<v1::Header::Kind>(input.Byte() % 8));
  header.set_sequence(input.Byte() % 4);
  header.set_key_codec(static_cast<v1::Codec::Keys>(input.Byte() % 5));
  header.set_value_codec(static_cast<v1::Codec::Values>(input.Byte() % 7));
  const uint8_t name = input.Byte() % 8;
  if (name > 0) header.set_key_list(std::string(name == 7 ? 15 : 16, static_cast<char>(name)));
  if (header.kind() == v1::Header::OPEN) {
    header.mutable_open()->set_key_cache(uint64_t{input.Byte()} * 64);
    header.mutable_open()->add_key_codecs(static_cast<v1::Codec::Keys>(input.Byte() % 5));
    return message;
  }
  if (header.key_codec() != v1::Codec::CACHED) AddKeys(input, &message, list);
  return message;
}

// The lists that were sent in operations that were taken.
using Sent = std::map<std::string, KeyList>;

void CheckOperation(const v1::Operation& message, const Operation& operation, Sent& sent) {
  const v1::Header& header = message.header();
  uint64_t rows = 0, next = 0;
  for (const Segment& segment : operation.segments) rows += segment.rows;
  Require(operation.keys.empty() || operation.keys.size() == rows);
  for (const Segment& segment : operation.segments) {
    if (operation.keys.empty()) break;
    for (uint64_t i = next + 1; i < next + segment.rows; ++i) {
      Require(operation.keys[i - 1] < operation.keys[i]);
    }
    next += segment.rows;
  }
  Require(operation.values.remaining() == message.values().size());
  if (header.key_codec() == v1::Codec::CACHED) {
    const auto list = sent.find(header.key_list());
    Require(list != sent.end());
    Require(operation.keys == absl::MakeConstSpan(list->second.keys));
    Require(operation.segments == absl::MakeConstSpan(list->second.segments));
  } else if (!header.key_list().empty() && !operation.keys.empty()) {
    sent[header.key_list()] = {{operation.keys.begin(), operation.keys.end()},
                               {operation.segments.begin(), operation.segments.end()}};
  }
}

void TryStream(Input input) {
  using Kind = OperationReader::Outcome::Kind;
  OperationReader reader;
  Sent sent;
  std::optional<uint64_t> awaited;
  while (!input.empty()) {
    const uint8_t how = input.Byte();
    KeyList list;
    std::string bytes = NewMessage(input, &list).SerializeAsString();
    // Some are broken at one place, some are anything.
    if (how % 4 == 1 && !bytes.empty()) bytes[input.Byte() % bytes.size()] ^= input.Byte();
    if (how % 16 == 2) {
      const auto any = input.Bytes(input.Byte());
      bytes.assign(any.begin(), any.end());
    }
    v1::Operation message;
    const bool good = message.ParseFromString(bytes);
    const Pieces pieces = CutBytes({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                                   absl::MakeConstSpan(&how, 1));
    const OperationReader::Outcome outcome = reader.Read(pieces.pieces());
    Require((outcome.kind == Kind::kBroken) == !good);
    if (!good) continue;
    const uint64_t sequence = message.header().sequence();
    Require(outcome.operation.sequence == sequence);
    Require((outcome.kind == Kind::kIgnore) == (awaited.has_value() && sequence != awaited));
    switch (outcome.kind) {
      case Kind::kOperation:
        awaited.reset();
        CheckOperation(message, outcome.operation, sent);
        // As it was made, when nobody has touched it.
        if (how % 4 != 1 && how % 16 != 2 && !outcome.operation.keys.empty() &&
            message.header().key_codec() != v1::Codec::CACHED) {
          Require(outcome.operation.keys == absl::MakeConstSpan(list.keys));
        }
        break;
      case Kind::kSendKeys:
        Require(message.header().key_codec() == v1::Codec::CACHED);
        awaited = sequence;
        break;
      case Kind::kAnswer:
        Require(message.header().kind() == v1::Header::OPEN || !outcome.status.ok());
        awaited.reset();
        break;
      case Kind::kIgnore:
      case Kind::kBroken:
        break;
    }
  }
}

}  // namespace
}  // namespace paramd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  paramd::TryStream(paramd::Input(data, size));
  return 0;
}
