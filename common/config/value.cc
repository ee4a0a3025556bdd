#include "common/config/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

template <typename T>
struct Unit {
  absl::string_view suffix;
  T size;
};

// Largest first.
constexpr Unit<uint64_t> kByteUnits[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};
// In milliseconds, largest first; "ms" before the shorter suffixes it ends with.
constexpr Unit<uint64_t> kTimeUnits[] = {{"ms", 1}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}};

absl::Status Wants(absl::string_view what, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("wants ", what, ", not \"", text, "\""));
}

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

bool ConsumeDigits(absl::string_view& text) {
  const size_t before = text.size();
  while (!text.empty() && absl::ascii_isdigit(text.front())) text.remove_prefix(1);
  return text.size() < before;
}

// [sign] digits [. digits] [e [sign] digits]: neither hexadecimal nor a word.
bool IsPlainNumber(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "-")) absl::ConsumePrefix(&text, "+");
  if (!ConsumeDigits(text)) return false;
  if (absl::ConsumePrefix(&text, ".") && !ConsumeDigits(text)) return false;
  if (absl::ConsumePrefix(&text, "e") || absl::ConsumePrefix(&text, "E")) {
    if (!absl::ConsumePrefix(&text, "-")) absl::ConsumePrefix(&text, "+");
    if (!ConsumeDigits(text)) return false;
  }
  return text.empty();
}

// The whole number and unit of `text` in the smallest unit; false when malformed or too large.
bool ParseWithUnit(absl::string_view text, absl::Span<const Unit<uint64_t>> units,
                   uint64_t& value) {
  for (const Unit<uint64_t>& unit : units) {
    absl::string_view digits = text;
    uint64_t count = 0;
    if (!absl::ConsumeSuffix(&digits, unit.suffix)) continue;
    if (!IsDigits(digits) || !absl::SimpleAtoi(digits, &count) ||
        count > std::numeric_limits<uint64_t>::max() / unit.size) {
      return false;
    }
    value = count * unit.size;
    return true;
  }
  return false;
}

// A word that YAML reads as something else than a string.
bool IsYamlWord(absl::string_view text) {
  for (const absl::string_view word : {"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
    if (absl::EqualsIgnoreCase(text, word)) return true;
  return false;
}

bool IsPlainString(absl::string_view text) {
  if (text.empty() || IsYamlWord(text)) return false;
  if (!absl::ascii_isalpha(text.front()) && text.front() != '/') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("/._-", absl::string_view(&c, 1));
  });
}

}  // namespace

absl::StatusOr<uint64_t> ParseCount(absl::string_view text) {
  uint64_t value = 0;
  if (!IsDigits(text)) return Wants("a whole number", text);
  if (!absl::SimpleAtoi(text, &value)) {
    return absl::InvalidArgumentError(absl::StrCat(text, " is too large"));
  }
  return value;
}

absl::StatusOr<double> ParseNumber(absl::string_view text) {
  double value = 0;
  if (!IsPlainNumber(text) || !absl::SimpleAtod(text, &value)) return Wants("a number", text);
  if (!std::isfinite(value)) return absl::InvalidArgumentError(absl::StrCat(text, " is too large"));
  return value;
}

std::string SpellNumber(double value) {
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}

absl::StatusOr<bool> ParseBool(absl::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return Wants("true or false", text);
}

absl::StatusOr<uint64_t> ParseBytes(absl::string_view text) {
  uint64_t bytes = 0;
  if (ParseWithUnit(text, kByteUnits, bytes)) return bytes;
  return Wants("a size such as 512B, 64KiB, 16MiB or 1GiB", text);
}

std::string SpellBytes(uint64_t bytes) {
  for (const auto& [suffix, size] : kByteUnits)
    if (bytes % size == 0 && bytes > 0) return absl::StrCat(bytes / size, suffix);
  return "0B";
}

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  // Far from absl::Duration's and int64_t's own bounds.
  constexpr uint64_t kMaxMilliseconds = uint64_t{1} << 52;
  uint64_t milliseconds = 0;
  if (ParseWithUnit(text, kTimeUnits, milliseconds) && milliseconds <= kMaxMilliseconds) {
    return absl::Milliseconds(static_cast<int64_t>(milliseconds));
  }
  return Wants("a time such as 500ms, 3s, 2m or 1h", text);
}

std::string SpellDuration(absl::Duration duration) {
  const int64_t milliseconds = absl::ToInt64Milliseconds(duration);
  if (milliseconds % 3'600'000 == 0 && milliseconds > 0) {
    return absl::StrCat(milliseconds / 3'600'000, "h");
  }
  if (milliseconds % 60'000 == 0 && milliseconds > 0) {
    return absl::StrCat(milliseconds / 60'000, "m");
  }
  if (milliseconds % 1000 == 0) return absl::StrCat(milliseconds / 1000, "s");
  return absl::StrCat(milliseconds, "ms");
}

absl::StatusOr<v1::WorkerCount> ParseWorkerCount(absl::string_view text) {
  constexpr absl::string_view kWanted = "a count such as 2, or \"2:16\"";
  const size_t colon = text.find(':');
  const absl::string_view low = text.substr(0, colon);
  const absl::string_view high = colon == absl::string_view::npos ? low : text.substr(colon + 1);
  uint32_t min = 0, max = 0;
  if (!IsDigits(low) || !IsDigits(high) || !absl::SimpleAtoi(low, &min) ||
      !absl::SimpleAtoi(high, &max)) {
    return Wants(kWanted, text);
  }
  if (min > max) {
    return absl::InvalidArgumentError(
        absl::StrCat("starts with more workers (", min, ") than it accepts (", max, ")"));
  }
  v1::WorkerCount count;
  count.set_min(min);
  count.set_max(max);
  return count;
}

std::string SpellWorkerCount(const v1::WorkerCount& count) {
  if (count.min() == count.max()) return absl::StrCat(count.min());
  return absl::StrCat("\"", count.min(), ":", count.max(), "\"");
}

// Of "auto".
constexpr uint32_t kFirstStaleness = 4;

absl::StatusOr<v1::Staleness> ParseStaleness(absl::string_view text) {
  v1::Staleness staleness;
  uint32_t steps = 0;
  if (text == "auto") {
    staleness.set_auto_(true);
    staleness.set_steps(kFirstStaleness);
  } else if (IsDigits(text) && absl::SimpleAtoi(text, &steps)) {
    staleness.set_steps(steps);
  } else {
    return Wants("a number of steps, or auto", text);
  }
  return staleness;
}

std::string SpellStaleness(const v1::Staleness& staleness) {
  return staleness.auto_() ? "auto" : absl::StrCat(staleness.steps());
}

std::string SpellString(absl::string_view text) {
  if (IsPlainString(text)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&quoted, "\\", absl::string_view(&c, 1));
    } else if (absl::ascii_iscntrl(c)) {
      absl::StrAppendFormat(&quoted, "\\x%02x", c);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

bool IsHostPort(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return false;
  absl::string_view host = text.substr(0, colon);
  const absl::string_view port = text.substr(colon + 1);
  uint32_t number = 0;
  if (!IsDigits(port) || !absl::SimpleAtoi(port, &number) || number > 65535) return false;
  const bool bracketed = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  const absl::string_view extra = bracketed ? ":" : "-_";
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](char c) {
    return absl::ascii_isalnum(c) || c == '.' || absl::StrContains(extra, absl::string_view(&c, 1));
  });
}

}  // namespace paramd
