#pragma once

#include "common/model_file/model_file.h"

namespace paramd {

// Sets the values of a table that are smallest in magnitude to zero: `fraction` (0 to 1) of them,
// rounded down. `drop_empty_rows`: rows of a sparse table that are all zero go. Pure.
void Prune(double fraction, bool drop_empty_rows, ModelTable* table);

}  // namespace paramd
