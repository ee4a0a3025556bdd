#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "paramd/v1/coordinator.pb.h"
#include "tests/testing/oracle/integer_step.h"

namespace paramd {

// What a worker of the oracle has pushed and what of it was acknowledged, written as it happens, a
// line at a time, so that it is true whenever the process ends. Lines:
//   shards TABLE N N …      the shard of each row (dense) or key (sparse), once
//   push CLOCK KEY … | VALUE … | VALUE …   before the step is sent: keys, sparse, dense values
//   ack CLOCK               after every server has acknowledged it
// Thread-safe.
class StepLog {
 public:
  // Begins the file anew. UNAVAILABLE and the like as of common/base/file_error.h.
  static absl::StatusOr<std::unique_ptr<StepLog>> Create(const std::string& path);
  ~StepLog();
  StepLog(const StepLog&) = delete;
  StepLog& operator=(const StepLog&) = delete;

  void Shards(const v1::ShardMap& map);
  void Push(uint64_t clock, const IntegerStep& step);
  void Acknowledged(uint64_t clock);

 private:
  explicit StepLog(int fd) : fd_(fd) {}

  // A write of its own, which the system appends as a whole. What cannot be written ends the
  // process: the log would not be true any more.
  void Write(absl::string_view line);

  const int fd_;
};

}  // namespace paramd
