#pragma once

#include "common/config/errors.h"
#include "common/config/origin.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

// What single settings cannot tell: rules between settings and the syntax of names and addresses.
// Settings without an origin have no good value and take part in no rule.
void CheckConfig(const v1::Config& config, const Origins& origins, ConfigErrors& errors);

}  // namespace paramd
