#include "common/base/cut_at_lines.h"

#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

// The first line start at or after `offset`: right behind a newline, or the end of the file.
absl::StatusOr<uint64_t> NextLineStart(const std::string& path, uint64_t offset, uint64_t size) {
  constexpr uint64_t kStep = 64 << 10;
  for (uint64_t at = offset - 1; at < size; at += kStep) {
    ASSIGN_OR_RETURN(const std::string bytes, ReadFileRange(path, at, kStep));
    const size_t newline = bytes.find('\n');
    if (newline != std::string::npos) return at + newline + 1;
    if (bytes.size() < kStep) break;
  }
  return size;
}

}  // namespace

std::vector<uint64_t> EqualCuts(uint64_t size, uint64_t parts) {
  std::vector<uint64_t> cuts;
  for (uint64_t part = 1; part < parts; ++part) {
    const auto cut = static_cast<uint64_t>(static_cast<unsigned __int128>(size) * part / parts);
    if (cut > (cuts.empty() ? 0 : cuts.back())) cuts.push_back(cut);
  }
  return cuts;
}

absl::StatusOr<std::vector<uint64_t>> CutAtLines(const std::string& path, uint64_t size,
                                                 uint64_t parts) {
  std::vector<uint64_t> bounds = {0};
  for (const uint64_t cut : EqualCuts(size, parts)) {
    ASSIGN_OR_RETURN(const uint64_t start, NextLineStart(path, cut, size));
    bounds.push_back(start);
  }
  bounds.push_back(size);
  return bounds;
}

}  // namespace paramd
