#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace paramd {

// What a coordinator answers that does not lead: UNAVAILABLE. `leader`: host:port of the one that
// does; empty: it is not known. `problem`: why not, if that is known.
absl::Status StandingBy(absl::string_view leader, absl::string_view problem);
bool IsStandingBy(const absl::Status& status);

// The addresses at which a coordinator may lead, and which of them is tried next. Not thread-safe.
class CoordinatorAddresses {
 public:
  // Just `address`: host:port.
  explicit CoordinatorAddresses(std::string address) : list_({std::move(address)}) {}

  // `list`: "host:port" or several with commas between them. INVALID_ARGUMENT: something else.
  static absl::StatusOr<CoordinatorAddresses> Parse(absl::string_view list);

  const std::string& current() const { return named_.empty() ? list_[at_] : named_; }
  const std::vector<std::string>& list() const { return list_; }
  size_t size() const { return list_.size(); }

  // The current one answered `why`, or did not: on to the leader that it names, otherwise to the
  // next of the list. Whether that is another one than before.
  bool Next(const absl::Status& why);

 private:
  explicit CoordinatorAddresses(std::vector<std::string> list) : list_(std::move(list)) {}

  std::vector<std::string> list_;
  size_t at_ = 0;
  // A leader that is not in the list; empty: list_[at_] is current.
  std::string named_;
};

// Asks at the current address, and while that is out of reach or stands by at others, each of the
// list once and a leader that is named. The last answer.
absl::Status AskLeader(CoordinatorAddresses& addresses,
                       const std::function<absl::Status(const std::string& address)>& ask);

}  // namespace paramd
