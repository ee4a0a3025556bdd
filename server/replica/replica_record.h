#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/wire/frame.h"
#include "server/replica/replica_frame.h"

namespace paramd {

// A message of a replica stream as a record on disk: the same bytes as on the wire. Borrows the
// frame's keys and values. Not to be moved: the pieces refer to it.
class ReplicaRecord {
 public:
  explicit ReplicaRecord(const ReplicaFrame& frame);
  ReplicaRecord(const ReplicaRecord&) = delete;
  ReplicaRecord& operator=(const ReplicaRecord&) = delete;

  const std::vector<absl::string_view>& pieces() const { return pieces_; }

 private:
  std::string before_keys_;
  uint8_t before_values_[kMaxBeforeValues];
  std::vector<absl::string_view> pieces_;
};

}  // namespace paramd
