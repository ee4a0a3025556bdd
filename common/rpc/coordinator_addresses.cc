#include "common/rpc/coordinator_addresses.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/config/value.h"

namespace paramd {
namespace {

constexpr absl::string_view kStandsBy = "this coordinator stands by; ";
constexpr absl::string_view kLeads = " leads";

// host:port of the one that leads; empty: `status` names none.
std::string LeaderNamedIn(const absl::Status& status) {
  absl::string_view text = status.message();
  if (!absl::IsUnavailable(status) || !absl::ConsumePrefix(&text, kStandsBy) ||
      !absl::ConsumeSuffix(&text, kLeads)) {
    return "";
  }
  return IsHostPort(text) ? std::string(text) : "";
}

}  // namespace

absl::Status StandingBy(absl::string_view leader, absl::string_view problem) {
  if (!leader.empty()) return absl::UnavailableError(absl::StrCat(kStandsBy, leader, kLeads));
  return absl::UnavailableError(
      absl::StrCat(kStandsBy, "nobody is known to lead", problem.empty() ? "" : ": ", problem));
}

bool IsStandingBy(const absl::Status& status) {
  return absl::IsUnavailable(status) && absl::StartsWith(status.message(), kStandsBy);
}

absl::StatusOr<CoordinatorAddresses> CoordinatorAddresses::Parse(absl::string_view list) {
  std::vector<std::string> addresses = absl::StrSplit(list, ',');
  for (const std::string& address : addresses) {
    if (IsHostPort(address)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--coordinator wants host:port, or several with commas between them, not \"", list, "\""));
  }
  return CoordinatorAddresses(std::move(addresses));
}

bool CoordinatorAddresses::Next(const absl::Status& why) {
  const std::string before = current();
  const std::string leader = LeaderNamedIn(why);
  const auto listed = std::find(list_.begin(), list_.end(), leader);
  if (listed != list_.end()) {
    named_.clear();
    at_ = static_cast<size_t>(listed - list_.begin());
  } else if (!leader.empty() && leader != before) {
    named_ = leader;
  } else {
    named_.clear();
    at_ = (at_ + 1) % list_.size();
  }
  return current() != before;
}

absl::Status AskLeader(CoordinatorAddresses& addresses,
                       const std::function<absl::Status(const std::string& address)>& ask) {
  absl::Status status;
  for (size_t attempt = 0; attempt <= addresses.size(); ++attempt) {
    status = ask(addresses.current());
    if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) return status;
    if (!addresses.Next(status)) return status;
  }
  return status;
}

}  // namespace paramd
