#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "server/storage/checkpoint_folder.h"
#include "server/storage/checkpoint_reader.h"
#include "server/storage/checkpoint_set.h"
#include "server/storage/checkpoint_writer.h"
#include "server/storage/manifest.h"
#include "server/storage/record_file_writer.h"
#include "server/storage/sha256.h"
#include "tests/server/storage/file_size_limit.h"
#include "tests/server/storage/record_files.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

using Strings = std::vector<std::string>;
using Numbers = std::vector<uint64_t>;

CheckpointFile WriteFile(const std::string& folder, uint64_t number, const std::string& name,
                         const Strings& records) {
  auto writer = CreateCheckpointFile(folder, number, name, 1);
  Require(writer.status());
  for (const std::string& record : records) Require((*writer)->Append({record}));
  auto digest = (*writer)->Finish();
  Require(digest.status());
  return {.name = name, .digest = *digest};
}

// A checkpoint of two servers whose records say its number.
void Make(const std::string& folder, uint64_t number, std::optional<uint64_t> parent = {}) {
  Require(BeginCheckpoint(folder, number));
  const CheckpointFile b =
      WriteFile(folder, number, "server-b.0.blocks", {absl::StrCat("b ", number)});
  const CheckpointFile a =
      WriteFile(folder, number, "server-a.0.blocks", {absl::StrCat("a ", number), "more"});
  Require(CommitCheckpoint(folder, {.number = number,
                                    .parent = parent,
                                    .files = {b, a},
                                    .payload = absl::StrCat("state\n", number)}));
}

// Numbers of the chain of the newest one that can be used; none without any.
Numbers Newest(const std::string& folder) {
  const auto newest = CheckpointSet(folder).FindNewest();
  Numbers numbers;
  if (!newest.ok()) return numbers;
  for (const Manifest& manifest : newest->chain) numbers.push_back(manifest.number);
  return numbers;
}

Numbers All(const std::string& folder) {
  auto numbers = ListCheckpointNumbers(folder);
  Require(numbers.status());
  return *numbers;
}

std::string FilePath(const std::string& folder, uint64_t number, const std::string& name) {
  return CheckpointPath(folder, number) + "/" + name;
}

void Flip(const std::string& path, size_t at) {
  std::string content = *ReadFile(path);
  content[at] = static_cast<char>(content[at] ^ 1);
  Replace(path, content);
}

TEST_CASE("A manifest comes back from its text") {
  Manifest manifest{.number = 12,
                    .parent = CheckpointParent{.number = 11, .sha256 = std::string(64, 'a')},
                    .files = {{"server-a.0.blocks", {60, std::string(64, 'b')}}},
                    .payload = std::string("epoch\n\0 3", 9)};
  const std::string text = SerializeManifest(manifest);
  CHECK(absl::StartsWith(
      text, absl::StrCat("paramd checkpoint 1\nnumber 12\nparent 11 ", std::string(64, 'a'),
                         "\nfile server-a.0.blocks 60 ", std::string(64, 'b'),
                         "\npayload 9\nepoch\n", std::string("\0", 1), " 3\nsha256 ")));
  const Manifest back = *ParseManifest(text, "MANIFEST");
  CHECK(back.number == 12);
  CHECK(back.parent->number == 11);
  CHECK(back.files.size() == 1);
  CHECK(back.files[0].digest.bytes == 60);
  CHECK(back.payload == manifest.payload);
  CHECK(SerializeManifest(back) == text);
  CHECK(absl::EndsWith(text, ManifestSha256(text) + "\n"));
  manifest.parent.reset();
  CHECK_FALSE(ParseManifest(SerializeManifest(manifest), "MANIFEST")->parent.has_value());
}

TEST_CASE("The example of FORMAT.md is what is written") {
  TempDir dir;
  const FileDigest digest = WriteRecords(dir.File("a"), {"push", ""});
  const Manifest manifest{.number = 12,
                          .parent = CheckpointParent{.number = 11, .sha256 = Sha256Hex("paramd")},
                          .files = {{"server-a.0.blocks", digest}},
                          .payload = "state"};
  CHECK(
      SerializeManifest(manifest) ==
      "paramd checkpoint 1\n"
      "number 12\n"
      "parent 11 f415a37eb7413d7a6eeb5ec3ff10c7b08b09137564c310c5f14d1e8daf5633ee\n"
      "file server-a.0.blocks 60 13c270c9ae2df9f8875bc1406549386ddb3550d4d7e21264324563b5d85ce812\n"
      "payload 5\n"
      "state\n"
      "sha256 007e843d7f16d20ad092d865e0e3b0c4e307c91b2db65370e2f8acd574fca6d6\n");
}

