#pragma once

#include <string>

#include "paramd/v1/status.pb.h"

namespace paramd {

// The observed staleness of a table on a line, by where its buckets begin:
//   "weights: pushes 0: 91 %, 1: 9 %; pulls 1: 80 %, 2: 20 %"
// Empty: nothing was pushed or pulled yet.
std::string FormatStaleness(const v1::TableStatus& table);

// "staleness 8 from 2.5 s on: workers waited 63 % of the time".
std::string FormatChoice(const v1::StalenessChoice& choice);

}  // namespace paramd
