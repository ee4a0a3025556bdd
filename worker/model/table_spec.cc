#include "worker/model/table_spec.h"

#include <string>

#include "common/config/reader.h"

namespace paramd {

v1::TableSpec SparseTable(absl::string_view name, int dim, v1::Optimizer::Type optimizer) {
  v1::TableSpec spec;
  spec.set_name(std::string(name));
  spec.set_kind(v1::TableSpec::SPARSE);
  spec.set_dim(static_cast<uint32_t>(dim));
  *spec.mutable_optimizer() = DefaultOptimizer(optimizer);
  return spec;
}

v1::TableSpec DenseTable(absl::string_view name, uint64_t rows, int dim,
                         v1::Optimizer::Type optimizer) {
  v1::TableSpec spec = SparseTable(name, dim, optimizer);
  spec.set_kind(v1::TableSpec::DENSE);
  spec.set_rows(rows);
  return spec;
}

v1::TableSpec FeatureTable(const DatasetShape& shape, absl::string_view name, int dim,
                           v1::Optimizer::Type optimizer) {
  if (shape.sparse) return SparseTable(name, dim, optimizer);
  return DenseTable(name, static_cast<uint64_t>(shape.columns), dim, optimizer);
}

}  // namespace paramd
