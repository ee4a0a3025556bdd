#pragma once

#include "absl/types/span.h"

namespace paramd {

// The exponentials of the losses over whole batches: vector code in double without fused
// multiply-add, the same to the bit on every CPU and for every division of a batch into calls.
// Relative error below 5e-11, before what is a float is rounded to one. NaN in, NaN out. Stateless,
// hence thread-safe.

// Replaces every x by e^x. No x is above 0; below -708 the result is 0.
void ExpOfNegatives(absl::Span<double> x);

// Replaces every z by 1 / (1 + e^-z).
void Sigmoids(absl::Span<float> z);

// Logistic loss, with s = +1 for labels above 0 and -1 for the others: fills `losses` with
// log(1 + e^(-s z)), replaces z by its derivative -s / (1 + e^(s z)). All of one length.
void DifferentiateLogistic(absl::Span<const float> labels, absl::Span<float> z,
                           absl::Span<double> losses);

}  // namespace paramd
