#include "worker/data/make_line_parser.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/config/data_kind.h"
#include "worker/data/criteo_parser.h"
#include "worker/data/csv_columns_parser.h"
#include "worker/data/csv_layout.h"
#include "worker/data/csv_parser.h"
#include "worker/data/label_reader.h"
#include "worker/data/libffm_parser.h"
#include "worker/data/libsvm_parser.h"
#include "worker/data/line_splitter.h"
#include "worker/data/open_source.h"
#include "worker/data/quote.h"
#include "worker/data/text_parser.h"

namespace paramd {
namespace {

int64_t CsvFeaturesOf(const DatasetShape& shape) {
  return shape.sparse ? int64_t{shape.fields} : shape.columns;
}

absl::Status CheckColumns(const CsvLayout& layout, const DatasetShape& shape,
                          const std::string& file) {
  const int64_t features = CountCsvFeatures(layout);
  if (features != CsvFeaturesOf(shape)) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": ", features, " feature columns, the data set has ", CsvFeaturesOf(shape)));
  }
  const std::vector<std::string> names = CsvFeatureNames(layout);
  for (size_t i = 0; i < shape.feature_names.size() && i < names.size(); ++i) {
    if (names[i] == shape.feature_names[i]) continue;
    return absl::InvalidArgumentError(absl::StrCat(file, ": feature ", i, " is ", Quote(names[i]),
                                                   ", in the data set it is ",
                                                   Quote(shape.feature_names[i])));
  }
  return absl::OkStatus();
}

// Every file has its own header, so that each may have the label in another place.
absl::StatusOr<CsvLayout> LayoutOfFile(const v1::Csv& csv, const DatasetShape& shape,
                                       const std::string& file) {
  const int64_t fields = CsvFeaturesOf(shape) + 1 + CountLeftOutFields(csv);
  if (!csv.header()) return MakeCsvLayout(csv, file, fields);
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, OpenSource(file));
  LineSplitter lines(std::move(source));
  ASSIGN_OR_RETURN(const bool found, lines.Next());
  if (!found) return CsvLayout{.fields = fields};  // an empty file: nothing to parse
  ASSIGN_OR_RETURN(CsvLayout layout, ReadCsvHeader(csv, file, lines.line()));
  RETURN_IF_ERROR(CheckColumns(layout, shape, file));
  return layout;
}

absl::StatusOr<std::unique_ptr<LineParser>> MakeCsvParser(const v1::Data& data,
                                                          const DatasetShape& shape,
                                                          const std::string& file) {
  ASSIGN_OR_RETURN(CsvLayout layout, LayoutOfFile(data.csv(), shape, file));
  const bool numbers_only =
      data.csv().columns().empty() && data.csv().missing() <= v1::Csv::BAD && data.labels().empty();
  if (numbers_only) return std::make_unique<CsvParser>(std::move(layout));
  return std::make_unique<CsvColumnsParser>(layout, shape.sparse, data.csv().missing(),
                                            LabelReader(data.labels()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LineParser>> MakeLineParser(const v1::Data& data,
                                                           const DatasetShape& shape,
                                                           const std::string& file) {
  if (shape.sparse != IsSparse(data)) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": ", v1::Data::Format_Name(data.format()),
                                                   " files do not hold ",
                                                   shape.sparse ? "sparse" : "dense", " data"));
  }
  LabelReader labels(data.labels());
  switch (data.format()) {
    case v1::Data::LIBFFM:
      return std::make_unique<LibffmParser>(shape.fields, std::move(labels));
    case v1::Data::CRITEO:
      return std::make_unique<CriteoParser>(std::move(labels));
    case v1::Data::TEXT:
      return std::make_unique<TextParser>();
    case v1::Data::CSV:
      return MakeCsvParser(data, shape, file);
    default:
      return std::make_unique<LibsvmParser>(std::move(labels));
  }
}

}  // namespace paramd
