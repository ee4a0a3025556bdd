#include "common/config/errors.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace paramd {
namespace {

constexpr size_t kMaxErrors = 1000;

}  // namespace

void ConfigErrors::Add(const Origin& origin, absl::string_view path, absl::string_view message) {
  if (errors_.size() == kMaxErrors) {
    ++left_out_;
    return;
  }
  errors_.push_back({origin, absl::StrCat(path, path.empty() ? "" : ": ", message)});
}

absl::Status ConfigErrors::ToStatus(absl::string_view file) const {
  if (errors_.empty()) return absl::OkStatus();
  std::vector<const Error*> sorted;
  for (const Error& error : errors_) sorted.push_back(&error);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Error* a, const Error* b) {
    return std::tie(a->origin.kind, a->origin.line, a->origin.column) <
           std::tie(b->origin.kind, b->origin.line, b->origin.column);
  });
  std::string lines;
  for (const Error* error : sorted) {
    absl::StrAppend(&lines, lines.empty() ? "" : "\n", Describe(error->origin, file), ": ",
                    error->text);
  }
  if (left_out_ > 0) absl::StrAppend(&lines, "\n... and ", left_out_, " more errors");
  return absl::InvalidArgumentError(lines);
}

}  // namespace paramd
