#pragma once

#include <cstdint>
#include <string>

#include "deploy/paramctl/local_cluster.h"

namespace paramd {

// How a run ended, as one line of JSON:
//   {"state":"Succeeded","servers":2,"workers":2,"examples":800,"seconds":4.0,
//    "examples_per_second":200.0,"eval":{"auc":0.9,"logloss":0.3,"accuracy":0.85},"model":"/m"}
// eval holds the last evaluation (with rmse when there is one) or is null; figures that are not
// numbers are null. A run that failed has state "Failed" and a "message". Pure.
std::string RunResultJson(const LocalCluster::Outcome& outcome, uint32_t servers, uint32_t workers);

// The same for a person, with the status of the cluster at its end. Pure.
std::string RunResultText(const LocalCluster::Outcome& outcome);

}  // namespace paramd
