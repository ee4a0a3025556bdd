#include "worker/data/read_dataset_shape.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/config/data_kind.h"
#include "worker/data/csv_layout.h"
#include "worker/data/idx_record_reader.h"
#include "worker/data/line_splitter.h"
#include "worker/data/open_source.h"

namespace paramd {
namespace {

// Moves `lines` to the first line that shows the columns; false when there is none.
absl::StatusOr<bool> FindFirstRecord(bool header, const std::string& file, LineSplitter* lines) {
  while (true) {
    ASSIGN_OR_RETURN(const bool more, lines->Next());
    if (!more) return false;
    if (lines->too_long()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", lines->number(), ": the line is too long"));
    }
    if (header || lines->line().find_first_not_of(' ') != absl::string_view::npos) return true;
  }
}

// Every file is looked at, so that one that does not fit is found before anything is read.
absl::StatusOr<DatasetShape> ReadIdxShape(const v1::Data& data) {
  DatasetShape shape = {.sparse = false};
  for (const auto* files : {&data.train(), &data.eval()}) {
    for (const std::string& file : *files) {
      ASSIGN_OR_RETURN(const IdxHeader header, ReadIdxHeaders(data, file));
      const auto columns = static_cast<int64_t>(header.record_bytes);
      if (shape.columns == 0) shape.columns = columns;
      if (columns == shape.columns) continue;
      return absl::InvalidArgumentError(absl::StrCat(file, ": records of ", columns, " bytes; in ",
                                                     data.train(0), " they have ", shape.columns));
    }
  }
  return shape;
}

}  // namespace

absl::StatusOr<DatasetShape> ReadDatasetShape(const v1::Data& data) {
  if (data.format() == v1::Data::IDX) return ReadIdxShape(data);
  for (const std::string& file : data.train()) {
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, OpenSource(file));
    if (data.format() != v1::Data::CSV) {
      return DatasetShape{.sparse = true, .fields = FieldsOf(data)};
    }
    LineSplitter lines(std::move(source));
    ASSIGN_OR_RETURN(const bool found, FindFirstRecord(data.csv().header(), file, &lines));
    if (!found) continue;
    CsvLayout layout;
    if (data.csv().header()) {
      ASSIGN_OR_RETURN(layout, ReadCsvHeader(data.csv(), file, lines.line()));
    } else {
      ASSIGN_OR_RETURN(const char delimiter, CsvDelimiter(data.csv()));
      const auto fields = static_cast<int64_t>(CountCsvFields(lines.line(), delimiter));
      ASSIGN_OR_RETURN(layout, MakeCsvLayout(data.csv(), file, fields));
    }
    const int64_t features = CountCsvFeatures(layout);
    if (!IsSparse(data)) {
      return DatasetShape{
          .sparse = false, .columns = features, .feature_names = CsvFeatureNames(layout)};
    }
    return DatasetShape{.sparse = true,
                        .feature_names = CsvFeatureNames(layout),
                        .fields = static_cast<uint32_t>(features),
                        .categorical = CategoricalCsvFeatures(layout)};
  }
  return absl::InvalidArgumentError(
      data.train().empty() ? "there is no training file"
                           : absl::StrCat(data.train(0), ": no record to count the columns of"));
}

}  // namespace paramd
