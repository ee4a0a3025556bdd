#pragma once

#include <string>

#include "paramd/v1/status.pb.h"

namespace paramd {

// The cluster as aligned tables for a person. Pure.
std::string FormatStatus(const v1::ClusterStatus& status);

// Whether a person should look: there are problems, the job failed, or a member is lost or
// disconnected.
bool IsDegraded(const v1::ClusterStatus& status);

// "AUC 0.9021, log loss 0.3241, accuracy 0.8497, RMSE 0.3200"; figures that are NaN are left out.
std::string FormatMetrics(const v1::Metrics& metrics);

}  // namespace paramd
