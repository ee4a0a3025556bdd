#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "paramd/v1/config.pb.h"
#include "worker/data/csv_layout.h"
#include "worker/data/label_reader.h"
#include "worker/data/line_parser.h"

namespace paramd {

// Lines of columns of every kind (CsvParser is the faster one for lines of numbers only). A field
// may stand in double quotes and then hold the delimiter; a doubled quote stands for one (RFC
// 4180), a line end within quotes is not allowed. Blanks around a field are ignored.
//
// Dense data: a row has the numbers of the feature columns in their order. Sparse data: every
// feature column is a field, in their order; a number is the feature of its column with that value,
// a category one of its own with the value 1 (worker/data/feature_key.h; a column without a name
// goes by its index), an empty category is no feature. A missing number is NaN with csv.missing
// MEAN.
//
// Bad: another number of fields than the layout's, a label that `labels` does not take, a weight
// that is no number from 0 on, a number that is not finite; one that is missing (empty, NA or NaN
// in any case) as csv.missing says.
class CsvColumnsParser final : public LineParser {
 public:
  CsvColumnsParser(const CsvLayout& layout, bool sparse, v1::Csv::Missing missing,
                   LabelReader labels);

  bool IsRecord(absl::string_view line) const override;
  absl::Status Parse(absl::string_view line, BatchBuilder* rows) override;

 private:
  struct Column {
    enum Role { kLabel, kWeight, kIgnored, kNumber, kCategory };
    Role role = kNumber;
    std::string name;    // for messages
    uint64_t key = 0;    // of sparse data
    uint32_t field = 0;  // number among the feature columns
  };
  // What is taken from a line.
  struct Record {
    BatchBuilder::Row row;
    size_t features = 0;
    float label = 0;
    float weight = 1;
  };

  // Takes the field at *p, which ends at the delimiter or `end`; *p is there then. The text lives
  // until the next call.
  absl::StatusOr<absl::string_view> TakeField(const char** p, const char* end);
  absl::Status Add(const Column& column, absl::string_view text, Record* record) const;
  absl::Status AddNumber(const Column& column, absl::string_view text, Record* record) const;
  void AddFeature(const Column& column, uint64_t key, float value, Record* record) const;

  const char delimiter_;
  const bool sparse_;
  const v1::Csv::Missing missing_;
  const LabelReader labels_;
  std::vector<Column> columns_;
  size_t features_ = 0;  // feature columns
  bool has_weight_ = false;
  std::string unquoted_;
};

}  // namespace paramd
