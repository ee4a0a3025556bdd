#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/wire/operation.h"
#include "paramd/v1/parameter.pb.h"

namespace paramd {

// Between the data plane's messages in memory and on the wire. Pure functions.

// Replaces the content of `message`.
void Encode(const Operation& operation, v1::Operation* message);
void Encode(const Reply& reply, v1::Reply* message);

// An operation that was received. Borrows keys and values from the message it was decoded from, or
// holds aligned copies of those that were not aligned there. Movable; views taken before a move
// stay valid.
class DecodedOperation {
 public:
  DecodedOperation(DecodedOperation&&) = default;
  DecodedOperation& operator=(DecodedOperation&&) = default;

  // Lives as long as this and the message.
  const Operation& view() const { return view_; }

 private:
  friend absl::StatusOr<DecodedOperation> DecodeOperation(const v1::Operation& message);
  DecodedOperation() = default;

  Operation view_;
  std::vector<Segment> segments_;
  std::vector<uint64_t> keys_;  // only when they are not aligned in the message
  std::vector<float> values_;   // likewise
};

// INVALID_ARGUMENT: unknown kind, keys that are not whole uint64s, values that are not whole
// float32s. Whether the parts fit together is not looked at.
absl::StatusOr<DecodedOperation> DecodeOperation(const v1::Operation& message);

// INVALID_ARGUMENT: values that are not whole float32s. A code that absl does not know is UNKNOWN.
absl::StatusOr<Reply> DecodeReply(const v1::Reply& message);

}  // namespace paramd