TEST_CASE("A manifest that is cut, longer or changed anywhere is none") {
  const Manifest manifest{
      .number = 3, .files = {{"a", {60, std::string(64, 'b')}}}, .payload = "state"};
  const std::string text = SerializeManifest(manifest);
  for (size_t length = 0; length < text.size(); ++length) {
    REQUIRE(absl::IsDataLoss(ParseManifest(text.substr(0, length), "MANIFEST").status()));
  }
  CHECK(absl::IsDataLoss(ParseManifest(text + "\n", "MANIFEST").status()));
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char flip : {1, 0x20, -1}) {
      std::string changed = text;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      REQUIRE(absl::IsDataLoss(ParseManifest(changed, "MANIFEST").status()));
    }
  }
}

TEST_CASE("A manifest with a right SHA-256 that says what none says is damaged") {
  const std::string sha(64, 'b');
  const auto parse = [](const Manifest& manifest) {
    return ParseManifest(SerializeManifest(manifest), "MANIFEST").status();
  };
  CHECK(parse({.number = 3, .files = {{"a", {1, sha}}, {"b", {1, sha}}}}).ok());
  CHECK(absl::IsDataLoss(parse({.number = 3, .files = {{"b", {1, sha}}, {"a", {1, sha}}}})));
  CHECK(absl::IsDataLoss(parse({.number = 3, .files = {{"a", {1, sha}}, {"a", {1, sha}}}})));
  CHECK(absl::IsDataLoss(parse({.number = 3, .files = {{"../a", {1, sha}}}})));
  CHECK(absl::IsDataLoss(parse({.number = 3, .files = {{"a b", {1, sha}}}})));
  CHECK(absl::IsDataLoss(parse({.number = 3, .parent = CheckpointParent{3, sha}})));
}

TEST_CASE("Names of files cannot lead elsewhere") {
  for (const std::string name : {"a", "server-1.0.blocks", "A_9"}) CHECK(CheckFileName(name).ok());
  for (const std::string name :
       {"", ".", "..", "a/b", "/a", "a b", "a\n", ".a", "MANIFEST", "MANIFEST.tmp", "\xc3\xa4"}) {
    CHECK(absl::IsInvalidArgument(CheckFileName(name)));
  }
  CHECK_FALSE(CheckFileName(std::string(201, 'a')).ok());
}

TEST_CASE("What several writers wrote is read back") {
  TempDir dir;
  Make(dir.path(), 1);
  const auto reader = CheckpointReader::Open(dir.path(), 1);
  REQUIRE(reader.ok());
  CHECK(reader->manifest().payload == "state\n1");
  REQUIRE(reader->manifest().files.size() == 2);
  CHECK(reader->manifest().files[0].name == "server-a.0.blocks");
  Strings records;
  const auto visitor = [&](absl::string_view record) {
    records.emplace_back(record);
    return absl::OkStatus();
  };
  CHECK(reader->Read("server-a.0.blocks", visitor).ok());
  CHECK(records == Strings{"a 1", "more"});
  CHECK(absl::IsNotFound(reader->Read("server-c.0.blocks", visitor)));
  CHECK(absl::IsInternal(reader->Read(
      "server-b.0.blocks", [](absl::string_view) { return absl::InternalError("no"); })));
}

TEST_CASE("Nothing is given of a file that is not the one in the manifest") {
  TempDir dir;
  Make(dir.path(), 1);
  const auto reader = CheckpointReader::Open(dir.path(), 1);
  const auto never = [](absl::string_view) { return absl::InternalError("given"); };
  const std::string path = FilePath(dir.path(), 1, "server-a.0.blocks");
  const std::string content = *ReadFile(path);
  for (size_t at = 0; at < content.size(); ++at) {
    Flip(path, at);
    REQUIRE(absl::IsDataLoss(reader->Read("server-a.0.blocks", never)));
    Flip(path, at);
  }
  for (size_t length = content.size(); length-- > 0;) {
    std::filesystem::resize_file(path, length);
    REQUIRE(absl::IsDataLoss(reader->Read("server-a.0.blocks", never)));
  }
  std::filesystem::remove(path);
  CHECK(absl::IsNotFound(reader->Read("server-a.0.blocks", never)));
}

