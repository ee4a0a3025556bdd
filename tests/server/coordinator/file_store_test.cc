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

TEST_CASE("a version that is damaged anywhere, or cut short, gives way to the one before it") {
  TempDir dir;
  {
    const auto store = *FileStore::Open(dir.path());
    CHECK(store->CompareAndSwap("job", 0, "first").ok());
    CHECK(store->CompareAndSwap("job", 1, "some data").ok());
  }
  const std::string good = *ReadFile(dir.File("job.0.state"));
  const size_t meant = 28 + std::string("some data").size();
  const auto store = *FileStore::Open(dir.path());
  for (size_t i = 0; i < meant; ++i) {
    std::string bad = good;
    bad[i] ^= 0x20;
    dir.Write("job.0.state", bad);
    CHECK(store->Get("job")->data == "first");
    dir.Write("job.0.state", good.substr(0, i));
    CHECK(store->Get("job")->data == "first");
  }
  // It is written again over the damage.
  CHECK(*store->CompareAndSwap("job", 1, "other data") == 2);
  CHECK((*store->Get("job")).data == "other data");
  dir.Write("job.0.state", good);
  CHECK(store->Get("job")->data == "some data");
  SECTION("and with both damaged there is an error") {
    dir.Write("job.0.state", "");
    dir.Write("job.1.state", "PARAMDS1");
    CHECK(store->Get("job").status().code() == absl::StatusCode::kDataLoss);
  }
}

TEST_CASE("a first version that was cut short was never written") {
  TempDir dir;
  dir.Write("job.1.state", "PARAMDS1");
  const auto store = *FileStore::Open(dir.path());
  CHECK(store->Get("job")->version == 0);
  CHECK(*store->CompareAndSwap("job", 0, "data") == 1);
}

TEST_CASE("long and short values take turns") {
  TempDir dir;
  const auto store = *FileStore::Open(dir.path());
  for (uint64_t version = 0; version < 20; ++version) {
    const std::string data(version * 7919 % 20'000, static_cast<char>('a' + version));
    CHECK(*store->CompareAndSwap("job", version, data) == version + 1);
    CHECK(store->Get("job")->data == data);
  }
}

}  // namespace
}  // namespace paramd
