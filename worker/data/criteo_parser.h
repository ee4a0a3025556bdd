#pragma once

#include <array>
#include <cstdint>

#include "worker/data/label_reader.h"
#include "worker/data/line_parser.h"

namespace paramd {

// The click logs of Criteo (Display Advertising Challenge, 2014): a line of 40 columns with tabs
// between them,
//   label I1 ... I13 C1 ... C26
// 13 numbers and 26 categories; field j of the data is column j + 1. What is empty is missing and
// gives no feature. A number x is the feature of its column with the value sign(x) ln(1 + |x|):
// counts spread over many orders of magnitude, and a few are negative. A category is a feature of
// its own with the value 1. Keys as in worker/data/feature_key.h, columns named as above.
class CriteoParser final : public LineParser {
 public:
  static constexpr uint32_t kNumbers = 13;
  static constexpr uint32_t kCategories = 26;
  static constexpr uint32_t kFields = kNumbers + kCategories;

  explicit CriteoParser(LabelReader labels = {});

  bool IsRecord(absl::string_view line) const override;
  absl::Status Parse(absl::string_view line, BatchBuilder* rows) override;

 private:
  const LabelReader labels_;
  std::array<uint64_t, kFields> column_keys_;
};

}  // namespace paramd
