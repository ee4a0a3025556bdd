#include "common/wire/codec.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "common/wire/aligned_view.h"

namespace paramd {
namespace {

template <typename T>
std::string Bytes(absl::Span<const T> array) {
  return std::string(reinterpret_cast<const char*>(array.data()), array.size() * sizeof(T));
}

}  // namespace

void Encode(const Operation& operation, v1::Operation* message) {
  v1::Header& header = *message->mutable_header();
  header.Clear();
  header.set_kind(static_cast<v1::Header::Kind>(operation.kind));
  header.set_client(operation.client);
  header.set_incarnation(operation.incarnation);
  header.set_sequence(operation.sequence);
  header.set_epoch(operation.epoch);
  header.set_clock(operation.clock);
  header.set_finishes_step(operation.finishes_step);
  header.set_ignore_clock(operation.ignore_clock);
  header.set_examples(operation.examples);
  header.set_table(operation.table);
  header.mutable_segments()->Reserve(static_cast<int>(operation.segments.size()));
  for (const Segment& segment : operation.segments) {
    v1::Segment& part = *header.add_segments();
    part.set_shard(segment.shard);
    part.set_rows(segment.rows);
    part.set_first_row(segment.first_row);
  }
  message->set_keys(Bytes(operation.keys));
  message->set_values(Bytes(operation.values));
}

absl::StatusOr<DecodedOperation> DecodeOperation(const v1::Operation& message) {
  const v1::Header& header = message.header();
  if (header.kind() == v1::Header::KIND_UNSPECIFIED || !v1::Header::Kind_IsValid(header.kind())) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown kind of operation: ", static_cast<int>(header.kind())));
  }
  DecodedOperation decoded;
  decoded.segments_.reserve(header.segments_size());
  for (const v1::Segment& segment : header.segments()) {
    decoded.segments_.push_back(
        {.shard = segment.shard(), .rows = segment.rows(), .first_row = segment.first_row()});
  }
  ASSIGN_OR_RETURN(const auto keys, AlignedView("keys", message.keys(), &decoded.keys_));
  ASSIGN_OR_RETURN(const auto values, AlignedView("values", message.values(), &decoded.values_));
  decoded.view_ = {
      .kind = static_cast<OperationKind>(header.kind()),
      .client = header.client(),
      .incarnation = header.incarnation(),
      .sequence = header.sequence(),
      .epoch = header.epoch(),
      .clock = header.clock(),
      .finishes_step = header.finishes_step(),
      .ignore_clock = header.ignore_clock(),
      .examples = header.examples(),
      .table = header.table(),
      .segments = decoded.segments_,
      .keys = keys,
      .values = values,
  };
  return decoded;
}

void Encode(const Reply& reply, v1::Reply* message) {
  message->set_sequence(reply.sequence);
  message->set_code(static_cast<int32_t>(reply.status.code()));
  message->set_message(std::string(reply.status.message()));
  message->set_epoch(reply.epoch);
  message->set_clock(reply.clock);
  message->set_values(Bytes(absl::Span<const float>(reply.values)));
}

absl::StatusOr<Reply> DecodeReply(const v1::Reply& message) {
  std::vector<float> copy;
  ASSIGN_OR_RETURN(const auto values, AlignedView("values", message.values(), &copy));
  return Reply{
      .sequence = message.sequence(),
      .status = absl::Status(static_cast<absl::StatusCode>(message.code()), message.message()),
      .epoch = message.epoch(),
      .clock = message.clock(),
      .values = {values.begin(), values.end()},
  };
}

}  // namespace paramd
