// Batches through a cache: the same as without it, whatever happens to the folder or the files.
#include "worker/data/batch_cache.h"

#include <fcntl.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "tests/testing/temp_dir.h"
#include "worker/data/cache_key.h"
#include "worker/data/open_batch_source.h"
#include "worker/data/read_dataset_shape.h"

namespace paramd {
namespace {

// What is logged while it exists.
class Log {
 public:
  Log() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
    spdlog::set_pattern("%l: %v");
  }
  ~Log() { spdlog::set_default_logger(before_); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  size_t Count(const std::string& what) const {
    const std::string text = text_.str();
    size_t count = 0;
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++count;
    return count;
  }

 private:
  std::ostringstream text_;
  const std::shared_ptr<spdlog::logger> before_;
};

template <typename T>
std::string BytesOf(const std::vector<T>& array) {
  std::string bytes(array.size() * sizeof(T), '\0');
  if (!bytes.empty()) std::memcpy(bytes.data(), array.data(), bytes.size());
  return bytes;
}

// All that was read, to the bit.
struct Everything {
  std::vector<std::vector<std::string>> batches;
  uint64_t records = 0, bad_records = 0;
  std::vector<std::string> examples;

  bool operator==(const Everything&) const = default;
};

void AddBatch(const Batch& batch, Everything* all) {
  all->batches.push_back({BytesOf(batch.labels), BytesOf(batch.weights), BytesOf(batch.row_offsets),
                          BytesOf(batch.columns), BytesOf(batch.values), BytesOf(batch.unique_keys),
                          BytesOf(batch.fields), absl::StrCat(batch.sparse, batch.dense_cols)});
  CHECK(batch.drawn.empty());
  CHECK(batch.source_lease == 0);
}

Everything ReadAll(BatchSource& source) {
  Everything all;
  Batch batch;
  // What a batch held before does not matter.
  batch.weights = {1, 2, 3};
  batch.fields = {7};
  batch.drawn = {1};
  batch.source_lease = 5;
  while (*source.Next(&batch)) {
    AddBatch(batch, &all);
    // At any time, for a partition that ends early.
    all.examples.push_back(absl::StrCat(source.stats().records, " ", source.stats().bad_records));
    const auto& examples = source.stats().bad_record_examples;
    all.examples.insert(all.examples.end(), examples.begin(), examples.end());
  }
  CHECK(batch.rows() == 0);
  CHECK(source.BytesLeft() == 0);
  CHECK_FALSE(*source.Next(&batch));
  all.records = source.stats().records;
  all.bad_records = source.stats().bad_records;
  for (const std::string& example : source.stats().bad_record_examples) {
    all.examples.push_back(example);
  }
  return all;
}

Everything ReadAll(const BatchRequest& request, BatchCache* cache) {
  return ReadAll(**OpenBatchSource(request, cache));
}

v1::Partition Part(const std::string& file, uint64_t begin = 0, uint64_t end = 0) {
  v1::Partition part;
  part.set_file(file);
  part.set_begin(begin);
  part.set_end(end);
  return part;
}

BatchRequest RequestOf(const v1::Data& data, int batch_rows = 10) {
  BatchRequest request = {.data = data, .shape = *ReadDatasetShape(data), .batch_rows = batch_rows};
  for (const std::string& file : data.train()) request.partitions.push_back(Part(file));
  return request;
}

v1::Data DataOf(v1::Data::Format format, const std::vector<std::string>& files) {
  v1::Data data;
  data.set_format(format);
  data.mutable_on_bad_record()->set_action(v1::OnBadRecord::SKIP);
  for (const std::string& file : files) data.add_train(file);
  return data;
}

void SetTime(const std::string& path, const timespec& time) {
  const timespec times[2] = {time, time};
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

// Replaces the content by other bytes, of the same length and time.
void Garble(const std::string& path) {
  struct stat before;
  REQUIRE(stat(path.c_str(), &before) == 0);
  REQUIRE(WriteInPlace(path, std::string(static_cast<size_t>(before.st_size), '?')).ok());
  SetTime(path, before.st_mtim);
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  return files;
}

// Reads without a cache, into one, and from one, the sources of which cannot be read any more.
void CheckRoundTrip(const BatchRequest& request, const std::vector<std::string>& sources) {
  const TempDir folder;
  const Everything parsed = ReadAll(request, nullptr);
  {
    BatchCache cache(folder.path());
    CHECK(ReadAll(request, &cache) == parsed);
  }
  CHECK(FilesIn(folder.path()).size() == 1);
  for (const std::string& source : sources) Garble(source);
  Log log;
  BatchCache cache(folder.path());
  CHECK(ReadAll(request, &cache) == parsed);
  CHECK(ReadAll(request, &cache) == parsed);
  CHECK(log.Count("batches are read from the cache in " + folder.path()) == 1);
  CHECK(log.Count("warning") == 0);
}

// Rows of `features` features; some lines are bad.
std::string LibsvmText(int rows, int features, bool real, uint64_t keys, uint64_t bad_every = 0) {
  Random random(3);
  std::string text;
  for (int i = 0; i < rows; ++i) {
    if (bad_every > 0 && random.NextBelow(bad_every) == 0) text += "1 bad\n";
    absl::StrAppend(&text, random.NextBelow(2));
    uint64_t key = 0;
    for (int j = 0; j < features; ++j) {
      key += 1 + random.NextBelow(keys);
      absl::StrAppend(&text, " ", key, ":", real ? random.NextUnit() - 0.5 : 1.0);
    }
    text += "\n";
  }
  return text;
}

TEST_CASE("sparse batches come back to the bit") {
  TempDir dir;
  // Keys, columns and lengths in 1, 2, 4 and 8 bytes.
  for (const bool real : {false, true}) {
    for (const auto& [rows, features, keys, batch_rows] :
         {std::tuple{30, 3, uint64_t{2}, 7}, std::tuple{200, 20, uint64_t{100000}, 100},
          std::tuple{3, 400, uint64_t{1} << 54, 2}, std::tuple{1500, 60, uint64_t{1} << 40, 1500},
          std::tuple{50, 0, uint64_t{2}, 7}}) {
      const std::string file =
          dir.Write("a.libsvm", LibsvmText(rows, features, real, keys, rows > 100 ? 10 : 0));
      CheckRoundTrip(RequestOf(DataOf(v1::Data::LIBSVM, {file}), batch_rows), {file});
    }
  }
}

TEST_CASE("what a batch may have besides comes back as well") {
  TempDir dir;
  SECTION("values from 0 to 255, and one that only looks so") {
    for (const char* last : {"255", "256", "-0.0", "0.5", "-1", "1e9"}) {
      const std::string file = dir.Write("a", absl::StrCat("1 1:0 2:7\n-1 3:1\n2 3:", last, "\n"));
      CheckRoundTrip(RequestOf(DataOf(v1::Data::LIBSVM, {file}), 2), {file});
    }
  }
  SECTION("fields and hashed keys") {
    std::string text;
    for (int i = 0; i < 100; ++i) absl::StrAppend(&text, i % 2, " ", i * 3, ":", i, ":0.5 1:7:1\n");
    const std::string file = dir.Write("a.ffm", text);
    v1::Data data = DataOf(v1::Data::LIBFFM, {file});
    data.mutable_libffm()->set_fields(300);
    data.set_hash_bits(63);
    CheckRoundTrip(RequestOf(data), {file});
  }
  SECTION("weights of labels") {
    const std::string file = dir.Write("a.libsvm", LibsvmText(50, 2, true, 5));
    v1::Data data = DataOf(v1::Data::LIBSVM, {file});
    v1::LabelWeight* const weight = data.add_label_weights();
    weight->set_label(1);
    weight->set_weight(2.5);
    CheckRoundTrip(RequestOf(data), {file});
  }
  SECTION("dense numbers") {
    const std::string file = dir.Write("a.csv", "1,0.5,3\n0,2,-7e8\n1,x,1\n1,1,1\n0,2,3\n");
    CheckRoundTrip(RequestOf(DataOf(v1::Data::CSV, {file}), 2), {file});
  }
  SECTION("bytes, with their labels in another file") {
    const std::string count("\0\0\0\x05", 4);
    const std::string images =
        dir.Write("images", std::string("\0\0\x08\x02", 4) + count + std::string("\0\0\0\x03", 4) +
                                "abcdefghijkl\xff\x01\xfe");
    const std::string labels =
        dir.Write("labels", std::string("\0\0\x08\x01", 4) + count + "54321");
    v1::Data data = DataOf(v1::Data::IDX, {images});
    data.mutable_idx()->add_train_labels(labels);
    // Their headers are looked at before the cache is asked: they stay.
    CheckRoundTrip(RequestOf(data, 2), {});
  }
  SECTION("no record at all, and nothing but bad ones") {
    for (const char* text : {"", "bad\nworse\n"}) {
      const std::string file = dir.Write("a.libsvm", text);
      CheckRoundTrip(RequestOf(DataOf(v1::Data::LIBSVM, {file})), {file});
    }
  }
}

TEST_CASE("every part of the files has a cache of its own") {
  TempDir dir, folder;
  const std::string text = LibsvmText(100, 3, true, 50, 9);
  const std::string a = dir.Write("a", text), b = dir.Write("b", text + text);
  BatchRequest request = RequestOf(DataOf(v1::Data::LIBSVM, {a, b}));
  std::vector<BatchRequest> parts;
  for (uint32_t stripe = 0; stripe < 3; ++stripe) {
    for (v1::Partition& partition : request.partitions) {
      partition.set_stripe(stripe);
      partition.set_stripes(3);
    }
    parts.push_back(request);
  }
  for (const Split::Part part : {Split::kTraining, Split::kHeldOut}) {
    request.partitions = {Part(a)};
    request.split = {.part = part, .fraction = 0.3, .seed = 9};
    parts.push_back(request);
  }
  request.split = {};
  request.partitions = {Part(b, 0, text.size())};
  parts.push_back(request);
  request.partitions = {Part(b, text.size(), 2 * text.size())};
  parts.push_back(request);

  BatchCache cache(folder.path());
  std::vector<Everything> parsed;
  for (const BatchRequest& part : parts) {
    parsed.push_back(ReadAll(part, nullptr));
    CHECK(ReadAll(part, &cache) == parsed.back());
  }
  CHECK(FilesIn(folder.path()).size() == parts.size());
  Garble(a);
  Garble(b);
  for (size_t i = 0; i < parts.size(); ++i) CHECK(ReadAll(parts[i], &cache) == parsed[i]);
}

TEST_CASE("files that changed in size or in time are parsed again, and their cache is replaced") {
  TempDir dir, folder;
  const std::string file = dir.Write("a", "1 1:1\n0 2:1\n");
  const BatchRequest request = RequestOf(DataOf(v1::Data::LIBSVM, {file}));
  BatchCache cache(folder.path());
  ReadAll(request, &cache);
  struct stat info;
  REQUIRE(stat(file.c_str(), &info) == 0);
  Log log;
  SECTION("time") {
    dir.Write("a", "0 7:1\n1 8:1\n");
    info.st_mtim.tv_nsec = (info.st_mtim.tv_nsec + 1) % 1'000'000'000;
  }
  SECTION("size") { dir.Write("a", "0 7:1\n1 8:1\n1 1:1\n"); }
  SetTime(file, info.st_mtim);
  const Everything parsed = ReadAll(request, nullptr);
  CHECK(ReadAll(request, &cache) == parsed);
  CHECK(log.Count("info: " + FilesIn(folder.path())[0] +
                  ": it was made of other files or with other settings") == 1);
  CHECK(FilesIn(folder.path()).size() == 1);
  Garble(file);
  CHECK(ReadAll(request, &cache) == parsed);
}

TEST_CASE("the labels of IDX files count as well") {
  TempDir dir;
  v1::Data data = DataOf(v1::Data::IDX, {dir.Write("i", "images")});
  data.mutable_idx()->add_train_labels(dir.Write("l", "labels"));
  const BatchRequest request = {.data = data, .partitions = {Part(data.train(0))}};
  const CacheKey before = *MakeCacheKey(request);
  dir.Write("l", "longer labels");
  CHECK(MakeCacheKey(request)->header != before.header);
  CHECK(MakeCacheKey(request)->name == before.name);
}

TEST_CASE("settings that parsing depends on make another cache, in the place of the one before") {
  TempDir dir;
  const std::string file = dir.Write("a.csv", "1,2\n");
  const BatchRequest request = RequestOf(DataOf(v1::Data::CSV, {file}));
  const CacheKey key = *MakeCacheKey(request);
  const std::vector<std::function<void(BatchRequest&)>> changes = {
      [](BatchRequest& r) { r.data.set_format(v1::Data::LIBSVM); },
      [](BatchRequest& r) { r.data.mutable_on_bad_record()->set_action(v1::OnBadRecord::FAIL); },
      [](BatchRequest& r) { r.data.mutable_csv()->set_label("1"); },
      [](BatchRequest& r) { r.data.mutable_csv()->set_missing(v1::Csv::ZERO); },
      [](BatchRequest& r) { r.data.set_hash_bits(8); },
      [](BatchRequest& r) { r.data.mutable_libffm()->set_fields(8); },
      [](BatchRequest& r) { r.data.add_labels()->set_name("yes"); },
      [](BatchRequest& r) { r.data.add_label_weights()->set_weight(3); },
      [](BatchRequest& r) { r.shape.columns = 2; },
      [](BatchRequest& r) { r.shape.fields = 2; },
      [](BatchRequest& r) { r.shape.scales.emplace_back().set_factor(2); },
      [](BatchRequest& r) { r.shape.feature_names = {"x"}; },
      [](BatchRequest& r) { r.split.fraction = 0.25; },
      [](BatchRequest& r) { r.split.seed = 7; },
      [](BatchRequest& r) { r.batch_rows = 11; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    INFO("change " << i);
    BatchRequest changed = request;
    changes[i](changed);
    CHECK(MakeCacheKey(changed)->header != key.header);
    CHECK(MakeCacheKey(changed)->name == key.name);
  }
  BatchRequest same = request;
  same.data.set_epochs(9);
  same.data.set_shuffle(true);
  same.data.set_cache("elsewhere");
  same.data.add_train("another");
  same.data.mutable_on_bad_record()->set_max_fraction(0.5);
  CHECK(MakeCacheKey(same)->header == key.header);
  CHECK(MakeCacheKey(same)->name == key.name);
}

// A cache of a file of a few batches.
struct Whole {
  explicit Whole(const TempDir& dir) {
    const std::string file = dir.Write("a", LibsvmText(9, 2, true, 300) + "bad\n0 1:1\nworse\n");
    request = RequestOf(DataOf(v1::Data::LIBSVM, {file}), 4);
    parsed = ReadAll(request, nullptr);
    BatchCache cache(dir.File("cache"));
    CHECK(ReadAll(request, &cache) == parsed);
    path = FilesIn(dir.File("cache")).at(0);
    content = *ReadFile(path);
  }

  BatchRequest request;
  Everything parsed;
  std::string path, content;
};

// A cache file of the bytes `content` gives the batches that are parsed, and is replaced.
void CheckReplaced(const Whole& whole, const std::string& content) {
  std::filesystem::remove(whole.path);
  std::ofstream(whole.path, std::ios::binary) << content;
  Log log;
  BatchCache cache(DirectoryOf(whole.path));
  REQUIRE(ReadAll(whole.request, &cache) == whole.parsed);
  REQUIRE(log.Count(whole.path) == 1);
  REQUIRE(*ReadFile(whole.path) == whole.content);
}

TEST_CASE("a cache file in which any byte is wrong is parsed again and replaced") {
  TempDir dir;
  const Whole whole(dir);
  REQUIRE(whole.content.size() > 400);
  for (size_t at = 0; at < whole.content.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      INFO("byte " << at);
      std::string damaged = whole.content;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      CheckReplaced(whole, damaged);
    }
  }
}

TEST_CASE("a cache file that ends anywhere too early, or goes on, is parsed again and replaced") {
  TempDir dir;
  const Whole whole(dir);
  for (size_t size = 0; size < whole.content.size(); ++size) {
    INFO("the first " << size << " bytes");
    CheckReplaced(whole, whole.content.substr(0, size));
  }
  CheckReplaced(whole, whole.content + '\0');
  CheckReplaced(whole, whole.content + whole.content);
  CheckReplaced(whole, "something else");
}

TEST_CASE("blocks that change places are found") {
  TempDir dir;
  const Whole whole(dir);
  constexpr size_t kFrame = 24;
  uint64_t first = 0, second = 0;
  std::memcpy(&first, &whole.content[CacheKey::kHeaderBytes + 8], sizeof(first));
  const size_t at = CacheKey::kHeaderBytes + kFrame + first;
  std::memcpy(&second, &whole.content[at + 8], sizeof(second));
  const size_t end = at + kFrame + second;
  CheckReplaced(
      whole, whole.content.substr(0, CacheKey::kHeaderBytes) + whole.content.substr(at, end - at) +
                 whole.content.substr(CacheKey::kHeaderBytes, at - CacheKey::kHeaderBytes) +
                 whole.content.substr(end));
  // One less.
  CheckReplaced(whole, whole.content.substr(0, at) + whole.content.substr(end));
}

TEST_CASE("the worked example of CACHE.md") {
  TempDir dir, folder;
  const std::string file = dir.Write("a", "1 3:1 1000:1\n0 3:1\n");
  BatchCache cache(folder.path());
  ReadAll(RequestOf(DataOf(v1::Data::LIBSVM, {file}), 2), &cache);
  const std::string content = *ReadFile(FilesIn(folder.path()).at(0));
  CHECK(content.substr(0, 12) == std::string("PARAMDBC\x01\0\0\0", 12));
  const std::string block = content.substr(CacheKey::kHeaderBytes);
  CHECK(absl::BytesToHexString(block.substr(0, 16)) == "00000000000000004800000000000000");
  CHECK(absl::BytesToHexString(block.substr(24, 72)) ==
        "02000000030000000200000004000000"
        "000000000000000000000000"
        "01ff0101ff0001"
        "0000000000"
        "0100000000000000"
        "0201000000000000"
        "0001000000000000"
        "0403e40300000000");
}

TEST_CASE("a folder that cannot be written to is said once, and batches are parsed") {
  TempDir dir;
  const std::string file = dir.Write("a", LibsvmText(30, 2, true, 300));
  const BatchRequest request = RequestOf(DataOf(v1::Data::LIBSVM, {file}));
  const Everything parsed = ReadAll(request, nullptr);
  Log log;
  const std::string folder = dir.File("cache");
  SECTION("a file is in its place") {
    dir.Write("cache", "");
    BatchCache cache(folder);
    for (int i = 0; i < 3; ++i) CHECK(ReadAll(request, &cache) == parsed);
  }
  SECTION("it goes away") {
    BatchCache cache(folder);
    std::filesystem::remove(folder);
    for (int i = 0; i < 3; ++i) CHECK(ReadAll(request, &cache) == parsed);
  }
  SECTION("the disk is full") {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit small = {.rlim_cur = 500, .rlim_max = before.rlim_max};
    BatchCache cache(folder);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    std::vector<Everything> read;
    for (int i = 0; i < 3; ++i) read.push_back(ReadAll(request, &cache));
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    for (const Everything& all : read) CHECK(all == parsed);
    CHECK(FilesIn(folder).empty());
  }
  CHECK(log.Count("warning: nothing is written to the cache in " + folder) == 1);
  CHECK(log.Count("warning") == 1);
}

TEST_CASE("of two who parse the same one writes, and both read the same") {
  TempDir dir, folder;
  const std::string file = dir.Write("a", LibsvmText(100, 2, true, 300));
  const BatchRequest request = RequestOf(DataOf(v1::Data::LIBSVM, {file}));
  const Everything parsed = ReadAll(request, nullptr);
  BatchCache one(folder.path()), two(folder.path());
  Log log;
  auto first = *one.Open(request), second = *two.Open(request);
  Batch batch;
  Everything begun;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(*first->Next(&batch));
    AddBatch(batch, &begun);
    REQUIRE(*second->Next(&batch));
  }
  while (*second->Next(&batch)) {
  }
  // The writer is not done: there is nothing to read yet.
  CHECK(FilesIn(folder.path()) ==
        std::vector<std::string>{folder.File(MakeCacheKey(request)->name + ".tmp")});
  while (*first->Next(&batch)) AddBatch(batch, &begun);
  CHECK(begun.batches == parsed.batches);
  Garble(file);
  CHECK(ReadAll(request, &two) == parsed);
  CHECK(log.Count("warning") == 0);
}

TEST_CASE("a part that is not read to its end leaves nothing, nor do files that change meanwhile") {
  TempDir dir, folder;
  const std::string file = dir.Write("a", LibsvmText(100, 2, true, 300));
  const BatchRequest request = RequestOf(DataOf(v1::Data::LIBSVM, {file}));
  BatchCache cache(folder.path());
  Batch batch;
  auto source = *cache.Open(request);
  REQUIRE(*source->Next(&batch));
  SECTION("not to its end") {}
  SECTION("changed") {
    SetTime(file, {.tv_sec = 5, .tv_nsec = 0});
    while (*source->Next(&batch)) {
    }
  }
  source = nullptr;
  CHECK(FilesIn(folder.path()).empty());
}

TEST_CASE("what is wrong with the files is said as without a cache") {
  TempDir dir, folder;
  const std::string file = dir.Write("a", "1 1:1\nbad\n");
  BatchRequest request = RequestOf(DataOf(v1::Data::LIBSVM, {file}), 1);
  BatchCache cache(folder.path());
  request.data.mutable_on_bad_record()->set_action(v1::OnBadRecord::FAIL);
  auto source = *cache.Open(request);
  Batch batch;
  REQUIRE(*source->Next(&batch));
  const absl::Status status = source->Next(&batch).status();
  CHECK(std::string(status.message()).find(file + ":2: ") == 0);
  source = nullptr;
  CHECK(FilesIn(folder.path()).empty());
  std::filesystem::remove(file);
  CHECK(cache.Open(request).status() == OpenBatchSource(request, nullptr).status());
  CHECK(absl::IsNotFound(cache.Open(request).status()));
}

}  // namespace
}  // namespace paramd
