#include "deploy/paramctl/click_log.h"

#include <algorithm>
#include <cmath>

namespace paramd {
namespace {

// Streams of random numbers, apart from those of the parts, which count from 0.
constexpr uint64_t kWeightStream = ~uint64_t{0};
constexpr uint64_t kVectorStream = kWeightStream - ClickLog::kRank;  // and those that follow
constexpr uint64_t kInterceptPart = uint64_t{1} << 20;
constexpr int kInterceptRows = 20000;

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// About normal with mean 0 and variance 1: the sum of four uniform numbers of 16 bits each.
double AboutNormal(uint64_t random) {
  const uint64_t sum =
      (random & 0xffff) + (random >> 16 & 0xffff) + (random >> 32 & 0xffff) + (random >> 48);
  return (static_cast<double>(sum) / 65535 - 2) * std::sqrt(3.0);
}

// Of the numbers in the vectors: a pair of vectors has a product of variance kRank deviation^4.
double VectorDeviation(const ClickLog::Options& options) {
  const double fields = static_cast<double>(options.fields);
  const double products = ClickLog::kRank * fields * (fields - 1) / 2;
  return products == 0 ? 0 : std::sqrt(options.interaction / std::sqrt(products));
}

Random RowRandom(uint64_t seed, uint64_t part, uint64_t index) {
  return Random(seed, part << 40 | index);
}

}  // namespace

ClickLog::ClickLog(const Options& options)
    : seed_(options.seed),
      weight_deviation_(options.signal / std::sqrt(static_cast<double>(options.fields))),
      vector_deviation_(VectorDeviation(options)) {
  const double growth = static_cast<double>(options.cardinality) / 2;
  const double last = static_cast<double>(options.fields - 1);
  for (uint64_t f = 0; f < options.fields; ++f) {
    const double place = last == 0 ? 1 : static_cast<double>(f) / last;
    const uint64_t values = std::llround(2 * std::pow(growth, place));
    fields_.push_back({distinct_keys_ + 1, ZipfDistribution(values, options.zipf)});
    distinct_keys_ += values;
  }
  SetIntercept(options.click_rate);
}

double ClickLog::Weight(uint64_t key) const {
  return weight_deviation_ * AboutNormal(CounterRandom(seed_, kWeightStream, key));
}

double ClickLog::Interactions(const std::vector<uint64_t>& keys) const {
  double twice = 0;
  for (int i = 0; i < kRank; ++i) {
    double sum = 0, squares = 0;
    for (const uint64_t key : keys) {
      const double v = AboutNormal(CounterRandom(seed_, kVectorStream + i, key));
      sum += v;
      squares += v * v;
    }
    twice += sum * sum - squares;
  }
  return vector_deviation_ * vector_deviation_ * twice / 2;
}

double ClickLog::DrawKeys(Random& random, std::vector<uint64_t>* keys) const {
  keys->clear();
  double sum = 0;
  for (const Field& field : fields_) {
    keys->push_back(field.first_key + field.values.Draw(random) - 1);
    sum += Weight(keys->back());
  }
  return vector_deviation_ == 0 ? sum : sum + Interactions(*keys);
}

void ClickLog::SetIntercept(double click_rate) {
  std::vector<double> sums(kInterceptRows);
  std::vector<uint64_t> keys;
  for (int i = 0; i < kInterceptRows; ++i) {
    Random random = RowRandom(seed_, kInterceptPart, static_cast<uint64_t>(i));
    sums[i] = DrawKeys(random, &keys);
  }
  double low = -100, high = 100;
  for (int step = 0; step < 60; ++step) {
    intercept_ = (low + high) / 2;
    double rate = 0;
    for (const double sum : sums) rate += Sigmoid(intercept_ + sum) / kInterceptRows;
    (rate < click_rate ? low : high) = intercept_;
  }
}

void ClickLog::Fill(uint64_t part, uint64_t index, Row* row) const {
  Random random = RowRandom(seed_, part, index);
  row->probability = Sigmoid(intercept_ + DrawKeys(random, &row->keys));
  row->click = random.NextUnit() < row->probability;
}

}  // namespace paramd
