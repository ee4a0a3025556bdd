#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/wire/operation.h"
#include "server/table/hasher.h"

namespace paramd {

// Names one push for ever: a client numbers its operations in ascending order, from when it starts
// (its incarnation).
struct PushId {
  uint32_t client = 0;
  uint64_t incarnation = 0;
  uint64_t sequence = 0;
  // The client's step, and which of the step's pushes to the shard it is.
  uint64_t clock = 0;
  uint32_t piece = 0;
  // Whose step it was before the job was restored.
  StepOrigin origin = {};
};

// The last push taken from each client. Not thread-safe.
class SequenceMarks {
 public:
  // Whether the push is new; it is not from then on. Another incarnation of a client starts anew:
  // whoever calls has made sure that it is the live one.
  bool Take(const PushId& id) {
    const Mark next = {id.incarnation, id.sequence, id.clock, id.piece};
    const auto [it, inserted] = marks_.try_emplace(id.client, next);
    if (inserted) return true;
    Mark& mark = it->second;
    if (mark.incarnation == id.incarnation && id.sequence <= mark.sequence) return false;
    mark = next;
    return true;
  }

  // Whether the push was taken before.
  bool Has(const PushId& id) const {
    const auto it = marks_.find(id.client);
    return it != marks_.end() && it->second.incarnation == id.incarnation &&
           id.sequence <= it->second.sequence;
  }

  // The same for the push that piece `piece` of the origin's step was.
  bool Has(const StepOrigin& origin, uint32_t piece) const {
    if (origin.client == 0) return false;
    const auto it = marks_.find(origin.client);
    if (it == marks_.end() || it->second.incarnation != origin.incarnation) return false;
    const Mark& mark = it->second;
    return origin.clock < mark.clock || (origin.clock == mark.clock && piece <= mark.piece);
  }

  // The last push taken from each client, ascending by client.
  std::vector<PushId> All() const {
    std::vector<PushId> all;
    for (const auto& [client, mark] : marks_) {
      all.push_back({.client = client,
                     .incarnation = mark.incarnation,
                     .sequence = mark.sequence,
                     .clock = mark.clock,
                     .piece = mark.piece});
    }
    return all;
  }

  void Clear() { marks_.clear(); }

  void AddTo(Hasher& hasher) const {
    hasher.AddValues(uint64_t{marks_.size()});
    for (const auto& [client, mark] : marks_) {
      hasher.AddValues(client, mark.incarnation, mark.sequence, mark.clock, mark.piece);
    }
  }

 private:
  struct Mark {
    uint64_t incarnation = 0;
    uint64_t sequence = 0;
    uint64_t clock = 0;
    uint32_t piece = 0;
  };
  std::map<uint32_t, Mark> marks_;  // by client, ordered for AddTo
};

}  // namespace paramd
