#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "paramd/v1/config.pb.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/data/batch_cache.h"
#include "worker/data/record_reader.h"
#include "worker/data/split.h"
#include "worker/model/model.h"

namespace paramd {

// Where an evaluation finds the parameters: the servers of a cluster, or a saved model.
class ParameterSource {
 public:
  virtual ~ParameterSource() = default;

  // Fills `values` with rows of table `table` (its index in Model::Tables()). Sparse tables: the
  // rows of `keys`, strictly ascending; one that does not exist reads as it would begin. Dense
  // tables: every row; `keys` is empty.
  virtual absl::Status Pull(int table, absl::Span<const uint64_t> keys,
                            std::vector<float>* values) = 0;
};

// Takes the scores of a batch, [rows][outputs]. What it refuses ends the evaluation.
using ScoreSink = std::function<absl::Status(const Batch& batch, absl::Span<const float> scores)>;

struct Evaluated {
  v1::Metrics metrics;
  ReadStats read;  // of all files together
};

// The quality of `model` on the examples in `files`, read by the format of `data` in batches of
// `batch_rows`, only the records that `split` has. Dense tables are pulled once, sparse rows for
// every batch. Metrics are those of worker/eval/metrics.h. `on_scores` (null: nobody) gets every
// batch, in order. Batches are read through `cache` unless it is null. Errors: those of BatchReader
// and of `parameters`; INVALID_ARGUMENT for a label that the model has no meaning for, and when the
// bad records are more than data.on_bad_record.max_fraction of all.
absl::StatusOr<Evaluated> Evaluate(const v1::Data& data, const DatasetShape& shape,
                                   absl::Span<const std::string> files, Model& model,
                                   ParameterSource& parameters, int batch_rows,
                                   const Split& split = {}, const ScoreSink& on_scores = nullptr,
                                   BatchCache* cache = nullptr);

}  // namespace paramd