TEST_CASE("Without a manifest there is no checkpoint") {
  TempDir dir;
  CHECK(*CheckpointSet(dir.path()).NextNumber() == 1);
  CHECK(Newest(dir.path()).empty());
  Make(dir.path(), 1);
  Require(BeginCheckpoint(dir.path(), 2));
  WriteFile(dir.path(), 2, "server-a.0.blocks", {"a 2"});
  CHECK(Newest(dir.path()) == Numbers{1});
  CHECK(*CheckpointSet(dir.path()).NextNumber() == 3);
  const absl::Status status = CheckpointReader::Open(dir.path(), 2).status();
  CHECK(absl::IsNotFound(status));
  CHECK(absl::StrContains(status.message(), "was not finished"));
  REQUIRE(AbandonCheckpoint(dir.path(), 2).ok());
  CHECK(All(dir.path()) == Numbers{1});
  CHECK(AbandonCheckpoint(dir.path(), 2).ok());
}

TEST_CASE("Nothing is written over, and nothing into what was abandoned") {
  TempDir dir;
  Make(dir.path(), 1);
  CHECK(absl::IsAlreadyExists(BeginCheckpoint(dir.path(), 1)));
  CHECK(
      absl::IsAlreadyExists(CreateCheckpointFile(dir.path(), 1, "server-a.0.blocks", 0).status()));
  CHECK(absl::IsAlreadyExists(CommitCheckpoint(dir.path(), {.number = 1})));
  CHECK(absl::IsInvalidArgument(CreateCheckpointFile(dir.path(), 1, "../x", 0).status()));
  CHECK(absl::IsNotFound(CreateCheckpointFile(dir.path(), 2, "a", 0).status()));
  CHECK(CheckpointSet(dir.path()).Verify(1).status.ok());
}

TEST_CASE("A checkpoint is not finished with files that are not there as they should be") {
  TempDir dir;
  Require(BeginCheckpoint(dir.path(), 1));
  const CheckpointFile file = WriteFile(dir.path(), 1, "a", {"x"});
  CheckpointFile missing = file, larger = file;
  missing.name = "b";
  ++larger.digest.bytes;
  const absl::Status status = CommitCheckpoint(dir.path(), {.number = 1, .files = {file, missing}});
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(absl::StrContains(status.message(), FilePath(dir.path(), 1, "b")));
  CHECK(absl::IsFailedPrecondition(CommitCheckpoint(dir.path(), {.number = 1, .files = {larger}})));
  CHECK(
      absl::IsInvalidArgument(CommitCheckpoint(dir.path(), {.number = 1, .files = {file, file}})));
  CHECK(
      absl::IsNotFound(CommitCheckpoint(dir.path(), {.number = 1, .parent = 7, .files = {file}})));
  CHECK(Newest(dir.path()).empty());
  CHECK(CommitCheckpoint(dir.path(), {.number = 1, .files = {file}}).ok());
  CHECK(Newest(dir.path()) == Numbers{1});
}

TEST_CASE("A chain is read from the full one on") {
  TempDir dir;
  Make(dir.path(), 1);
  Make(dir.path(), 2, 1);
  Make(dir.path(), 4, 2);
  CHECK(Newest(dir.path()) == Numbers{1, 2, 4});
  const auto infos = *CheckpointSet(dir.path()).List();
  REQUIRE(infos.size() == 3);
  CHECK(infos[0].number == 4);
  CHECK(infos[0].full == 1);
  CHECK(infos[2].full == 1);
}

TEST_CASE("A checkpoint with any file cut or changed anywhere is passed over for the one before") {
  TempDir dir;
  Make(dir.path(), 1);
  Make(dir.path(), 2);
  for (const std::string name : {"server-a.0.blocks", "server-b.0.blocks", "MANIFEST"}) {
    const std::string path = FilePath(dir.path(), 2, name);
    const std::string content = *ReadFile(path);
    for (size_t at = 0; at < content.size(); ++at) {
      Flip(path, at);
      REQUIRE(Newest(dir.path()) == Numbers{1});
      Flip(path, at);
    }
    for (size_t length = content.size(); length-- > 0;) {
      std::filesystem::resize_file(path, length);
      REQUIRE(Newest(dir.path()) == Numbers{1});
    }
    std::filesystem::remove(path);
    CHECK(Newest(dir.path()) == Numbers{1});
    Replace(path, content);
    CHECK(Newest(dir.path()) == Numbers{2});
  }
}

