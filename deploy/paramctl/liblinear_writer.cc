#include "deploy/paramctl/liblinear_writer.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/atomic_file_writer.h"
#include "common/base/status_macros.h"
#include "deploy/paramctl/fold_scales.h"

namespace paramd {
namespace {

constexpr uint64_t kMostFeatures = 100'000'000;

// The tables of a linear model: weights [features][outputs], bias [1][outputs].
struct Linear {
  const ModelTable* weights = nullptr;
  const ModelTable* bias = nullptr;
};

absl::StatusOr<Linear> TablesOf(const ModelFile& model) {
  const v1::Model::Type type = model.model.type();
  Linear tables;
  for (const ModelTable& table : model.tables) {
    if (table.name == "weights") tables.weights = &table;
    if (table.name == "bias") tables.bias = &table;
  }
  const bool linear = type == v1::Model::LINEAR_REGRESSION ||
                      type == v1::Model::LOGISTIC_REGRESSION ||
                      type == v1::Model::SOFTMAX_REGRESSION;
  if (linear && tables.weights != nullptr && tables.bias != nullptr) return tables;
  return absl::InvalidArgumentError(
      "liblinear holds linear, logistic and softmax regression only; use safetensors or npz");
}

// Number of feature row `row` of the weights, from 1.
uint64_t FeatureOf(const ModelTable& weights, uint64_t row) {
  return weights.sparse ? weights.keys[row] : row + 1;
}

absl::StatusOr<uint64_t> Features(const ModelTable& weights) {
  if (weights.rows() == 0) return 0;
  const uint64_t last = FeatureOf(weights, weights.rows() - 1);
  for (const uint64_t feature : {FeatureOf(weights, 0), last}) {
    if (feature >= 1 && feature <= kMostFeatures) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "feature ", feature, " has no place in liblinear, which counts from 1 to ", kMostFeatures));
  }
  return last;
}

// What comes before the weights.
std::string Header(const ModelFile& model, uint32_t outputs, uint64_t features,
                   const std::string& negative_label) {
  const bool regression = model.model.type() == v1::Model::LINEAR_REGRESSION;
  std::string text = absl::StrCat("solver_type ", regression ? "L2R_L2LOSS_SVR" : "L2R_LR", "\n",
                                  "nr_class ", std::max(outputs, 2u), "\n");
  if (!regression) {
    absl::StrAppend(&text, "label");
    if (outputs <= 2) absl::StrAppend(&text, " 1 ", negative_label);
    for (uint32_t i = 0; outputs > 2 && i < outputs; ++i) absl::StrAppend(&text, " ", i);
    absl::StrAppend(&text, "\n");
  }
  // The bias is the weight of one more feature, which is always 1.
  return absl::StrCat(text, "nr_feature ", features, "\nbias 1\nw\n");
}

// The weights of a feature. Of two classes LIBLINEAR has the one vector that decides for the first
// label, here class 1.
std::string WeightLine(const float* row, uint32_t outputs) {
  if (outputs == 2) return absl::StrFormat("%.17g \n", static_cast<double>(row[1]) - row[0]);
  std::string line;
  for (uint32_t i = 0; i < outputs; ++i) absl::StrAppendFormat(&line, "%.17g ", row[i]);
  return line + "\n";
}

}  // namespace

absl::Status WriteLiblinear(const std::string& path, const ModelFile& model,
                            const std::string& negative_label) {
  RETURN_IF_ERROR(TablesOf(model).status());
  ASSIGN_OR_RETURN(const ModelFile unscaled, FoldScales(model));
  ASSIGN_OR_RETURN(const Linear tables, TablesOf(unscaled));
  const ModelTable& weights = *tables.weights;
  ASSIGN_OR_RETURN(const uint64_t features, Features(weights));
  ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFileWriter> writer, AtomicFileWriter::Create(path));
  const uint32_t outputs = weights.dim;
  RETURN_IF_ERROR(writer->Append(Header(model, outputs, features, negative_label)));
  const std::vector<float> zeros(outputs);
  uint64_t row = 0;
  for (uint64_t feature = 1; feature <= features; ++feature) {
    const bool here = FeatureOf(weights, row) == feature;
    const float* const values = here ? &weights.values[row * outputs] : zeros.data();
    RETURN_IF_ERROR(writer->Append(WeightLine(values, outputs)));
    row += here;
  }
  RETURN_IF_ERROR(writer->Append(WeightLine(tables.bias->values.data(), outputs)));
  return writer->Commit();
}

}  // namespace paramd
