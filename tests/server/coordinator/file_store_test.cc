#include "server/coordinator/file_store.h"

#include <catch2/catch.hpp>

#include "common/base/file.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

TEST_CASE("a key that was never written has version 0") {
  TempDir dir;
  const auto store = *FileStore::Open(dir.path());
  CHECK(store->Get("job")->version == 0);
  CHECK(store->Get("job")->data.empty());
}

TEST_CASE("compare-and-swap writes only over the version it expects") {
  TempDir dir;
  const auto store = *FileStore::Open(dir.path());
  CHECK(*store->CompareAndSwap("job", 0, "one") == 1);
  CHECK(store->CompareAndSwap("job", 0, "two").status().code() == absl::StatusCode::kAborted);
  CHECK(store->Get("job")->data == "one");
  CHECK(*store->CompareAndSwap("job", 1, "two") == 2);
  CHECK(store->Get("job")->data == "two");
  CHECK(store->Get("other")->version == 0);
}

TEST_CASE("values survive closing and opening") {
  TempDir dir;
  { CHECK((*FileStore::Open(dir.path()))->CompareAndSwap("job", 0, std::string("a\0b", 3)).ok()); }
  const auto store = *FileStore::Open(dir.path());
  CHECK(store->Get("job")->version == 1);
  CHECK(store->Get("job")->data == std::string("a\0b", 3));
}

TEST_CASE("a second process is refused while the folder is open") {
  TempDir dir;
  const auto store = *FileStore::Open(dir.path());
  const absl::Status second = FileStore::Open(dir.path()).status();
  CHECK(second.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(std::string(second.message()).find(dir.path()) != std::string::npos);
}

TEST_CASE("every flipped byte and every truncation is noticed") {
  TempDir dir;
  { CHECK((*FileStore::Open(dir.path()))->CompareAndSwap("job", 0, "some data").ok()); }
  const std::string path = dir.File("job.state");
  const std::string good = *ReadFile(path);
  const auto store = *FileStore::Open(dir.path());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 0x20;
    dir.Write("job.state", bad);
    CHECK(store->Get("job").status().code() == absl::StatusCode::kDataLoss);
    dir.Write("job.state", good.substr(0, i));
    CHECK(store->Get("job").status().code() == absl::StatusCode::kDataLoss);
  }
  dir.Write("job.state", good);
  CHECK(store->Get("job")->data == "some data");
}

}  // namespace
}  // namespace paramd
