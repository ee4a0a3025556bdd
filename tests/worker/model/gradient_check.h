#pragma once

#include <functional>
#include <vector>

#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// One array for each table of a model.
using Arrays = std::vector<std::vector<float>>;

// The model's gradients, in arrays of the parameters' sizes which hold something else before.
double Gradients(Model& model, const Batch& batch, const Arrays& parameters, Arrays* gradients);

// Uniform in +-1/2, as large as `batch` needs.
Arrays RandomParameters(const Model& model, const Batch& batch);

// The sum of the weighted losses of a batch in double, as a function of the parameters.
using SumOfLosses = std::function<double(const std::vector<std::vector<double>>& parameters)>;

// Checks the model's loss and gradients at random parameters against `sum_of_losses` and its finite
// differences.
void CheckGradients(Model& model, const Batch& batch, const SumOfLosses& sum_of_losses);

}  // namespace paramd
