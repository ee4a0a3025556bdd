#include "worker/trainer/batch_pipeline.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/wire/operation.h"
#include "tests/testing/temp_dir.h"
#include "worker/data/batch_cache.h"

namespace paramd {
namespace {

v1::WorkGrant GrantOf(uint64_t lease, const std::string& file) {
  v1::WorkGrant grant;
  grant.set_lease(lease);
  grant.add_partitions()->set_file(file);
  return grant;
}

v1::Data DataOf(uint32_t batch_size) {
  v1::Data data;
  data.set_format(v1::Data::LIBSVM);
  data.set_batch_size(batch_size);
  data.mutable_on_bad_record()->set_action(v1::OnBadRecord::SKIP);
  return data;
}

TEST_CASE("of a partition whose lease is revoked no batch is given out any more, or counted") {
  TempDir dir;
  std::string rows;
  for (int i = 0; i < 100; ++i) absl::StrAppend(&rows, "1 ", i, ":1\n");
  const std::string file = dir.Write("a", rows);
  std::atomic<uint64_t> revoked = 0;
  uint64_t taken = 1;
  BatchPipeline pipeline(DataOf(10), {}, 4, GrantOf(1, file),
                         {.request = [] {},
                          .take = [&]() -> std::optional<v1::WorkGrant> {
                            if (++taken > 3) return std::nullopt;
                            return GrantOf(taken, file);
                          },
                          .revoked = [&](uint64_t lease) { return lease == revoked; }});
  for (int i = 0; i < 3; ++i) pipeline.Recycle(std::move((**pipeline.Pop()).batch));
  revoked = 1;
  auto end = *pipeline.Pop();
  REQUIRE(end.has_value());
  CHECK(end->batch == nullptr);
  CHECK(end->lease == 1);
  CHECK(end->stats.records == 30);
  for (int i = 0; i < 10; ++i) {
    auto item = *pipeline.Pop();
    REQUIRE(item->batch != nullptr);
    CHECK(item->lease == 2);
    pipeline.Recycle(std::move(item->batch));
  }
  end = *pipeline.Pop();
  CHECK(end->stats.records == 100);
  // One that was not begun.
  revoked = 3;
  end = *pipeline.Pop();
  CHECK(end->lease == 3);
  CHECK(end->batch == nullptr);
  CHECK(end->stats.records == 0);
}

TEST_CASE("batches of one partition after the other, each with an end") {
  TempDir dir;
  std::string rows;
  for (int i = 0; i < 25; ++i) absl::StrAppend(&rows, "1 ", i, ":1\n");
  const std::string file = dir.Write("a", rows + "bad\n");
  uint64_t requested = 1, taken = 1;
  bool in_turn = true;
  BatchPipeline pipeline(DataOf(10), {}, 2, GrantOf(1, file),
                         {.request = [&] { ++requested; },
                          .take = [&]() -> std::optional<v1::WorkGrant> {
                            in_turn &= requested == ++taken;
                            if (taken > 3) return std::nullopt;
                            return GrantOf(taken, file);
                          }});
  for (uint64_t lease = 1; lease <= 3; ++lease) {
    for (const size_t size : {10u, 10u, 5u}) {
      auto item = *pipeline.Pop();
      REQUIRE(item.has_value());
      REQUIRE(item->batch != nullptr);
      CHECK(item->batch->rows() == size);
      CHECK(item->batch->source_lease == lease);
      pipeline.Recycle(std::move(item->batch));
    }
    const auto end = *pipeline.Pop();
    REQUIRE(end.has_value());
    CHECK(end->batch == nullptr);
    CHECK(end->lease == lease);
    CHECK(end->stats.records == 25);
    CHECK(end->stats.bad_records == 1);
  }
  CHECK_FALSE((*pipeline.Pop()).has_value());
  CHECK_FALSE((*pipeline.TryPop()).has_value());
  CHECK(in_turn);
}

TEST_CASE("a partition that is resumed begins behind so many batches, and counts all records") {
  TempDir dir;
  std::string rows = "bad\n";
  for (int i = 0; i < 25; ++i) absl::StrAppend(&rows, i, " 1:1\n");
  v1::WorkGrant grant = GrantOf(4, dir.Write("a", rows));
  grant.set_skip_batches(2);
  grant.set_clock(30);
  grant.set_client(8);
  grant.set_incarnation(9);
  const auto read = [&](BatchCache* cache) {
    BatchPipeline pipeline(
        DataOf(4), {}, 2, grant,
        {.request = [] {}, .take = [] { return std::optional<v1::WorkGrant>(); }}, {}, cache);
    for (uint64_t number = 2; number < 7; ++number) {
      auto item = *pipeline.Pop();
      REQUIRE(item.has_value());
      REQUIRE(item->batch != nullptr);
      CHECK(item->number == number);
      CHECK(item->origin == StepOrigin{.client = 8, .incarnation = 9, .clock = 30 + number - 2});
      CHECK(item->batch->labels[0] == static_cast<float>(4 * number));
      CHECK(item->batch->source_lease == 4);
    }
    const auto end = *pipeline.Pop();
    REQUIRE(end.has_value());
    CHECK(end->batch == nullptr);
    CHECK(end->stats.records == 25);
    CHECK(end->stats.bad_records == 1);
  };
  read(nullptr);
  BatchCache cache(dir.File("cache"));
  for (int i = 0; i < 2; ++i) read(&cache);
}

TEST_CASE("batches that were nobody's step before have no origin") {
  TempDir dir;
  v1::WorkGrant grant = GrantOf(1, dir.Write("a", "1 1:1\n"));
  grant.set_clock(3);
  BatchPipeline pipeline(DataOf(10), {}, 2, grant,
                         {.request = [] {}, .take = [] { return std::optional<v1::WorkGrant>(); }});
  const auto item = *pipeline.Pop();
  REQUIRE(item.has_value());
  CHECK(item->number == 0);
  CHECK(item->origin == StepOrigin());
}

TEST_CASE("the next partition is requested before the end of one whose end is known") {
  TempDir dir;
  const std::string row = "1 1:1\n", rows = row + row + row;
  v1::WorkGrant first = GrantOf(1, dir.Write("a", rows));
  first.mutable_partitions(0)->set_end(rows.size());
  Mutex mutex;
  CondVar changed;
  bool requested = false;
  BatchPipeline pipeline(DataOf(1), {}, 1, first,
                         {.request =
                              [&] {
                                MutexLock lock(mutex);
                                requested = true;
                                changed.NotifyAll();
                              },
                          .take = [] { return std::optional<v1::WorkGrant>(); }});
  // Of three batches one fits into the queue.
  {
    MutexLock lock(mutex);
    while (!requested) changed.Wait(mutex);
  }
  for (int i = 0; i < 3; ++i) CHECK((*pipeline.Pop())->batch != nullptr);
}

TEST_CASE("data that cannot be read is DATA_LOSS after what could be read") {
  TempDir dir;
  BatchPipeline pipeline(
      DataOf(10), {}, 2, GrantOf(1, dir.Write("a", "1 1:1\n")),
      {.request = [] {}, .take = [&] { return std::make_optional(GrantOf(2, dir.File("none"))); }});
  CHECK((*pipeline.Pop())->batch != nullptr);
  CHECK((*pipeline.Pop())->batch == nullptr);
  const absl::Status status = pipeline.Pop().status();
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK(std::string(status.message()).find("none") != std::string::npos);
}

TEST_CASE("a pipeline that nobody empties can be ended") {
  TempDir dir;
  std::string rows;
  for (int i = 0; i < 1000; ++i) rows += "1 1:1\n";
  const std::string file = dir.Write("a", rows);
  BatchPipeline pipeline(DataOf(1), {}, 2, GrantOf(1, file),
                         {.request = [] {}, .take = [] { return std::optional<v1::WorkGrant>(); }});
  CHECK((*pipeline.Pop())->batch != nullptr);
}

}  // namespace
}  // namespace paramd
