#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/batch.h"
#include "worker/model/model.h"

namespace paramd {

// Skip-gram with negative sampling (Mikolov et al., "Distributed representations of words and
// phrases and their compositionality", NIPS 2013, equation 4). A row is a sentence, its features in
// their order are its words; labels and values mean nothing. A pair is a word w with a word c to
// its left or right, at most b words away, b drawn uniformly from 1 .. model.window for every w (as
// in the paper's program). With v the rows of `input` and u those of `output`, its loss is
//   -log s(<u_c, v_w>) - sum over n of log s(-<u_n, v_w>),   s(z) = 1 / (1 + e^-z),
// for model.negatives words n drawn from the words that this worker has read so far
// (worker/model/unigram_sampler.h); a draw of c itself is left out. The loss of every example of a
// batch is the mean over the pairs of the batch, each weighted as its row is, so that pairs count
// alike; without a pair it is 0.
//
// Tables, both sparse [words][k], k = model.dim: `input`, which begins uniform between
// -model.init_scale and model.init_scale and holds the vectors that are wanted, and `output`, which
// begins at 0. AdaGrad by default.
// Scores: the sum of the losses of the row's pairs, and their number.
// INVALID_ARGUMENT: dense data.
absl::StatusOr<std::unique_ptr<Model>> MakeWord2vec(const v1::Model& config,
                                                    const DatasetShape& shape);

}  // namespace paramd
