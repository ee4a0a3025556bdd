#pragma once

#include <utility>

#include "worker/data/csv_layout.h"
#include "worker/data/line_parser.h"

namespace paramd {

// Lines of numbers with a delimiter between them; one of them is the label, the others are the
// features of a dense row, in their order. Blanks and double quotes around a number are ignored.
// Bad: another number of fields than the layout's, an empty field, a field that is no finite
// number.
class CsvParser final : public LineParser {
 public:
  explicit CsvParser(CsvLayout layout) : layout_(std::move(layout)) {}

  bool IsRecord(absl::string_view line) const override;
  absl::Status Parse(absl::string_view line, BatchBuilder* rows) override;

 private:
  // Fills `values` [fields] with all fields, the label among them. False when the line is bad.
  bool TakeFields(absl::string_view line, float* values) const;
  // What is wrong with a bad line.
  absl::Status Explain(absl::string_view line) const;

  const CsvLayout layout_;
};

}  // namespace paramd
