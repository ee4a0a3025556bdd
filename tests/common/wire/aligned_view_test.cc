#include "common/wire/aligned_view.h"

#include <catch2/catch.hpp>

namespace paramd {
namespace {

TEST_CASE("an aligned array is read where it lies, another one is copied") {
  const std::vector<uint64_t> array = {1, UINT64_MAX, 3};
  alignas(8) char memory[32];
  for (const size_t offset : {0, 1, 4, 7}) {
    std::memcpy(memory + offset, array.data(), 24);
    std::vector<uint64_t> copy;
    const auto view = AlignedView("keys", absl::string_view(memory + offset, 24), &copy);
    REQUIRE(view.ok());
    CHECK(*view == absl::MakeConstSpan(array));
    CHECK((view->data() == copy.data()) == (offset != 0));
    CHECK((static_cast<const void*>(view->data()) == memory) == (offset == 0));
  }
}

TEST_CASE("an array must be whole") {
  std::vector<float> copy;
  const absl::string_view bytes = "abcdefg";
  for (const size_t size : {1, 2, 3, 5, 6, 7}) {
    CHECK(AlignedView("values", bytes.substr(0, size), &copy).status().code() ==
          absl::StatusCode::kInvalidArgument);
  }
  CHECK(AlignedView("values", "", &copy)->empty());
  CHECK(AlignedView("values", absl::string_view(), &copy)->empty());
}

}  // namespace
}  // namespace paramd
