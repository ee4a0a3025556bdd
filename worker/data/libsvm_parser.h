#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "worker/data/label_reader.h"
#include "worker/data/line_parser.h"

namespace paramd {

// The sparse text format of LIBSVM and SVMlight:
//   label index:value index:value ...   # comment
// Fields are separated by blanks. Indices run from 0 to 2^63 in any order, but none comes twice in
// a row; labels and values are finite numbers. "qid:" (groups for ranking) is refused.
class LibsvmParser final : public LineParser {
 public:
  explicit LibsvmParser(LabelReader labels = {}) : labels_(std::move(labels)) {}

  bool IsRecord(absl::string_view line) const override;
  absl::Status Parse(absl::string_view line, BatchBuilder* rows) override;

 private:
  absl::Status CheckDistinct(absl::Span<const uint64_t> keys);

  const LabelReader labels_;
  std::vector<uint64_t> scratch_;
};

}  // namespace paramd
