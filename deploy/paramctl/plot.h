#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace paramd {

// A picture in SVG of the history of a run, as output.history holds it: loss, and the AUC (or else
// the accuracy, or the RMSE), against examples and against seconds. `file`: for messages. Pure.
// INVALID_ARGUMENT: "file:line: what is wrong", or nothing to draw.
absl::StatusOr<std::string> PlotHistory(absl::string_view text, const std::string& file);

// `paramctl plot`: writes the picture. `args` are the arguments behind "plot". Returns the exit
// code: 0, 1, 2 (usage) or 65 (the file is no history).
int RunPlot(absl::Span<const std::string> args);

}  // namespace paramd
