#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch.h"
#include "worker/model/task.h"

namespace paramd {

// Turns a batch and parameters into a loss and gradients. It declares the tables that it needs;
// where parameters come from and where gradients go is not its business.
//
// Parameters and gradients are one array for each table, in the order of Tables(), row-major with
// `dim` values in a row. Sparse tables: row i belongs to Keys(batch, table)[i]. Dense tables: every
// row of the table.
//
// Not thread-safe (models keep scratch memory): one for each thread.
class Model {
 public:
  virtual ~Model() = default;

  virtual Task task() const = 0;

  // Scores that Predict gives for an example.
  virtual int outputs() const = 0;

  // name, kind, rows, dim and initial_scale are set, and the optimizer that suits the table when
  // the configuration does not name one; the rest is the caller's.
  virtual std::vector<v1::TableSpec> Tables() const = 0;

  // Examples that the model wants to see before it trains (Begin); 0: none. Dense data only.
  virtual size_t SampleRows() const { return 0; }

  // Called once before training, on every worker with the same examples of the training files,
  // about SampleRows() of them, with scaled columns. Not called for a saved model.
  virtual void Begin(const Batch& sample) {}

  // Called once for each batch, before anything else is done with it: a model that draws at random
  // adds what it drew.
  virtual void Prepare(Batch* batch) {}

  // The keys of the rows of sparse table `table` that the batch needs, strictly ascending; part of
  // the batch.
  virtual absl::Span<const uint64_t> Keys(const Batch& batch, size_t table) const {
    return batch.unique_keys;
  }

  // INVALID_ARGUMENT: a label (or, for models that say so, the features of an example) that the
  // model has no meaning for; the message says what is allowed.
  virtual absl::Status CheckLabels(const Batch& batch) const = 0;

  // The sum of the losses of the batch's examples, each times its weight. Fills `gradients`, which
  // are as large as the parameters, with the gradient of this sum divided by the number of
  // examples; zeros when the batch is empty. Labels must have passed CheckLabels.
  virtual double Gradients(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                           absl::Span<const absl::Span<float>> gradients) = 0;

  // Fills `scores` [rows][outputs()] with what task() says.
  virtual void Predict(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                       std::vector<float>* scores) = 0;
};

}  // namespace paramd
