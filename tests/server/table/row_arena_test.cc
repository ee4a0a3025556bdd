#include "server/table/row_arena.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <utility>
#include <vector>

#include "server/table/page_memory.h"

namespace paramd {
namespace {

bool AllZero(const PageMemory& memory) {
  const auto* const bytes = static_cast<const uint8_t*>(memory.data());
  for (size_t i = 0; i < memory.bytes(); ++i) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

TEST_CASE("memory of any size is zero, aligned and there to write") {
  for (const size_t bytes : {size_t{1}, size_t{64}, size_t{100000}, size_t{200001},
                             PageMemory::kHugePage, 2 * PageMemory::kHugePage + 5000}) {
    for (const bool huge : {false, true}) {
      PageMemory memory(bytes, huge);
      REQUIRE(memory.bytes() >= bytes);
      CHECK(reinterpret_cast<uintptr_t>(memory.data()) % 64 == 0);
      if (bytes >= PageMemory::kHugePage) {
        CHECK(reinterpret_cast<uintptr_t>(memory.data()) % PageMemory::kHugePage == 0);
      }
      CHECK(AllZero(memory));
      auto* const data = static_cast<uint8_t*>(memory.data());
      data[0] = data[memory.bytes() - 1] = 7;
      PageMemory moved(std::move(memory));
      CHECK(moved.data() == data);
      PageMemory assigned(64, huge);
      assigned = std::move(moved);
      CHECK(static_cast<uint8_t*>(assigned.data())[assigned.bytes() - 1] == 7);
    }
  }
}

TEST_CASE("rows begin as zeros and never move") {
  const size_t width = GENERATE(1, 2, 3, 130, 70000, 2000000);
  RowArena arena(width);
  const size_t count = width < 100 ? 2000000 / width : 1500000 / width + 9;
  std::vector<float*> rows;
  size_t zero = 0;
  for (size_t i = 0; i < count; ++i) {
    REQUIRE(arena.Append() == i);
    float* const row = arena.row(i);
    zero += row[0] == 0 && row[width - 1] == 0;
    row[0] = row[width - 1] = static_cast<float>(i + 1);
    rows.push_back(row);
  }
  CHECK(zero == count);
  size_t same = 0;
  for (size_t i = 0; i < count; ++i) {
    same += arena.row(i) == rows[i] && rows[i][0] == static_cast<float>(i + 1) &&
            rows[i][width - 1] == static_cast<float>(i + 1);
  }
  CHECK(same == count);
  CHECK(arena.size() == count);
  CHECK(arena.bytes() == count * width * sizeof(float));
}

}  // namespace
}  // namespace paramd
