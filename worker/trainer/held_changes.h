#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// The changes of one table that this worker has made and not pushed yet, for the consistency modes
// in which it keeps them back. The table is trained by plain sgd of learning rate r, so the change
// of a row after gradients g_1 .. g_n is -r (g_1 + ... + g_n). What is kept, and pushed, is the sum
// of the gradients: the server's own rule, w <- w - r g, then adds the change.
//
//   local        The worker has copies of the rows it uses and applies the rule to them. After
//                `steps` steps it pushes all changes since the rows were pulled and begins again
//                without copies: the server adds up what all workers changed (GEO-SGD). A row is
//                pulled once in `steps` steps.
//   value_bound  Rows are pulled for every step and used with their own unpushed change added. A
//   row
//                is pushed after the step that leaves one of its elements with an unpushed change
//                of more than `bound`; a dense table is pushed whole. (Value-bounded asynchronous
//                parallel of Wei et al., "Consistent bounded-asynchronous parameter servers for
//                distributed machine learning", 2013, without its bound on what servers hold back,
//                as they hold nothing back.)
//
//   HeldChanges held(spec);
//   const HeldChanges::Wanted wanted = held.Want(keys);
//   if (wanted.any) ...                      // pulls wanted.keys to `pulled`
//   held.Fill(keys, wanted, pulled, rows);   // then computes gradients at `rows`
//   held.Add(keys, gradients);
//   const HeldChanges::Rows push = held.Take(false);
//
// Keys are ascending and unique. Of a dense table keys are left out (empty), and every array has
// all rows. Values are float32[rows][dim]. Not thread-safe.
class HeldChanges {
 public:
  // Whether the table's mode is one of the above.
  static bool IsFor(const v1::TableSpec& spec);

  explicit HeldChanges(const v1::TableSpec& spec);

  // Whether rows for the step after the next Add may be pulled before it: nothing will be pushed
  // then that they would lack.
  bool MayPullAhead() const;

  // Rows of a step that have to be pulled; they are expected to be then.
  struct Wanted {
    bool any = false;
    std::vector<uint64_t> keys;
  };
  Wanted Want(absl::Span<const uint64_t> keys);

  // The rows that the step computes with, from those that it wanted. In the order of the Wants.
  void Fill(absl::Span<const uint64_t> keys, const Wanted& wanted, absl::Span<const float> pulled,
            absl::Span<float> rows);

  // The step's gradients; it is finished with that.
  void Add(absl::Span<const uint64_t> keys, absl::Span<const float> gradients);

  // Sums of gradients that are to be pushed now; they are not held any more. To be called after
  // each Add, and with all = true only when no step has Wanted rows and not yet had its Add.
  struct Rows {
    bool any = false;
    std::vector<uint64_t> keys;
    std::vector<float> gradients;
  };
  // `all`: everything that is held.
  Rows Take(bool all);

  // Whether nothing is held.
  bool empty() const { return local_ || dense_rows_ > 0 ? steps_done_ == 0 : slots_.empty(); }

 private:
  size_t RowCount(absl::Span<const uint64_t> keys) const {
    return dense_rows_ > 0 ? dense_rows_ : keys.size();
  }
  // Where row i of the step is kept; the row is known.
  size_t SlotOf(absl::Span<const uint64_t> keys, size_t i) const {
    return dense_rows_ > 0 ? i : slots_.at(keys[i]);
  }
  size_t NewSlot(uint64_t key);
  bool IsBeyondBound(size_t slot) const;
  Rows TakeEverything();
  Rows TakeBeyondBound();

  const bool local_;
  const size_t dim_;
  const size_t dense_rows_;  // 0: sparse
  const float rate_;
  const uint64_t steps_;
  const double bound_;

  absl::flat_hash_map<uint64_t, size_t> slots_;  // by key; sparse tables
  std::vector<size_t> free_slots_;
  std::vector<float> sums_;          // float32[slots][dim]: of unpushed gradients
  std::vector<float> copies_;        // float32[slots][dim]: local mode
  bool has_copies_ = false;          // dense tables in local mode: they are pulled
  uint64_t steps_done_ = 0;          // since everything was pushed
  std::vector<uint64_t> last_keys_;  // of the last Add; value_bound, sparse tables
};

}  // namespace paramd
