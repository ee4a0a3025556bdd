#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Mini-batch k-means (Sculley, "Web-scale k-means clustering", WWW 2010, algorithm 1). There each
// centre moves towards a point that is nearest to it by a rate of 1 / (points it has had), which
// keeps it the mean of them: here the servers keep their sum and number instead, and whoever pulls
// divides, so that the order of updates does not matter. Dense data; labels are read and not used.
// Loss: squared distance to the nearest centre.
//
// Table: dense sums [model.clusters][columns + 1]: the sum of the points of a centre, each times
// its weight, then the sum of the weights. They are in one row so that nobody reads the one without
// the other. Gradients are minus the sums over a batch (not the mean), and the table adds up by sgd
// with learning_rate 1; another optimizer has no meaning. (bsp averages over workers, which divides
// sum and number by the same.)
//
// Training begins from a sample of the training data, the same for every worker: a centre that has
// had no point yet is where SeedCentres puts it, and the first gradient of a worker has the points
// of the sample too, so that the first points after it do not carry a centre away (they would where
// data are sorted). In a saved model a centre without points is none.
// INVALID_ARGUMENT: sparse data.
absl::StatusOr<std::unique_ptr<Model>> MakeKmeans(const v1::Model& config,
                                                  const DatasetShape& shape);

}  // namespace paramd