TEST_CASE("Damage in what a checkpoint rests on is damage of the checkpoint, and is named") {
  TempDir dir;
  Make(dir.path(), 1);
  Make(dir.path(), 2);
  Make(dir.path(), 3, 2);
  Make(dir.path(), 4, 3);
  const std::string path = FilePath(dir.path(), 3, "server-a.0.blocks");
  Flip(path, 40);
  CHECK(Newest(dir.path()) == Numbers{2});
  const CheckpointSet set(dir.path());
  const auto newest = *set.FindNewest();
  REQUIRE(newest.skipped.size() == 2);
  CHECK(newest.skipped[0].number == 4);
  CHECK(absl::StrContains(newest.skipped[0].status.message(), "checkpoint 4 rests on 3"));
  CHECK(absl::StrContains(newest.skipped[0].status.message(), path));
  // The list looks at sizes only.
  CHECK((*set.List())[0].status.ok());
  CHECK(absl::IsDataLoss(set.Verify(4).status));
  std::filesystem::resize_file(path, 10);
  CHECK(absl::IsDataLoss((*set.List())[0].status));
  std::filesystem::remove_all(CheckpointPath(dir.path(), 2));
  CHECK(Newest(dir.path()) == Numbers{1});
}

TEST_CASE("A parent that was made again is another one") {
  TempDir dir;
  Make(dir.path(), 1);
  Make(dir.path(), 2, 1);
  Require(AbandonCheckpoint(dir.path(), 1));
  Require(BeginCheckpoint(dir.path(), 1));
  Require(CommitCheckpoint(dir.path(), {.number = 1, .payload = "another"}));
  CHECK(Newest(dir.path()) == Numbers{1});
  CHECK(absl::StrContains(CheckpointSet(dir.path()).Verify(2).status.message(),
                          "is not the one that checkpoint 2 rests on"));
}

TEST_CASE("A manifest in another checkpoint's folder is none") {
  TempDir dir;
  Make(dir.path(), 1);
  std::filesystem::copy(CheckpointPath(dir.path(), 1), CheckpointPath(dir.path(), 2));
  CHECK(Newest(dir.path()) == Numbers{1});
  CHECK(absl::IsDataLoss(CheckpointSet(dir.path()).Verify(2).status));
}

TEST_CASE("Without any that can be used all reasons are given") {
  TempDir dir;
  Make(dir.path(), 1);
  Make(dir.path(), 2);
  Flip(ManifestPath(dir.path(), 1), 3);
  std::filesystem::remove(FilePath(dir.path(), 2, "server-b.0.blocks"));
  const absl::Status status = CheckpointSet(dir.path()).FindNewest().status();
  CHECK(absl::IsNotFound(status));
  CHECK(absl::StrContains(status.message(), ManifestPath(dir.path(), 1)));
  CHECK(absl::StrContains(status.message(), FilePath(dir.path(), 2, "server-b.0.blocks")));
}

TEST_CASE("The newest full ones are kept with what was added to them") {
  TempDir dir;
  const CheckpointSet set(dir.path());
  for (const uint64_t full : {1, 4, 7}) {
    Make(dir.path(), full);
    Make(dir.path(), full + 1, full);
    Make(dir.path(), full + 2, full + 1);
  }
  CHECK(set.RemoveOld(3)->empty());
  CHECK(*set.RemoveOld(2) == Numbers{3, 2, 1});
  CHECK(All(dir.path()) == Numbers{4, 5, 6, 7, 8, 9});
  CHECK(set.RemoveOld(2)->empty());
  CHECK(Newest(dir.path()) == Numbers{7, 8, 9});
}

TEST_CASE("A full one that cannot be used does not count as kept") {
  TempDir dir;
  for (const uint64_t number : {1, 2, 3, 4}) Make(dir.path(), number);
  std::filesystem::remove(FilePath(dir.path(), 3, "server-a.0.blocks"));
  CHECK(*CheckpointSet(dir.path()).RemoveOld(2) == Numbers{1});
  CHECK(All(dir.path()) == Numbers{2, 3, 4});
}

