#include "deploy/paramctl/text_table.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace paramd {
namespace {

// A figure, perhaps with its unit; not an address.
bool IsNumeric(const std::string& cell) {
  return cell == "-" || (!cell.empty() && absl::ascii_isdigit(cell.front()) &&
                         cell.find(':') == std::string::npos);
}

// Terminal columns of UTF-8 text, a character each.
size_t Width(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

}  // namespace

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  std::vector<bool> right;
  for (size_t i = 0; i < rows.size(); ++i) {
    widths.resize(std::max(widths.size(), rows[i].size()));
    right.resize(widths.size(), true);
    for (size_t j = 0; j < rows[i].size(); ++j) {
      widths[j] = std::max(widths[j], Width(rows[i][j]));
      if (i > 0 && !IsNumeric(rows[i][j])) right[j] = false;
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t j = 0; j < row.size(); ++j) {
      const std::string padding(widths[j] - Width(row[j]), ' ');
      absl::StrAppend(&line, j == 0 ? "" : "  ", right[j] ? padding : "", row[j],
                      right[j] ? "" : padding);
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return text;
}

std::string HumanBytes(double bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(units); ++unit) bytes /= 1024;
  return absl::StrFormat("%.*f %s", unit == 0 ? 0 : 1, bytes, units[unit]);
}

std::string HumanCount(double count) {
  if (std::isnan(count)) return "-";
  if (count < 9999.5) return absl::StrFormat("%.0f", count);
  if (count < 999950) return absl::StrFormat("%.1fk", count / 1e3);
  return absl::StrFormat("%.2fM", count / 1e6);
}

std::string HumanSeconds(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  if (seconds < 9.95) return absl::StrFormat("%.1f s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 60) return absl::StrFormat("%d s", whole);
  if (whole < 3600) return absl::StrFormat("%d m %d s", whole / 60, whole % 60);
  return absl::StrFormat("%d h %d m", whole / 3600, whole % 3600 / 60);
}

std::string HumanNumber(double value, int digits) {
  return std::isnan(value) ? "-" : absl::StrFormat("%.*f", digits, value);
}

}  // namespace paramd
