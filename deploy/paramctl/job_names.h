#pragma once

#include <string>

#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// For people and scripts: "Created", "Running", "Succeeded", "Failed".
std::string JobStateName(v1::JobState state);

// For people: "waiting for members", "training", "evaluating", "saving", "done".
std::string JobPhaseName(v1::JobPhase phase);

}  // namespace paramd
