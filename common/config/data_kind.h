#pragma once

#include <algorithm>
#include <cstdint>

#include "paramd/v1/config.pb.h"

namespace paramd {

// Whether the files of `data` hold sparse features, each with a key; otherwise rows of columns.
inline bool IsSparse(const v1::Data& data) {
  if (data.format() == v1::Data::IDX) return false;
  if (data.format() != v1::Data::CSV) return true;
  return std::any_of(
      data.csv().columns().begin(), data.csv().columns().end(),
      [](const v1::CsvColumn& column) { return column.kind() == v1::CsvColumn::CATEGORICAL; });
}

// Fields that the features are in when the format alone says it; 0 when there are none, and for
// CSV, where every column is one.
inline uint32_t FieldsOf(const v1::Data& data) {
  if (data.format() == v1::Data::LIBFFM) return data.libffm().fields();
  return data.format() == v1::Data::CRITEO ? 39 : 0;
}

}  // namespace paramd
