// What a block of a cache file may not say, with checksums that are right (batch_cache_test has
// round trips and files that are damaged).
#include "worker/data/cache_block.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "common/base/random.h"

namespace paramd {
namespace {

constexpr DatasetShape kSparse = {.sparse = true, .fields = 3};
constexpr DatasetShape kDense = {.sparse = false, .columns = 2};
constexpr uint64_t kMaxRows = 4;

Batch SparseBatch() {
  Batch batch;
  batch.labels = {1, 0};
  batch.row_offsets = {0, 2, 3};
  batch.columns = {0, 1, 0};
  batch.fields = {2, 0, 1};
  batch.values = {1, 1, 1};
  batch.unique_keys = {3, 1000};
  return batch;
}

Batch DenseBatch() {
  Batch batch;
  batch.sparse = false;
  batch.dense_cols = 2;
  batch.labels = {1, 0};
  batch.weights = {0.5, 2};
  batch.values = {1, 2, 3, 4};
  return batch;
}

std::vector<uint64_t> Encode(const Batch& batch, const DatasetShape& shape) {
  std::vector<uint64_t> body;
  EncodeCacheBlock(batch, shape, {.bad_records = 2, .bad_record_examples = {"a:7: bad", "b"}},
                   &body);
  return body;
}

absl::Status Decode(const std::vector<uint64_t>& body, const DatasetShape& shape) {
  Batch batch;
  ReadStats stats;
  return DecodeCacheBlock(body, shape, kMaxRows, &batch, &stats);
}

// The body of SparseBatch, in words of 8 bytes: 0 to 4 the numbers, 5 labels, 6 lengths, 7 columns,
// 8 fields, 9 keys, 10 and on examples.
void CheckRefused(size_t byte, int value, const std::string& why) {
  INFO("byte " << byte);
  std::vector<uint64_t> body = Encode(SparseBatch(), kSparse);
  reinterpret_cast<unsigned char*>(body.data())[byte] = static_cast<unsigned char>(value);
  const absl::Status status = Decode(body, kSparse);
  CHECK(absl::IsDataLoss(status));
  CHECK(std::string(status.message()) == why);
}

TEST_CASE("a block that is right is taken, and adds to what was read") {
  Batch batch;
  ReadStats stats = {.records = 5, .bad_records = 1, .bad_record_examples = {"x"}};
  const std::vector<uint64_t> body = Encode(SparseBatch(), kSparse);
  REQUIRE(DecodeCacheBlock(body, kSparse, kMaxRows, &batch, &stats).ok());
  CHECK(batch.fields == SparseBatch().fields);
  CHECK(stats.records == 7);
  CHECK(stats.bad_records == 3);
  CHECK(stats.bad_record_examples == std::vector<std::string>{"x", "a:7: bad", "b"});
  CHECK(Decode(Encode(DenseBatch(), kDense), kDense).ok());
}

TEST_CASE("sizes that do not fit") {
  const std::string sizes = "its sizes are wrong";
  CheckRefused(0, 5, sizes);  // rows: more than a batch has
  CheckRefused(0, 1, "the lengths of its rows do not add up");
  CheckRefused(3, 1, sizes);
  CheckRefused(4, 9, sizes);    // values
  CheckRefused(8, 200, sizes);  // keys: more than bytes
  CheckRefused(12, 90, sizes);  // bytes of keys
  CheckRefused(24, 90, sizes);  // bytes of examples
  CheckRefused(35, 1, sizes);   // zeros
  CheckRefused(39, 1, sizes);
  for (size_t words = 0; words < Encode(SparseBatch(), kSparse).size(); ++words) {
    std::vector<uint64_t> body = Encode(SparseBatch(), kSparse);
    body.resize(words);
    CHECK(absl::IsDataLoss(Decode(body, kSparse)));
  }
}

TEST_CASE("widths that there are not") {
  const std::string kind = "it is not a batch of this data set";
  for (const size_t byte : {28, 29, 33}) CheckRefused(byte, 2, kind);
  for (const size_t byte : {30, 31, 32}) {
    CheckRefused(byte, 0, kind);
    CheckRefused(byte, 3, kind);
    CheckRefused(byte, 255, kind);
  }
  for (const size_t byte : {28, 33}) CheckRefused(byte, 255, kind);
  CheckRefused(34, 7, "unknown key codec 7");
}

TEST_CASE("content that is no batch") {
  CheckRefused(6 * 8, 3, "the lengths of its rows do not add up");
  CheckRefused(7 * 8 + 1, 2, "an index of 2, there are 2");
  CheckRefused(8 * 8 + 2, 3, "an index of 3, there are 3");
  CheckRefused(10 * 8, 0xff, "an example is cut short");
  CHECK(absl::IsDataLoss(Decode(Encode(SparseBatch(), kSparse), kDense)));
  CHECK(absl::IsDataLoss(Decode(Encode(SparseBatch(), kSparse), {.sparse = true})));
  CHECK(absl::IsDataLoss(Decode(Encode(DenseBatch(), kDense), kSparse)));
  CHECK(absl::IsDataLoss(Decode(Encode(DenseBatch(), kDense), {.sparse = false, .columns = 3})));
}

TEST_CASE("random bytes are refused or a whole batch") {
  Random random(11);
  const std::vector<uint64_t> whole = Encode(SparseBatch(), kSparse);
  size_t taken = 0;
  for (int i = 0; i < 100000; ++i) {
    std::vector<uint64_t> body = whole;
    for (uint64_t flips = 1 + random.NextBelow(3); flips > 0; --flips) {
      reinterpret_cast<unsigned char*>(body.data())[random.NextBelow(body.size() * 8)] =
          static_cast<unsigned char>(random.NextBelow(256));
    }
    Batch batch;
    ReadStats stats;
    if (!DecodeCacheBlock(body, kSparse, kMaxRows, &batch, &stats).ok()) continue;
    ++taken;
    REQUIRE(batch.rows() <= kMaxRows);
    REQUIRE(batch.row_offsets.size() == batch.rows() + 1);
    REQUIRE(batch.row_offsets.back() == batch.values.size());
    REQUIRE(batch.columns.size() == batch.values.size());
    for (const uint32_t column : batch.columns) REQUIRE(column < batch.unique_keys.size());
    for (const uint32_t field : batch.fields) REQUIRE(field < kSparse.fields);
  }
  // Labels, padding and examples may be anything.
  CHECK(taken > 1000);
  CHECK(taken < 90000);
}

}  // namespace
}  // namespace paramd
