#pragma once

#include "paramd/v1/config.pb.h"

namespace paramd {

// Whether the workers share the training files by stripes of batches (v1::Data.assignment). Pure.
bool UsesStripes(const v1::Config& config);

}  // namespace paramd
