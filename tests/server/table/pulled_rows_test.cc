#include "server/table/pulled_rows.h"

#include <catch2/catch.hpp>
#include <vector>

namespace paramd {
namespace {

using Values = std::vector<float>;

void Keep(PulledRows& rows, uint32_t client, uint64_t clock, uint64_t row, const Values& values) {
  rows.Keep(client, clock, row, values.data());
}

// Empty: nothing.
Values Find(const PulledRows& rows, uint32_t client, uint64_t clock, uint64_t row) {
  const float* const found = rows.Find(client, clock, row);
  return found == nullptr ? Values() : Values(found, found + 2);
}

uint64_t DigestOf(const PulledRows& rows) {
  Hasher hasher;
  rows.AddTo(hasher);
  return hasher.Digest();
}

TEST_CASE("the last pull for a step or one before it is found, of the last two") {
  PulledRows rows(2);
  CHECK(Find(rows, 1, 9, 5) == Values());
  Keep(rows, 1, 3, 5, {1, 2});
  CHECK(Find(rows, 1, 2, 5) == Values());
  CHECK(Find(rows, 1, 3, 5) == Values{1, 2});
  CHECK(Find(rows, 1, 8, 5) == Values{1, 2});
  Keep(rows, 1, 4, 5, {3, 4});
  CHECK(Find(rows, 1, 3, 5) == Values{1, 2});
  CHECK(Find(rows, 1, 4, 5) == Values{3, 4});
  Keep(rows, 1, 4, 5, {5, 6});  // again
  CHECK(Find(rows, 1, 3, 5) == Values{1, 2});
  CHECK(Find(rows, 1, 4, 5) == Values{5, 6});
  Keep(rows, 1, 7, 5, {7, 8});
  CHECK(Find(rows, 1, 3, 5) == Values());
  CHECK(Find(rows, 1, 6, 5) == Values{5, 6});
}

TEST_CASE("clients and rows have nothing to do with one another") {
  PulledRows rows(2);
  Keep(rows, 1, 0, 5, {1, 2});
  Keep(rows, 2, 0, 5, {3, 4});
  Keep(rows, 2, 0, UINT64_MAX, {5, 6});
  CHECK(Find(rows, 1, 0, UINT64_MAX) == Values());
  CHECK(Find(rows, 2, 0, UINT64_MAX) == Values{5, 6});
  CHECK(rows.bytes() >= 3 * 2 * 2 * sizeof(float));
  rows.Forget(2);
  rows.Forget(3);
  CHECK(Find(rows, 2, 0, 5) == Values());
  CHECK(Find(rows, 1, 0, 5) == Values{1, 2});
  rows.Forget(1);
  CHECK(rows.bytes() == 0);
}

TEST_CASE("the digest is of the content, in whatever order it came") {
  PulledRows one(2), other(2);
  for (uint64_t row = 0; row < 100; ++row) {
    Keep(one, 1 + row % 3, 1, row, {static_cast<float>(row), 1});
    Keep(other, 1 + (99 - row) % 3, 1, 99 - row, {static_cast<float>(99 - row), 1});
  }
  CHECK(DigestOf(one) == DigestOf(other));
  Keep(other, 1, 2, 0, {0, 1});
  CHECK(DigestOf(one) != DigestOf(other));
}

}  // namespace
}  // namespace paramd
