#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "server/storage/record_file_reader.h"
#include "server/storage/record_file_writer.h"
#include "server/storage/record_format.h"
#include "server/storage/sha256.h"
#include "tests/server/storage/file_size_limit.h"
#include "tests/server/storage/record_files.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

using Found = RecordFileReader::Found;

std::string RandomBytes(size_t size, uint64_t seed) {
  Random random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.NextBelow(256));
  return bytes;
}

// A file of `content` behind a good file header.
ReadBack ReadBehindHeader(const std::string& content) {
  TempDir dir;
  return ReadRecords(dir.Write("a", MakeRecordFileHeader() + content));
}

void CheckDamaged(const ReadBack& back, size_t records, absl::string_view what) {
  CHECK(absl::IsDataLoss(back.status));
  CHECK(absl::StrContains(back.status.message(), absl::StrCat("/a is damaged at byte ")));
  CHECK(absl::StrContains(back.status.message(), what));
  CHECK(back.records.size() == records);
}

void CheckTorn(const ReadBack& back, size_t records) {
  CHECK(back.status.ok());
  CHECK(back.end == Found::kTorn);
  CHECK(back.records.size() == records);
}

TEST_CASE("SHA-256 has the values of FIPS 180's examples") {
  CHECK(Sha256Hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(Sha256Hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("Records come back as they were appended, with and without compression") {
  TempDir dir;
  const std::vector<std::string> records = {"",
                                            "a",
                                            std::string(100'000, 'x'),
                                            RandomBytes(300'000, 1),
                                            std::string(1000, '\0'),
                                            RandomBytes(2 << 20, 2),
                                            std::string(2 << 20, 'y'),
                                            "last"};
  for (const int level : {0, 1, 19}) {
    const std::string path = dir.File(absl::StrCat(level));
    const FileDigest digest = WriteRecords(path, records, level);
    CHECK(digest.bytes == *FileSize(path));
    CHECK(digest.sha256 == Sha256Hex(*ReadFile(path)));
    const ReadBack back = ReadRecords(path);
    CHECK(back.status.ok());
    CHECK(back.end == Found::kEnd);
    CHECK(back.offset == digest.bytes);
    CHECK(back.records == records);
  }
  CHECK(*FileSize(dir.File("1")) < *FileSize(dir.File("0")) - 2'000'000);
}

TEST_CASE("A record is its pieces, one after the other") {
  TempDir dir;
  const std::string large = RandomBytes(2 << 20, 3);
  for (const int level : {0, 3}) {
    const std::string path = dir.File(absl::StrCat(level));
    auto writer = *RecordFileWriter::Create(path, level);
    REQUIRE(writer->Append({"ab", "", "abababababababababababababab", large}).ok());
    REQUIRE(writer->Append({}).ok());
    REQUIRE(writer->Finish().ok());
    const std::string first = "ab" + std::string("abababababababababababababab") + large;
    CHECK(ReadRecords(path).records == std::vector<std::string>{first, ""});
  }
}

TEST_CASE("The example of FORMAT.md is what is written") {
  TempDir dir;
  WriteRecords(dir.File("a"), {"push", ""});
  const std::string expected(
      "PARAMDRF\x01\0\0\0\x87\xec\x8d\x34"
      "\x04\0\0\0\x04\0\0\0\0\0\0\0\x06\x36\x3d\xd0\x01\xcd\0\x96push"
      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xea\x9a\x70\x42",
      60);
  CHECK(*ReadFile(dir.File("a")) == expected);
}

TEST_CASE("A file that exists is not written over") {
  TempDir dir;
  const std::string path = dir.Write("a", "old");
  CHECK(absl::IsAlreadyExists(RecordFileWriter::Create(path, 0).status()));
  CHECK(*ReadFile(path) == "old");
}

TEST_CASE("A file without records ends at once; one that is not there is named") {
  TempDir dir;
  WriteRecords(dir.File("a"), {});
  const ReadBack back = ReadRecords(dir.File("a"));
  CHECK(back.status.ok());
  CHECK(back.end == Found::kEnd);
  const absl::Status status = ReadRecords(dir.File("b")).status;
  CHECK(absl::IsNotFound(status));
  CHECK(absl::StrContains(status.message(), dir.File("b")));
  CHECK(absl::StrContains(ReadRecords(dir.path()).status.message(), "Is a directory"));
}

TEST_CASE("A file that is cut at any length has the records that are whole") {
  const std::vector<std::string> records = {"first", "", std::string(600, 'z'), "fourth"};
  for (const int level : {0, 1}) {
    TempDir dir;
    WriteRecords(dir.File("whole"), records, level);
    const std::string content = *ReadFile(dir.File("whole"));
    std::vector<uint64_t> ends = {sizeof(RecordFileHeader)};
    for (uint64_t at = ends[0]; at < content.size(); ends.push_back(at)) {
      RecordHeader header;
      std::memcpy(&header, content.data() + at, sizeof(header));
      at += sizeof(header) + header.body_bytes;
    }
    for (size_t length = 0; length < content.size(); ++length) {
      const ReadBack back = ReadRecords(Replace(dir.File("a"), content.substr(0, length)));
      size_t whole = 0;
      while (whole + 1 < ends.size() && ends[whole + 1] <= length) ++whole;
      REQUIRE(back.status.ok());
      REQUIRE(back.end == (length == ends[whole] ? Found::kEnd : Found::kTorn));
      REQUIRE(back.records == std::vector<std::string>(records.begin(), records.begin() + whole));
      if (length >= ends[0]) REQUIRE(back.offset == ends[whole]);
    }
  }
}

TEST_CASE("A flipped byte anywhere is damage, and no record is a wrong one") {
  const std::vector<std::string> records = {"first", "", std::string(500, 'z'), "fourth"};
  for (const int level : {0, 1}) {
    TempDir dir;
    WriteRecords(dir.File("whole"), records, level);
    const std::string content = *ReadFile(dir.File("whole"));
    for (size_t at = 0; at < content.size(); ++at) {
      for (const char flip : {1, 0x40, -1}) {
        std::string damaged = content;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        const ReadBack back = ReadRecords(Replace(dir.File("a"), damaged));
        REQUIRE(absl::IsDataLoss(back.status));
        REQUIRE(back.records.size() < records.size());
        REQUIRE(back.records ==
                std::vector<std::string>(records.begin(), records.begin() + back.records.size()));
      }
    }
  }
}

TEST_CASE("Random damage never yields a record that was not written") {
  TempDir dir;
  std::vector<std::string> records;
  for (uint64_t i = 0; i < 20; ++i) records.push_back(RandomBytes(i * 40, i));
  WriteRecords(dir.File("whole"), records, 1);
  const std::string content = *ReadFile(dir.File("whole"));
  Random random(11);
  for (int round = 0; round < 500; ++round) {
    std::string damaged = content;
    const size_t from = random.NextBelow(content.size());
    const size_t length = std::min<size_t>(random.NextBelow(100), content.size() - from);
    switch (random.NextBelow(4)) {
      case 0:
        damaged.erase(from, length);
        break;
      case 1:
        damaged.insert(from, RandomBytes(length, round));
        break;
      case 2:
        damaged.replace(from, length, length, '\0');
        break;
      default:
        damaged.replace(from, length, RandomBytes(length, round));
    }
    const ReadBack back = ReadRecords(Replace(dir.File("a"), damaged));
    REQUIRE(back.records.size() <= records.size());
    REQUIRE(back.records ==
            std::vector<std::string>(records.begin(), records.begin() + back.records.size()));
    if (damaged == content) REQUIRE(back.records == records);
    if (back.records.size() < records.size()) {
      REQUIRE((absl::IsDataLoss(back.status) || back.end == Found::kTorn ||
               back.offset == damaged.size()));
    }
  }
}

TEST_CASE("Something else than a record file is damage") {
  TempDir dir;
  CheckDamaged(ReadRecords(dir.Write("a", std::string(100, 'x'))), 0,
               "it does not begin as a record file");
}

TEST_CASE("Another version is said") {
  TempDir dir;
  RecordFileHeader header;
  std::memcpy(&header, MakeRecordFileHeader().data(), sizeof(header));
  header.version = 2;
  header.crc = HeaderCrc(header);
  const std::string content(reinterpret_cast<const char*>(&header), sizeof(header));
  CheckDamaged(ReadRecords(dir.Write("a", content)), 0, "version 2; this program reads version 1");
}

TEST_CASE("A file of zeros was cut by a crash") {
  TempDir dir;
  CheckTorn(ReadRecords(dir.Write("a", std::string(5000, '\0'))), 0);
}

TEST_CASE("Zeros behind the last record are the end of a log that was cut") {
  for (const size_t zeros : {1, 19, 20, 100, 100'000}) {
    CheckTorn(ReadBehindHeader(RecordBytes("abc", 3) + std::string(zeros, '\0')), 1);
  }
}

TEST_CASE("Zeros from a sector on to the end are a record that was cut") {
  const std::string first = RecordBytes("abc", 3);
  std::string record = RecordBytes(RandomBytes(3000, 4), 3000);
  // Behind the file header and the first record bytes 985 and 2521 of this one begin a sector.
  const size_t sector = 2 * 512 - sizeof(RecordFileHeader) - first.size();
  record.replace(sector, std::string::npos, record.size() - sector, '\0');
  CheckTorn(ReadBehindHeader(first + record), 1);
  CheckTorn(ReadBehindHeader(first + record + std::string(4096, '\0')), 1);
  // In front of another record they are damage.
  CheckDamaged(ReadBehindHeader(first + record + first), 1, "the checksum of a record is wrong");
  record[sector - 1] = record[sector - 2] = '\0';
  CheckTorn(ReadBehindHeader(first + record), 1);
}

TEST_CASE("A header that straddles two sectors, of which only the first was written") {
  const std::string first = RecordBytes(RandomBytes(466, 5), 466);  // ends at byte 502
  std::string second = RecordBytes("abcdef", 6);
  second.replace(10, std::string::npos, second.size() - 10, '\0');
  CheckTorn(ReadBehindHeader(first + second), 1);
}

TEST_CASE("A record that is longer than a record may be is damage") {
  RecordHeader header{.body_bytes = 0xffffffff, .payload_bytes = 0xffffffff};
  header.header_crc = HeaderCrc(header);
  CheckDamaged(ReadBehindHeader(std::string(reinterpret_cast<const char*>(&header), 20)), 0,
               "a record's header says what no header says");
}

TEST_CASE("An unknown coding is damage") {
  CheckDamaged(ReadBehindHeader(RecordBytes("abc", 3, static_cast<RecordCoding>(2))), 0,
               "a record's header says what no header says");
}

TEST_CASE("A plain record whose sizes differ is damage") {
  CheckDamaged(ReadBehindHeader(RecordBytes("abc", 4)), 0,
               "a record's header says what no header says");
}

TEST_CASE("A compressed record that is no zstd frame is damage") {
  CheckDamaged(ReadBehindHeader(RecordBytes("abcdefgh", 1 << 30, RecordCoding::kZstd)), 0,
               "the zstd frame is of another size than the record says");
}

TEST_CASE("A compressed record of another size than it says is damage") {
  TempDir dir;
  WriteRecords(dir.File("b"), {std::string(1000, 'x')}, 1);
  const std::string frame =
      ReadFile(dir.File("b"))->substr(sizeof(RecordFileHeader) + sizeof(RecordHeader));
  CHECK(ReadBehindHeader(RecordBytes(frame, 1000, RecordCoding::kZstd)).status.ok());
  CheckDamaged(ReadBehindHeader(RecordBytes(frame, 1001, RecordCoding::kZstd)), 0, "another size");
}

TEST_CASE("A zstd frame whose content is damaged is damage") {
  TempDir dir;
  WriteRecords(dir.File("b"), {std::string(1000, 'x')}, 1);
  std::string frame =
      ReadFile(dir.File("b"))->substr(sizeof(RecordFileHeader) + sizeof(RecordHeader));
  frame.pop_back();
  CheckDamaged(ReadBehindHeader(RecordBytes(frame, 1000, RecordCoding::kZstd)), 0, "zstd: ");
}

TEST_CASE("A record above 1 GiB is refused before anything of it is written") {
  TempDir dir;
  auto writer = *RecordFileWriter::Create(dir.File("a"), 0);
  const std::string piece(1 << 20, 'x');
  std::vector<absl::string_view> pieces(1024, piece);
  pieces.push_back("y");
  const absl::Status status = writer->Append(pieces);
  CHECK(absl::IsInvalidArgument(status));
  CHECK(absl::StrContains(status.message(), dir.File("a")));
  CHECK(writer->Finish().status() == status);
}

TEST_CASE("A file size limit ends writing with the file's name") {
  TempDir dir;
  auto writer = *RecordFileWriter::Create(dir.File("a"), 0);
  const std::string record(700'000, 'x');
  {
    FileSizeLimit limit(1'000'000);
    CHECK(writer->Append({record}).ok());
    CHECK(writer->Append({record}).ok());
    const absl::Status status = writer->Finish().status();
    CHECK(absl::IsResourceExhausted(status));
    CHECK(status.message() == absl::StrCat("write ", dir.File("a"), ": File too large"));
  }
  // Not healed by itself: part of a record may be in the file.
  CHECK(absl::IsResourceExhausted(writer->Append({record})));
  CHECK(absl::IsResourceExhausted(writer->Finish().status()));
}

TEST_CASE("A folder that disappears is named") {
  TempDir dir;
  const std::string folder = dir.File("folder");
  CHECK(RecordFileWriter::Create(folder + "/a", 0).status().message() ==
        absl::StrCat("create ", folder, "/a: No such file or directory"));
  REQUIRE(MakeDirectories(folder).ok());
  auto writer = *RecordFileWriter::Create(folder + "/a", 0);
  std::filesystem::remove_all(folder);
  CHECK(absl::StrContains(writer->Finish().status().message(), folder));
}

}  // namespace
}  // namespace paramd
