#include "deploy/paramctl/npz_writer.h"

#include <zlib.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "common/base/atomic_file_writer.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

constexpr uint64_t kLimit = std::numeric_limits<uint32_t>::max();

void Append(uint64_t value, int bytes, std::string* to) {
  for (int i = 0; i < bytes; ++i) to->push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

template <typename T>
absl::string_view Bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// What stands before the data of an array: numpy.lib.format, version 1.0. Its length is a multiple
// of 64. `type`: "<f4", "<u8".
std::string NpyHeader(const char* type, const std::vector<uint64_t>& shape) {
  const std::string sizes = absl::StrCat(absl::StrJoin(shape, ", "), shape.size() == 1 ? "," : "");
  std::string text =
      absl::StrCat("{'descr': '", type, "', 'fortran_order': False, 'shape': (", sizes, "), }");
  constexpr size_t kPrefix = 10;
  text.append(63 - (kPrefix + text.size()) % 64, ' ');
  text.push_back('\n');
  std::string header("\x93NUMPY\x01\x00", 8);
  Append(text.size(), 2, &header);
  return header + text;
}

// Writes files one after the other, then the directory.
class ZipWriter {
 public:
  explicit ZipWriter(AtomicFileWriter& out) : out_(out) {}

  // A file whose content is `header` and then `data`.
  absl::Status Add(const std::string& name, const std::string& header, absl::string_view data) {
    const uint64_t size = header.size() + data.size();
    std::string fields;          // those that both kinds of headers have
    Append(20, 2, &fields);      // version needed
    Append(0, 2, &fields);       // flags
    Append(0, 2, &fields);       // method: stored
    Append(0, 2, &fields);       // time
    Append(0x0021, 2, &fields);  // date: 1980-01-01
    Append(Crc(header, data), 4, &fields);
    Append(size, 4, &fields);  // compressed
    Append(size, 4, &fields);
    Append(name.size(), 2, &fields);
    Append(0, 2, &fields);  // extra field

    directory_ += std::string("PK\x01\x02", 4);
    Append(20, 2, &directory_);  // made by
    directory_ += fields;
    Append(0, 2, &directory_);  // comment
    Append(0, 2, &directory_);  // disk
    Append(0, 2, &directory_);  // internal attributes
    Append(0, 4, &directory_);  // external attributes
    Append(written_, 4, &directory_);
    directory_ += name;
    ++files_;

    RETURN_IF_ERROR(Write(std::string("PK\x03\x04", 4) + fields + name + header));
    return Write(data);
  }

  absl::Status Finish() {
    std::string end("PK\x05\x06", 4);
    Append(0, 4, &end);  // disks
    Append(files_, 2, &end);
    Append(files_, 2, &end);
    Append(directory_.size(), 4, &end);
    Append(written_, 4, &end);
    Append(0, 2, &end);  // comment
    RETURN_IF_ERROR(Write(directory_));
    return Write(end);
  }

 private:
  static uint32_t Crc(absl::string_view header, absl::string_view data) {
    uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(header.data()), header.size());
    if (data.empty()) return static_cast<uint32_t>(crc);
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>(data.data()), data.size());
    return static_cast<uint32_t>(crc);
  }

  absl::Status Write(absl::string_view bytes) {
    written_ += bytes.size();
    return out_.Append(bytes);
  }

  AtomicFileWriter& out_;
  std::string directory_;
  uint64_t written_ = 0;
  uint64_t files_ = 0;
};

uint64_t DataBytes(const ModelFile& model) {
  uint64_t bytes = 0;
  for (const ModelTable& table : model.tables) {
    bytes += Bytes(table.keys).size() + Bytes(table.values).size();
  }
  return bytes;
}

}  // namespace

absl::Status WriteNpz(const std::string& path, const ModelFile& model) {
  // Headers take far less than a MiB.
  if (DataBytes(model) + (uint64_t{1} << 20) > kLimit) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the model is too large for npz, which ends at 4 GiB"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFileWriter> writer, AtomicFileWriter::Create(path));
  ZipWriter zip(*writer);
  if (!model.scales.empty()) {
    const std::vector<float> scales = FlatScales(model);
    RETURN_IF_ERROR(zip.Add(absl::StrCat(kScalesTensor, ".npy"),
                            NpyHeader("<f4", {model.scales.size(), 3}), Bytes(scales)));
  }
  for (const ModelTable& table : model.tables) {
    if (table.sparse) {
      RETURN_IF_ERROR(
          zip.Add(table.name + ".keys.npy", NpyHeader("<u8", {table.rows()}), Bytes(table.keys)));
    }
    RETURN_IF_ERROR(zip.Add(table.name + (table.sparse ? ".values.npy" : ".npy"),
                            NpyHeader("<f4", {table.rows(), table.dim}), Bytes(table.values)));
  }
  RETURN_IF_ERROR(zip.Finish());
  return writer->Commit();
}

}  // namespace paramd
