#pragma once

#include <cstdint>

#include "worker/data/batch.h"

namespace paramd {

// Numbers the streams of random numbers that a model draws from, one for each batch: by the
// contents of the batch and the number of batches before it. The same in a run that is repeated,
// another one for each worker, and another one when the batch comes again in the next epoch. Not
// thread-safe.
class BatchStream {
 public:
  uint64_t Next(const Batch& batch);

 private:
  uint64_t batches_ = 0;
};

}  // namespace paramd
