#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <set>

#include "common/base/atomic_file_writer.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/base/thread.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

TEST_CASE("crc32c has the check value of the Castagnoli polynomial") {
  CHECK(Crc32c("123456789") == 0xe3069283);
  CHECK(Crc32c("") == 0);
  // RFC 3720, appendix B.4: 32 bytes of zeros.
  CHECK(Crc32c(std::string(32, '\0')) == 0x8a9136aa);
}

TEST_CASE("crc32c is the division by the polynomial, for every length and alignment") {
  Random random(5);
  std::string bytes(100, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.NextBelow(256));
  for (size_t begin = 0; begin < 9; ++begin) {
    for (size_t size = 0; size < 80; ++size) {
      const std::string part = bytes.substr(begin, size);
      uint32_t crc = ~0u;
      for (const char byte : part) {
        crc ^= static_cast<uint8_t>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78u * (crc & 1));
      }
      REQUIRE(Crc32c(absl::string_view(bytes).substr(begin, size)) == ~crc);
      REQUIRE(ExtendCrc32c(Crc32c(part.substr(0, size / 3)), part.substr(size / 3)) == ~crc);
    }
  }
}

TEST_CASE("CounterRandom is a pure function of its three arguments") {
  CHECK(CounterRandom(1, 2, 3) == CounterRandom(1, 2, 3));
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 10; ++seed)
    for (uint64_t stream = 0; stream < 10; ++stream)
      for (uint64_t n = 0; n < 10; ++n) seen.insert(CounterRandom(seed, stream, n));
  CHECK(seen.size() == 1000);
}

TEST_CASE("Random is uniform enough for shuffling") {
  Random random(7);
  int counts[10] = {};
  for (int i = 0; i < 100000; ++i) ++counts[random.NextBelow(10)];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 500);
}

TEST_CASE("WriteInPlace writes over the beginning of a file") {
  TempDir dir;
  const std::string path = dir.File("a");
  REQUIRE(WriteInPlace(path, "first, and longer").ok());
  REQUIRE(WriteInPlace(path, "second").ok());
  CHECK(*ReadFile(path) == "second and longer");
  CHECK(*FileSize(path) == 17);
  CHECK(*ReadFileRange(path, 3, 4) == "ond ");
}

TEST_CASE("AtomicFileWriter replaces the content only on Commit") {
  TempDir dir;
  const std::string path = dir.Write("a", "old");
  const std::string large(3 << 20, 'x');
  {
    std::unique_ptr<AtomicFileWriter> writer = *AtomicFileWriter::Create(path);
    REQUIRE(writer->Append("new").ok());
    REQUIRE(writer->Append(large).ok());
    CHECK(FileSize(path + ".tmp").ok());
  }
  CHECK(*ReadFile(path) == "old");
  CHECK_FALSE(FileSize(path + ".tmp").ok());

  std::unique_ptr<AtomicFileWriter> writer = *AtomicFileWriter::Create(path);
  REQUIRE(writer->Append("new").ok());
  REQUIRE(writer->Append(large).ok());
  REQUIRE(writer->Append("end").ok());
  REQUIRE(writer->Commit().ok());
  CHECK(*ReadFile(path) == "new" + large + "end");
  CHECK_FALSE(FileSize(path + ".tmp").ok());
  CHECK(AtomicFileWriter::Create(dir.File("no/folder")).status().code() ==
        absl::StatusCode::kNotFound);
}

TEST_CASE("AtomicFileWriter for several writers: one at a time, and what one left is taken over") {
  TempDir dir;
  const std::string path = dir.Write("a", "old");
  dir.Write("a.tmp", "left by one that was killed, and longer than what comes");
  std::unique_ptr<AtomicFileWriter> first = *AtomicFileWriter::CreateExclusive(path);
  REQUIRE(first->Append("first").ok());
  const absl::Status refused = AtomicFileWriter::CreateExclusive(path).status();
  CHECK(refused.code() == absl::StatusCode::kAborted);
  CHECK(std::string(refused.message()).find(path + ".tmp") != std::string::npos);
  REQUIRE(first->Commit().ok());
  CHECK(*ReadFile(path) == "first");
  std::unique_ptr<AtomicFileWriter> second = *AtomicFileWriter::CreateExclusive(path);
  REQUIRE(second->Append("2").ok());
  second = nullptr;
  CHECK_FALSE(FileSize(path + ".tmp").ok());
  CHECK(*ReadFile(path) == "first");
}

TEST_CASE("the version of a file changes with its size and its time") {
  TempDir dir;
  const std::string path = dir.Write("a", "12345");
  const FileVersion before = *ReadFileVersion(path);
  CHECK(before.size == 5);
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = 7, .tv_nsec = 9}};
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  CHECK(ReadFileVersion(path)->modified_ns == 7'000'000'009);
  CHECK(ReadFileVersion(path)->size == 5);
  CHECK(ReadFileVersion(dir.File("none")).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("file errors name the file and the cause") {
  TempDir dir;
  const absl::Status missing = ReadFile(dir.File("missing")).status();
  CHECK(missing.code() == absl::StatusCode::kNotFound);
  CHECK(std::string(missing.message()).find(dir.File("missing")) != std::string::npos);
  CHECK(WriteInPlace(dir.File("no/such/folder"), "x").code() == absl::StatusCode::kNotFound);
  CHECK_FALSE(FileSize(dir.path()).ok());
}

TEST_CASE("paths") {
  CHECK(DirectoryOf("a/b") == "a");
  CHECK(DirectoryOf("b") == ".");
  CHECK(JoinPath("/x", "y/../z") == "/x/z");
  CHECK(JoinPath("/x", "/y") == "/y");
}

TEST_CASE("a Notification wakes its waiters") {
  Notification started, done;
  Thread thread("waiter", [&] {
    started.Wait();
    done.Notify();
  });
  CHECK_FALSE(done.HasBeenNotified());
  started.Notify();
  done.Wait();
  CHECK(done.HasBeenNotified());
}

}  // namespace
}  // namespace paramd
