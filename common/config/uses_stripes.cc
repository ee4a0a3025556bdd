#include "common/config/uses_stripes.h"

#include <algorithm>

namespace paramd {

bool UsesStripes(const v1::Config& config) {
  if (config.data().assignment() != v1::Data::AUTO) {
    return config.data().assignment() == v1::Data::STRIPES;
  }
  // With backup workers the examples of a step are open anyway, and slow workers should not have as
  // many as the others.
  const auto wants_stripes = [](const v1::Consistency& consistency) {
    return consistency.mode() == v1::Consistency::BSP && consistency.backup_workers() == 0;
  };
  return wants_stripes(config.consistency()) ||
         std::any_of(config.tables().begin(), config.tables().end(),
                     [&](const v1::Table& table) { return wants_stripes(table.consistency()); });
}

}  // namespace paramd
