#include "common/model_file/table_specs.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace paramd {
namespace {

std::string Shape(const v1::TableSpec& spec) {
  return spec.kind() == v1::TableSpec::SPARSE
             ? absl::StrCat("sparse with rows of ", spec.dim())
             : absl::StrCat("dense with ", spec.rows(), " rows of ", spec.dim());
}

const v1::TableSpec* Find(absl::Span<const v1::TableSpec> specs, const std::string& name) {
  const auto found = std::find_if(specs.begin(), specs.end(),
                                  [&](const v1::TableSpec& spec) { return spec.name() == name; });
  return found == specs.end() ? nullptr : &*found;
}

}  // namespace

std::vector<v1::TableSpec> TableSpecs(const ModelFile& model) {
  std::vector<v1::TableSpec> specs;
  for (const ModelTable& table : model.tables) {
    v1::TableSpec& spec = specs.emplace_back();
    spec.set_name(table.name);
    spec.set_kind(table.sparse ? v1::TableSpec::SPARSE : v1::TableSpec::DENSE);
    spec.set_rows(table.sparse ? 0 : table.rows());
    spec.set_dim(table.dim);
  }
  return specs;
}

absl::Status CheckTables(absl::Span<const v1::TableSpec> saved,
                         absl::Span<const v1::TableSpec> needed, const std::string& file) {
  const auto invalid = [&](const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": ", what...));
  };
  for (const v1::TableSpec& spec : needed) {
    const v1::TableSpec* const table = Find(saved, spec.name());
    if (table == nullptr) return invalid("there is no table \"", spec.name(), "\"");
    if (Shape(*table) == Shape(spec)) continue;
    return invalid("table \"", spec.name(), "\" is ", Shape(*table), " values, the model needs ",
                   Shape(spec));
  }
  for (const v1::TableSpec& spec : saved) {
    if (Find(needed, spec.name()) == nullptr) {
      return invalid("the model has no table \"", spec.name(), "\"");
    }
  }
  return absl::OkStatus();
}

}  // namespace paramd
