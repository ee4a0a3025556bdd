#pragma once

namespace paramd {

// What a model predicts, and with it the figures that its quality is measured by.
enum class Task {
  kNone,        // nothing to measure
  kBinary,      // score: probability of the label 1
  kMulticlass,  // scores: one probability for each class
  kRegression,  // score: the value
  kClustering,  // scores: number of the cluster, squared distance to its centre
  kEmbedding,   // scores: sum of the losses of its pairs, their number
};

}  // namespace paramd
