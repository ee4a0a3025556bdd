#include "server/model_loader.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model_file/model_file.h"
#include "common/model_file/table_specs.h"

namespace paramd {

absl::Status LoadModel(const std::string& path, const v1::ShardMap& map, Engine& engine) {
  ASSIGN_OR_RETURN(const ModelFile model, ReadModelFile(path));
  std::vector<v1::TableSpec> specs;
  for (const v1::TablePlacement& table : map.tables()) specs.push_back(table.spec());
  RETURN_IF_ERROR(CheckTables(TableSpecs(model), specs, path));
  for (const ModelTable& table : model.tables) {
    if (!std::all_of(table.values.begin(), table.values.end(),
                     [](float value) { return std::isfinite(value); })) {
      return absl::DataLossError(
          absl::StrCat(path, ": table \"", table.name, "\" has a value that is not finite"));
    }
    const auto spec = std::find_if(specs.begin(), specs.end(),
                                   [&](const v1::TableSpec& s) { return s.name() == table.name; });
    engine.LoadTable(static_cast<uint32_t>(spec - specs.begin()), table.keys, table.values);
  }
  return absl::OkStatus();
}

}  // namespace paramd
