// Record files: of any bytes the reader ends with the end, a torn end or damage. The first byte
// chooses: the bytes are the file, or they say which records, with good checksums, are in it.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/storage/record_file_reader.h"
#include "server/storage/record_format.h"

namespace paramd {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// A file in memory.
class MemoryFile {
 public:
  explicit MemoryFile(absl::string_view content) : fd_(memfd_create("fuzz", 0)) {
    Require(write(fd_, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }

 private:
  const int fd_;
};

// The records that come before the end.
std::vector<std::string> Read(const std::string& content) {
  const MemoryFile file(content);
  const std::unique_ptr<RecordFileReader> reader = *RecordFileReader::Open(file.path());
  std::vector<std::string> records;
  while (true) {
    std::string payload;
    const auto found = reader->Next(&payload);
    Require(reader->offset() <= content.size());
    if (!found.ok()) {
      Require(absl::IsDataLoss(found.status()));
      return records;
    }
    if (*found == RecordFileReader::Found::kEnd) Require(reader->offset() == content.size());
    if (*found != RecordFileReader::Found::kRecord) return records;
    records.push_back(payload);
  }
}

std::string Take(absl::string_view* bytes, size_t count) {
  const std::string taken(bytes->substr(0, count));
  bytes->remove_prefix(taken.size());
  return taken;
}

void TryRecords(absl::string_view bytes) {
  std::string content = MakeRecordFileHeader();
  std::vector<std::string> plain;
  bool all_plain = true;
  while (bytes.size() >= 3) {
    const std::string head = Take(&bytes, 3);
    const std::string body = Take(&bytes, static_cast<uint8_t>(head[1]));
    const bool is_plain = head[0] % 2 == 0;
    const uint64_t payload_bytes = is_plain ? body.size() : static_cast<uint8_t>(head[2]) * 100u;
    const RecordHeader header = MakeRecordHeader(
        {body}, payload_bytes, is_plain ? RecordCoding::kPlain : RecordCoding::kZstd);
    content.append(reinterpret_cast<const char*>(&header), sizeof(header)).append(body);
    all_plain = all_plain && is_plain;
    if (all_plain) plain.push_back(body);
  }
  std::vector<std::string> records = Read(content);
  Require(records.size() >= plain.size());
  records.resize(plain.size());
  Require(records == plain);
}

}  // namespace
}  // namespace paramd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    paramd::Read(std::string(bytes));
  } else {
    paramd::TryRecords(bytes);
  }
  return 0;
}
