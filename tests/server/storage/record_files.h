#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/storage/record_file_reader.h"
#include "server/storage/record_file_writer.h"
#include "server/storage/record_format.h"

namespace paramd {

// Ends the test program unless `status` is OK.
inline void Require(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::abort();
}

// A file of `content` instead of the one that is there. (ext4 waits for the disk when a file is cut
// to nothing and written again.)
inline std::string Replace(const std::string& path, absl::string_view content) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << std::string(content);
  return path;
}

inline FileDigest WriteRecords(const std::string& path, const std::vector<std::string>& records,
                               int zstd_level = 0) {
  auto writer = RecordFileWriter::Create(path, zstd_level);
  Require(writer.status());
  for (const std::string& record : records) Require((*writer)->Append({record}));
  auto digest = (*writer)->Finish();
  Require(digest.status());
  return *digest;
}

// What a reader makes of a file.
struct ReadBack {
  std::vector<std::string> records;
  absl::Status status;
  RecordFileReader::Found end = RecordFileReader::Found::kEnd;  // when the status is OK
  uint64_t offset = 0;
};

inline ReadBack ReadRecords(const std::string& path) {
  ReadBack back;
  auto reader = RecordFileReader::Open(path);
  if (!reader.ok()) return {.status = reader.status()};
  std::string record;
  while (true) {
    const auto found = (*reader)->Next(&record);
    back.status = found.status();
    back.offset = (*reader)->offset();
    if (!found.ok()) return back;
    if (*found != RecordFileReader::Found::kRecord) {
      back.end = *found;
      return back;
    }
    back.records.push_back(record);
  }
}

// The bytes of a record, checksums and all.
inline std::string RecordBytes(absl::string_view body, uint64_t payload_bytes,
                               RecordCoding coding = RecordCoding::kPlain) {
  const RecordHeader header = MakeRecordHeader({body}, payload_bytes, coding);
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  return bytes.append(body.data(), body.size());
}

}  // namespace paramd
