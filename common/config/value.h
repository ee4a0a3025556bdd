#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

// How single values are spelled. Every parser takes the whole of `text` or returns INVALID_ARGUMENT
// with what it wants instead; every Spell function's result parses to the same value.

// A whole number in decimal: "0", "64".
absl::StatusOr<uint64_t> ParseCount(absl::string_view text);

// A finite decimal number: "0.05", "-1", "1e-8".
absl::StatusOr<double> ParseNumber(absl::string_view text);
std::string SpellNumber(double value);

// "true" or "false".
absl::StatusOr<bool> ParseBool(absl::string_view text);

// A whole number and a unit: "512B", "64KiB", "16MiB", "1GiB".
absl::StatusOr<uint64_t> ParseBytes(absl::string_view text);
std::string SpellBytes(uint64_t bytes);

// A whole number and a unit: "500ms", "3s", "2m", "1h".
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);
// `duration`: of whole milliseconds.
std::string SpellDuration(absl::Duration duration);

// "2", or "2:16" with the first not above the second.
absl::StatusOr<v1::WorkerCount> ParseWorkerCount(absl::string_view text);
std::string SpellWorkerCount(const v1::WorkerCount& count);

// "4", or "auto".
absl::StatusOr<v1::Staleness> ParseStaleness(absl::string_view text);
std::string SpellStaleness(const v1::Staleness& staleness);

// `text` as a YAML scalar that is read as a string: plain where that is safe, otherwise in double
// quotes.
std::string SpellString(absl::string_view text);

// Whether `text` is host:port, the host a name, an IPv4 address or an IPv6 address in brackets.
bool IsHostPort(absl::string_view text);

}  // namespace paramd
