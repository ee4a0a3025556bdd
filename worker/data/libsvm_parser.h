#pragma once

#include <cstdint>
#include <vector>

#include "worker/data/line_parser.h"

namespace paramd {

// The sparse text format of LIBSVM and SVMlight:
//   label index:value index:value ...   # comment
// Fields are separated by blanks. Indices run from 0 to 2^63 in any order, but none comes twice in
// a row; labels and values are finite numbers. "qid:" (groups for ranking) is refused.
class LibsvmParser final : public LineParser {
 public:
  bool IsRecord(absl::string_view line) const override;
  absl::Status Parse(absl::string_view line, BatchBuilder* rows) override;

 private:
  absl::Status CheckDistinct(absl::Span<const uint64_t> keys);

  std::vector<uint64_t> scratch_;
};

}  // namespace paramd
