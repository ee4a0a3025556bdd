#pragma once

#include <google/protobuf/duration.pb.h>

#include "absl/time/time.h"

namespace paramd {

inline absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// `duration`: finite; less than a nanosecond is cut off.
inline google::protobuf::Duration FromDuration(absl::Duration duration) {
  google::protobuf::Duration result;
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  result.set_nanos(static_cast<int32_t>(duration / absl::Nanoseconds(1)));
  return result;
}

}  // namespace paramd
