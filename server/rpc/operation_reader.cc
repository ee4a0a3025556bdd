#include "server/rpc/operation_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/wire/key_codec.h"

namespace paramd {
namespace {

constexpr size_t kKeyListName = 16;
// transport.key_cache is not larger.
constexpr uint64_t kMaxKeyCache = uint64_t{4} << 30;

absl::Status CheckKeyCodec(int codec) {
  if (codec >= v1::Codec::KEYS_UNSPECIFIED && codec <= v1::Codec::CACHED) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(
      "key codec ", codec, " is not known here; known are raw (1), packed (2) and cached (3)"));
}

}  // namespace

OperationReader::Outcome OperationReader::Read(absl::Span<const ByteReader::Piece> pieces) {
  const absl::StatusOr<OperationFrame> frame = parser_.Parse(pieces);
  if (!frame.ok()) return {.kind = Outcome::Kind::kBroken, .status = frame.status()};
  const v1::Header& header = *frame->header;
  Outcome outcome;
  outcome.operation.sequence = header.sequence();
  if (awaited_.has_value() && header.sequence() != *awaited_) return outcome;
  awaited_.reset();

  outcome.kind = Outcome::Kind::kAnswer;
  if (header.kind() == v1::Header::OPEN) return Open(header);
  outcome.status = FromHeader(header, &outcome.operation, &segments_);
  outcome.operation.sequence = header.sequence();
  if (!outcome.status.ok()) return outcome;
  const absl::StatusOr<bool> has_keys = ReadKeys(*frame, &outcome.operation);
  if (!has_keys.ok()) {
    outcome.status = has_keys.status();
  } else if (*has_keys) {
    outcome.operation.values = frame->values;
    outcome.kind = Outcome::Kind::kOperation;
  } else {
    // The client forgets what it believes to be held, too.
    lists_->Clear();
    awaited_ = header.sequence();
    outcome.kind = Outcome::Kind::kSendKeys;
  }
  return outcome;
}

OperationReader::Outcome OperationReader::Open(const v1::Header& header) {
  Outcome outcome = {.kind = Outcome::Kind::kAnswer};
  outcome.operation.sequence = header.sequence();
  for (const int codec : header.open().key_codecs()) {
    if (outcome.status.ok()) outcome.status = CheckKeyCodec(codec);
  }
  for (const int codec : header.open().value_codecs()) {
    if (outcome.status.ok()) outcome.status = FromProto(codec).status();
  }
  if (outcome.status.ok()) lists_.emplace(std::min(header.open().key_cache(), kMaxKeyCache));
  return outcome;
}

absl::StatusOr<bool> OperationReader::ReadKeys(const OperationFrame& frame, Operation* operation) {
  const v1::Header& header = *frame.header;
  RETURN_IF_ERROR(CheckKeyCodec(header.key_codec()));
  if (!header.key_list().empty() && header.key_list().size() != kKeyListName) {
    return absl::InvalidArgumentError(absl::StrCat("key_list has ", header.key_list().size(),
                                                   " bytes instead of ", kKeyListName));
  }
  if (header.key_codec() == v1::Codec::CACHED) {
    if (!lists_.has_value() || header.key_list().empty() || frame.keys.remaining() > 0 ||
        !segments_.empty()) {
      return absl::InvalidArgumentError(
          "a cached key list wants OPEN before it, a name, and no keys and segments beside it");
    }
    const KeyList* const list = lists_->Find(header.key_list());
    if (list == nullptr) return false;
    operation->segments = list->segments;
    operation->keys = list->keys;
    return true;
  }
  ByteReader bytes = frame.keys;
  if (bytes.remaining() == 0) return true;
  uint64_t rows = 0;
  for (const Segment& segment : segments_) rows += segment.rows;
  // Packed keys take at least a byte and two bits each.
  const bool packed = header.key_codec() == v1::Codec::PACKED;
  if ((packed ? rows + rows / 4 : 8 * rows) > bytes.remaining()) {
    return absl::InvalidArgumentError(absl::StrCat("lengths do not add up: ", bytes.remaining(),
                                                   " bytes of keys for ", rows, " rows"));
  }
  KeyList* const list = header.key_list().empty() || !lists_.has_value()
                            ? nullptr
                            : lists_->Insert(header.key_list(), rows, segments_.size());
  std::vector<uint64_t>& keys = list == nullptr ? keys_ : list->keys;
  // Memory of a much larger list that was dropped: the budget would not count it.
  if (list != nullptr && keys.capacity() > 2 * rows + 128) list->keys = std::vector<uint64_t>();
  keys.resize(rows);
  const KeyCodec codec = packed ? KeyCodec::kPacked : KeyCodec::kRaw;
  absl::Status status;
  uint64_t next = 0;
  for (const Segment& segment : segments_) {
    status = DecodeKeys(codec, &bytes, absl::MakeSpan(keys).subspan(next, segment.rows));
    if (!status.ok()) break;
    next += segment.rows;
  }
  if (status.ok() && bytes.remaining() > 0) {
    status = absl::InvalidArgumentError(
        absl::StrCat("lengths do not add up: ", bytes.remaining(), " bytes behind the last key"));
  }
  if (!status.ok()) {
    if (list != nullptr) lists_->Clear();
    return status;
  }
  if (list != nullptr) {
    if (list->segments.capacity() > 2 * segments_.size() + 64) list->segments = {};
    list->segments = segments_;
  }
  operation->keys = keys;
  return true;
}

}  // namespace paramd