TEST_CASE("What a kept one rests on is not removed, however old") {
  TempDir dir;
  Make(dir.path(), 1);
  Make(dir.path(), 2, 1);
  Make(dir.path(), 3);
  Make(dir.path(), 4);
  Make(dir.path(), 5, 2);
  CHECK(CheckpointSet(dir.path()).RemoveOld(2)->empty());
  Make(dir.path(), 6);
  Make(dir.path(), 7);
  CHECK(*CheckpointSet(dir.path()).RemoveOld(2) == Numbers{5, 4, 3, 2, 1});
}

TEST_CASE("Unfinished ones go when there is a newer one") {
  TempDir dir;
  Make(dir.path(), 1);
  Require(BeginCheckpoint(dir.path(), 2));
  WriteFile(dir.path(), 2, "a", {"x"});
  CHECK(CheckpointSet(dir.path()).RemoveOld(2)->empty());
  Make(dir.path(), 3);
  CHECK(*CheckpointSet(dir.path()).RemoveOld(2) == Numbers{2});
  CHECK(All(dir.path()) == Numbers{1, 3});
}

TEST_CASE("Removing that was interrupted is gone on with") {
  TempDir dir;
  for (const uint64_t number : {1, 2, 3}) Make(dir.path(), number);
  std::filesystem::remove(ManifestPath(dir.path(), 1));
  CHECK(Newest(dir.path()) == Numbers{3});
  CHECK(*CheckpointSet(dir.path()).RemoveOld(2) == Numbers{1});
}

// Runs `work` in a process of its own, whose files end at `bytes`; whether it returned true.
template <typename Work>
bool WithFileSizeLimit(rlim_t bytes, const Work& work) {
  const pid_t child = fork();
  if (child == 0) {
    const FileSizeLimit limit(bytes);
    _exit(work() ? 0 : 1);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_CASE("A file size limit fails a file with its name, and harms nothing that is there") {
  TempDir dir;
  Make(dir.path(), 1);
  Require(BeginCheckpoint(dir.path(), 2));
  const std::string path = FilePath(dir.path(), 2, "a");
  CHECK(WithFileSizeLimit(1000, [&] {
    auto writer = *CreateCheckpointFile(dir.path(), 2, "a", 0);
    if (!writer->Append({std::string(5000, 'x')}).ok()) return false;
    const absl::Status status = writer->Finish().status();
    return absl::IsResourceExhausted(status) &&
           status.message() == absl::StrCat("write ", path, ": File too large");
  }));
  CHECK(Newest(dir.path()) == Numbers{1});
  CHECK(CheckpointSet(dir.path()).Verify(1).status.ok());
}

TEST_CASE("A manifest that does not fit leaves no checkpoint") {
  TempDir dir;
  Make(dir.path(), 1);
  Require(BeginCheckpoint(dir.path(), 2));
  const CheckpointFile file = WriteFile(dir.path(), 2, "a", {"x"});
  const CheckpointContents contents{
      .number = 2, .parent = 1, .files = {file}, .payload = std::string(5000, 'x')};
  CHECK(WithFileSizeLimit(1000, [&] {
    const absl::Status status = CommitCheckpoint(dir.path(), contents);
    return absl::IsResourceExhausted(status) &&
           absl::StrContains(status.message(), ManifestPath(dir.path(), 2));
  }));
  CHECK(Newest(dir.path()) == Numbers{1});
  CHECK(CommitCheckpoint(dir.path(), contents).ok());
  CHECK(Newest(dir.path()) == Numbers{1, 2});
}

TEST_CASE("A folder that disappears is named and not made again") {
  TempDir dir;
  const std::string folder = dir.File("checkpoints");
  CHECK(absl::StrContains(BeginCheckpoint(folder, 1).message(), CheckpointPath(folder, 1)));
  CHECK(absl::IsNotFound(CheckpointSet(folder).List().status()));
  REQUIRE(MakeDirectories(folder).ok());
  Require(BeginCheckpoint(folder, 1));
  const CheckpointFile file = WriteFile(folder, 1, "a", {"x"});
  std::filesystem::remove_all(folder);
  const absl::Status status = CommitCheckpoint(folder, {.number = 1, .files = {file}});
  CHECK(absl::StrContains(status.message(), FilePath(folder, 1, "a")));
  CHECK_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace paramd
