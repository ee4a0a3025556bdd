#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/task.h"

namespace paramd {

// A loss of (label, z), where z [outputs()] is what a model computes for an example. Not
// thread-safe: it keeps scratch memory.
class Loss {
 public:
  virtual ~Loss() = default;

  virtual Task task() const = 0;
  virtual int outputs() const = 0;

  // OK, or INVALID_ARGUMENT as of Model::CheckLabels.
  virtual absl::Status CheckLabel(float label) const = 0;
  absl::Status CheckLabels(const Batch& batch) const;

  // The sum over the batch of weight x loss; replaces z [rows][outputs()] by the derivative of this
  // sum divided by the number of rows.
  double DifferentiateMean(const Batch& batch, absl::Span<float> z);

  // Replaces z [examples][outputs()] by the scores that task() says.
  virtual void ToScores(absl::Span<float> z) = 0;

 protected:
  // Fills `losses` [examples]; replaces z by d loss / d z of each example.
  virtual void Differentiate(absl::Span<const float> labels, absl::Span<float> z,
                             absl::Span<double> losses) = 0;

 private:
  std::vector<double> losses_;
};

// (z - y)^2 / 2; every finite label is allowed. Score: z.
std::unique_ptr<Loss> MakeSquaredLoss();

// log(1 + e^(-s z)), s = +1 for label 1 and -1 for labels 0 and -1. Score: 1 / (1 + e^-z).
// `model`: its name, for messages.
std::unique_ptr<Loss> MakeLogisticLoss(const char* model);

// log sum_j e^(z_j) - z_y; labels 0 .. classes - 1. Scores: softmax of z.
std::unique_ptr<Loss> MakeSoftmaxLoss(const char* model, int classes);

}  // namespace paramd
