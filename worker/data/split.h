#pragma once

#include <cstdint>

#include "common/base/random.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

// Which part of the records in the training files is read, when data.eval_fraction of them are held
// out. Whether a record is follows from model.seed, the name of its file and its place in it: so
// every reader of a file, of whatever range of it, finds the same parts.
struct Split {
  enum Part { kAll, kTraining, kHeldOut };

  Part part = kAll;
  double fraction = 0;  // of the records, held out
  uint64_t seed = 0;

  // Whether the part has the record that begins at byte `offset` of the (decompressed) file;
  // `file_key` is the NameKey of the file's name without its folder.
  bool Has(uint64_t file_key, uint64_t offset) const {
    if (part == kAll) return true;
    const bool held_out = ToUnitInterval(CounterRandom(seed, file_key, offset)) < fraction;
    return held_out == (part == kHeldOut);
  }
};

// `part` of the training files; all records when none are held out.
inline Split SplitOf(const v1::Config& config, Split::Part part) {
  if (config.data().eval_fraction() == 0) return {};
  return {.part = part, .fraction = config.data().eval_fraction(), .seed = config.model().seed()};
}

}  // namespace paramd
