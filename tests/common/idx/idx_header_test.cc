#include "common/idx/idx_header.h"

#include <catch2/catch.hpp>
#include <string>

namespace paramd {
namespace {

std::string Bytes(std::initializer_list<int> bytes) { return {bytes.begin(), bytes.end()}; }

std::string ErrorOf(const std::string& content) {
  const absl::StatusOr<IdxHeader> header = ParseIdxHeader(content, "f");
  if (header.ok()) return "ok";
  CHECK(header.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(header.status().message());
}

TEST_CASE("IDX headers of images and labels") {
  const IdxHeader images =
      *ParseIdxHeader(Bytes({0, 0, 8, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28, 99}), "f");
  CHECK(images.records == 60000);
  CHECK(images.record_bytes == 784);
  CHECK(images.bytes == 16);
  CHECK(images.file_bytes() == 47040016);
  const IdxHeader labels = *ParseIdxHeader(Bytes({0, 0, 8, 1, 0, 0, 0, 3}), "f");
  CHECK(labels.records == 3);
  CHECK(labels.record_bytes == 1);
  CHECK(labels.bytes == 8);
}

TEST_CASE("IDX headers that are none") {
  const std::string begin = "f: not an IDX file of unsigned bytes: ";
  CHECK(ErrorOf("") == begin + "it is shorter than 4 bytes");
  CHECK(ErrorOf("1,2,3,4") == begin + "it begins with 0x312c322c, not with 0x000008..");
  CHECK(ErrorOf(Bytes({0, 0, 0x0d, 1, 0, 0, 0, 1})) ==
        begin + "it begins with 0x00000d01, not with 0x000008..");
  CHECK(ErrorOf(Bytes({0, 0, 8, 0, 0, 0, 0, 1})) == begin + "0 dimensions, wanted are 1 to 8");
  CHECK(ErrorOf(Bytes({0, 0, 8, 9, 0, 0, 0, 1})) == begin + "9 dimensions, wanted are 1 to 8");
  CHECK(ErrorOf(Bytes({0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0})) == begin + "its header is cut short");
  CHECK(ErrorOf(Bytes({0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 0})) == begin + "a dimension is 0");
  CHECK(ErrorOf(Bytes({0, 0, 8, 3, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0})) ==
        begin + "records are larger than 256 MiB");
}

}  // namespace
}  // namespace paramd
