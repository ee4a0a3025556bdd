#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/types/span.h"
#include "server/table/hasher.h"
#include "server/table/rows.h"
#include "server/table/sequence_marks.h"

namespace paramd {

// A client's part in a synchronous step. The weights of a step add up to 1.
struct Contribution {
  uint32_t client = 0;
  double weight = 0;
};

// Gradients for some rows, kept until their step closes.
struct BufferedPush {
  PushId id;
  uint64_t count = 0;
  uint64_t first_row = 0;
  std::vector<uint64_t> keys;
  std::vector<float> gradients;

  RowSet rows() const { return {.count = count, .first_row = first_row, .keys = keys}; }
};

struct WeightedPush {
  double weight = 0;
  BufferedPush push;
};

// The pushes for synchronous steps that are still open, of one shard. Not thread-safe.
class StepBuffer {
 public:
  // Copies the push. False, and nothing is kept, when the step is closed.
  bool Add(const PushId& id, uint64_t step, const RowSet& rows, std::vector<float> gradients);

  // Closes all steps up to `step`. Returns its pushes by the contributors (ascending by client), in
  // the order of `contributions` and then of arrival; drops all other pushes of the closed steps.
  std::vector<WeightedPush> Close(uint64_t step, absl::Span<const Contribution> contributions);

  // Drops the client's pushes for `from_step` and later.
  void Discard(uint32_t client, uint64_t from_step);

  // Every step before it is closed.
  uint64_t open_step() const { return open_step_; }
  // Drops everything; steps from `open_step` on are open.
  void Reset(uint64_t open_step) {
    pushes_.clear();
    open_step_ = open_step;
  }

  void AddTo(Hasher& hasher) const;

 private:
  uint64_t open_step_ = 0;  // every step before it is closed
  // By step, then client.
  std::map<uint64_t, std::map<uint32_t, std::vector<BufferedPush>>> pushes_;
};

}  // namespace paramd
