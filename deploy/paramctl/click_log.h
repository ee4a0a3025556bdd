#pragma once

#include <cstdint>
#include <vector>

#include "common/base/random.h"
#include "common/math/zipf.h"

namespace paramd {

// A click log whose truth is known: every row has one value of each of F categorical fields, and
//   P(click) = 1 / (1 + exp(-(b + sum_f w(f, value_f) + sum_{f<g} <v(f, value_f), v(g,
//   value_g)>))).
// Field f has c_f values, 2 <= c_f <= cardinality, growing geometrically with f; its values follow
// Zipf's distribution. w(f, v) is about normal with mean 0 and variance signal^2 / F, a pure
// function of (seed, f, v). The vectors v have length kRank and such numbers too; they are 0 unless
// `interaction` is more: a linear model cannot learn them, a factorization machine with dim >=
// kRank can, and so can a field-aware one. b is set so that the mean of P(click) is click_rate. No
// best possible model can know more than P(click), so its figures are the best that any model can
// reach. Immutable, hence thread-safe. Same options, same log, on any number of threads.
class ClickLog {
 public:
  static constexpr int kRank = 4;

  struct Options {
    uint64_t fields = 39;        // F, at least 1
    uint64_t cardinality = 200;  // at least 2
    double zipf = 1.1;           // exponent, at least 0
    double signal = 1.5;         // standard deviation of the sum of weights over uniform values
    double interaction = 0;      // the same of the sum of products of vectors
    double click_rate = 0.2;     // in (0, 1)
    uint64_t seed = 42;
  };

  struct Row {
    std::vector<uint64_t> keys;  // one for each field, ascending; 1 .. distinct_keys()
    double probability = 0;      // P(click)
    bool click = false;
  };

  explicit ClickLog(const Options& options);

  // Row `index` of part `part` of the log (the parts are independent of each other).
  void Fill(uint64_t part, uint64_t index, Row* row) const;

  uint64_t distinct_keys() const { return distinct_keys_; }

 private:
  struct Field {
    uint64_t first_key = 0;
    ZipfDistribution values;
  };

  double Weight(uint64_t key) const;
  // The sum over all pairs of the products of their vectors.
  double Interactions(const std::vector<uint64_t>& keys) const;
  // Draws the fields and returns what their values add up to.
  double DrawKeys(Random& random, std::vector<uint64_t>* keys) const;
  void SetIntercept(double click_rate);

  const uint64_t seed_;
  const double weight_deviation_;
  const double vector_deviation_;
  std::vector<Field> fields_;
  uint64_t distinct_keys_ = 0;
  double intercept_ = 0;
};

}  // namespace paramd
