#include "deploy/paramctl/staleness_line.h"

#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace paramd {
namespace {

using Counts = google::protobuf::RepeatedField<uint64_t>;

// "pushes 0: 91 %, 1: 9 %"; empty when there are none.
std::string Shares(absl::string_view what, const Counts& counts) {
  const uint64_t total = std::accumulate(counts.begin(), counts.end(), uint64_t{0});
  if (total == 0) return "";
  std::vector<std::string> shares;
  for (int i = 0; i < counts.size(); ++i) {
    if (counts.Get(i) == 0) continue;
    const uint64_t begin = i == 0 ? 0 : uint64_t{1} << (i - 1);
    const double share = static_cast<double>(counts.Get(i)) / static_cast<double>(total);
    shares.push_back(absl::StrFormat("%d: %.3g %%", begin, 100 * share));
  }
  return absl::StrCat(what, " ", absl::StrJoin(shares, ", "));
}

}  // namespace

std::string FormatStaleness(const v1::TableStatus& table) {
  std::vector<std::string> parts;
  for (const std::string& part :
       {Shares("pushes", table.push_staleness()), Shares("pulls", table.pull_staleness())}) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts.empty() ? "" : absl::StrCat(table.name(), ": ", absl::StrJoin(parts, "; "));
}

std::string FormatChoice(const v1::StalenessChoice& choice) {
  return absl::StrFormat("staleness %d from %.1f s on: %s", choice.steps(), choice.seconds(),
                         choice.reason());
}

}  // namespace paramd
