#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace paramd {

// Sends spdlog's default logger to stderr, one JSON object a line:
//   {"time":"2026-01-31T12:00:00.123Z","level":"info","program":"paramd_server","pid":42,"message":"..."}
// `level`: trace, debug, info, warning, error or off. Call once, at the start of main, before any
// thread logs; afterwards log with spdlog::info("member {} joined", name) and its siblings from any
// thread.
void InitLogging(absl::string_view program, const std::string& level = "info");

// `text` as the inside of a JSON string (RFC 8259, section 7). Bytes that are not UTF-8 are kept as
// they are.
std::string EscapeJson(absl::string_view text);

}  // namespace paramd
