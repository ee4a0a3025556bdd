#include "worker/model/deep_part.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "worker/model/field_pooling.h"
#include "worker/model/layer_tables.h"
#include "worker/model/table_spec.h"

namespace paramd {
namespace {

// Inputs of the first layer.
constexpr uint64_t kMaxInputs = uint64_t{1} << 20;

// Where the layers begin among the parameters.
constexpr size_t kFirst = 1, kRest = 3;

}  // namespace

absl::StatusOr<std::unique_ptr<DeepPart>> DeepPart::Make(const v1::Model& config,
                                                         const DatasetShape& shape,
                                                         const char* model) {
  if (shape.fields == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.type ", model,
                     " needs features with fields, which data.format libffm "
                     "and criteo have, and csv with categorical columns"));
  }
  if (uint64_t{shape.fields} * config.dim() > kMaxInputs) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.dim: vectors of length ", config.dim(), " for each of ", shape.fields,
                     " fields are more than ", kMaxInputs, " inputs; make it smaller"));
  }
  ASSIGN_OR_RETURN(MlpLayers::Options options, HiddenLayers(config, {64, 32}, 1));
  return absl::WrapUnique(new DeepPart(config, shape, std::move(options)));
}

DeepPart::DeepPart(const v1::Model& config, const DatasetShape& shape, MlpLayers::Options options)
    : fields_(shape.fields),
      dim_(config.dim()),
      init_scale_(config.init_scale()),
      activation_(options.activation),
      first_(fields_ * dim_, options.widths[0]),
      rest_(std::move(options)) {}

std::vector<v1::TableSpec> DeepPart::Tables() const {
  std::vector<v1::TableSpec> tables = {
      SparseTable("embeddings", static_cast<int>(dim_), v1::Optimizer::ADAGRAD)};
  tables[0].set_initial_scale(init_scale_);
  const LayerShape first = {.inputs = first_.inputs(),
                            .outputs = static_cast<uint32_t>(first_.outputs())};
  for (v1::TableSpec& table : LayerTables(first, activation_)) tables.push_back(std::move(table));
  for (v1::TableSpec& table : rest_.Tables()) tables.push_back(std::move(table));
  return tables;
}

void DeepPart::Pool(const Batch& batch, absl::Span<const absl::Span<const float>> parameters) {
  PoolFields(batch, parameters[0], dim_, fields_, &pooled_);
  first_.Forward(pooled_, parameters.subspan(kFirst, 2), rest_.input());
}

void DeepPart::Forward(const Batch& batch, absl::Span<const absl::Span<const float>> parameters,
                       std::vector<float>* z) {
  Pool(batch, parameters);
  rest_.Forward(parameters.subspan(kRest), z);
}

void DeepPart::ForwardTraining(const Batch& batch,
                               absl::Span<const absl::Span<const float>> parameters,
                               std::vector<float>* z) {
  Pool(batch, parameters);
  rest_.ForwardTraining(batch, parameters.subspan(kRest), z);
}

absl::Span<float> DeepPart::BackwardLayers(absl::Span<const float> d,
                                           absl::Span<const absl::Span<const float>> parameters,
                                           absl::Span<const absl::Span<float>> gradients) {
  d = rest_.Backward(d, parameters.subspan(kRest), gradients.subspan(kRest));
  first_.Backward(pooled_, d, gradients.subspan(kFirst, 2));
  first_.BackwardInputs(d, parameters[kFirst], &d_pooled_);
  return absl::MakeSpan(d_pooled_);
}

void DeepPart::BackwardEmbeddings(const Batch& batch, absl::Span<float> gradient) const {
  UnpoolFields(batch, d_pooled_, dim_, fields_, gradient);
}

}  // namespace paramd
