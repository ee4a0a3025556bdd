#include "worker/model/sparse_product.h"

#include <catch2/catch.hpp>
#include <limits>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

constexpr size_t kKeys = 500;

float RandomValue(Random& random) { return static_cast<float>(2 * random.NextUnit() - 1); }

std::vector<float> RandomValues(Random& random, size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = RandomValue(random);
  return values;
}

// Rows of 0, 1, 2, ... features of random columns, ascending.
Batch MakeBatch(size_t rows) {
  Random random(rows);
  Batch batch;
  batch.row_offsets.push_back(0);
  for (uint64_t key = 0; key < kKeys; ++key) batch.unique_keys.push_back(key);
  for (size_t row = 0; row < rows; ++row) {
    batch.labels.push_back(0);
    for (size_t i = 0; i < row; ++i) {
      batch.columns.push_back(static_cast<uint32_t>(7 * i + random.NextBelow(7)));
      batch.values.push_back(RandomValue(random));
    }
    batch.row_offsets.push_back(static_cast<uint32_t>(batch.values.size()));
  }
  return batch;
}

// The same sums in the order that the header promises, one number after the other.
void ReferenceProduct(const Batch& batch, const std::vector<float>& weights, size_t k,
                      std::vector<float>& z) {
  for (size_t row = 0; row < batch.rows(); ++row) {
    float s[8] = {};
    for (uint32_t i = batch.row_offsets[row]; i < batch.row_offsets[row + 1]; ++i) {
      for (size_t j = 0; j < k; ++j) {
        const float product = batch.values[i] * weights[batch.columns[i] * k + j];
        (k == 1 ? s[(i - batch.row_offsets[row]) % 8] : z[row * k + j]) += product;
      }
    }
    if (k == 1) z[row] += ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
  }
}

void ReferenceTransposed(const Batch& batch, const std::vector<float>& d, size_t k,
                         std::vector<float>& dw) {
  for (size_t row = 0; row < batch.rows(); ++row) {
    for (uint32_t i = batch.row_offsets[row]; i < batch.row_offsets[row + 1]; ++i) {
      for (size_t j = 0; j < k; ++j) {
        dw[batch.columns[i] * k + j] += batch.values[i] * d[row * k + j];
      }
    }
  }
}

TEST_CASE("sparse products are those of the plain loops, to the bit") {
  Random random(5);
  const Batch batch = MakeBatch(70);
  for (const size_t k : {1, 2, 3, 4, 7, 8, 9, 10, 15, 16, 17, 24, 33}) {
    INFO("k = " << k);
    const std::vector<float> weights = RandomValues(random, kKeys * k);
    std::vector<float> z = RandomValues(random, batch.rows() * k), expected_z = z;
    AddSparseProduct(batch, weights, k, absl::MakeSpan(z));
    ReferenceProduct(batch, weights, k, expected_z);
    CHECK(z == expected_z);

    const std::vector<float> d = RandomValues(random, batch.rows() * k);
    std::vector<float> dw = RandomValues(random, kKeys * k), expected_dw = dw;
    AddSparseTransposedProduct(batch, d, k, absl::MakeSpan(dw));
    ReferenceTransposed(batch, d, k, expected_dw);
    CHECK(dw == expected_dw);
  }
}

TEST_CASE("weights that are infinite do not reach rows without their feature") {
  Batch batch = MakeBatch(10);
  batch.columns.assign(batch.columns.size(), 3);
  std::vector<float> weights(kKeys, std::numeric_limits<float>::infinity()), z(10, 1);
  weights[3] = 0;
  AddSparseProduct(batch, weights, 1, absl::MakeSpan(z));
  CHECK(z == std::vector<float>(10, 1));
}

TEST_CASE("a batch without rows") {
  const Batch batch = MakeBatch(0);
  std::vector<float> dw(kKeys, 2);
  AddSparseProduct(batch, dw, 1, {});
  AddSparseTransposedProduct(batch, {}, 1, absl::MakeSpan(dw));
  CHECK(dw == std::vector<float>(kKeys, 2));
}

}  // namespace
}  // namespace paramd
