#include "common/base/failpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/exit_code.h"
#include "common/base/file_error.h"

namespace paramd {
namespace {

using Kind = FailpointAction::Kind;

constexpr char kVariable[] = "PARAMD_FAILPOINTS";
constexpr char kActions[] = "abort[:N], error[:N[:ERRNO]], stall:PATH or off";

// By name. Made when the first failpoint registers itself, and never destroyed: threads may hit
// failpoints until the process ends.
std::map<std::string, Failpoint*>& Registry() {
  static auto* const registry = new std::map<std::string, Failpoint*>;
  return *registry;
}

// What disks and networks answer.
std::optional<int> ErrorNamed(absl::string_view name) {
  static const std::pair<absl::string_view, int> kErrors[] = {
      {"EIO", EIO},     {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EFBIG", EFBIG},
      {"EROFS", EROFS}, {"EACCES", EACCES}, {"ENOENT", ENOENT}, {"ETIMEDOUT", ETIMEDOUT}};
  for (const auto& [known, error] : kErrors) {
    if (name == known) return error;
  }
  return std::nullopt;
}

// Seen by whoever waits for the place to be reached, and by whoever reads the log.
void Announce(absl::string_view name, absl::string_view what) {
  const std::string line = absl::StrCat("failpoint ", name, ": ", what, "\n");
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

void StallUntilThereIs(const std::string& path) {
  const int reached = open((path + ".reached").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (reached >= 0) close(reached);
  while (access(path.c_str(), F_OK) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

// "abort:2" and the like.
std::optional<FailpointAction> Parse(absl::string_view text) {
  if (text == "off") return FailpointAction{};
  if (absl::ConsumePrefix(&text, "stall:")) {
    if (text.empty()) return std::nullopt;
    return FailpointAction{.kind = Kind::kStall, .path = std::string(text)};
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  FailpointAction action;
  if (parts[0] == "abort" && parts.size() <= 2) {
    action.kind = Kind::kAbort;
  } else if (parts[0] == "error" && parts.size() <= 3) {
    action.kind = Kind::kError;
  } else {
    return std::nullopt;
  }
  if (parts.size() >= 2 && (!absl::SimpleAtoi(parts[1], &action.hits) || action.hits == 0)) {
    return std::nullopt;
  }
  const std::optional<int> error = ErrorNamed(parts.size() == 3 ? parts[2] : "EIO");
  if (!error.has_value()) return std::nullopt;
  action.error = *error;
  return action;
}

}  // namespace

// ---- one failpoint

Failpoint::Failpoint(const char* name) : name_(name) { Registry().emplace(name, this); }

void Failpoint::Set(FailpointAction action) {
  MutexLock lock(mutex_);
  action_ = std::move(action);
}

FailpointAction Failpoint::Take() {
  MutexLock lock(mutex_);
  const FailpointAction action = action_;
  const bool counts = action.kind == Kind::kAbort || action.kind == Kind::kError;
  if (!counts) return action;
  const bool last = --action_.hits == 0;
  if (last) action_ = {};
  return action.kind == Kind::kError || last ? action : FailpointAction();
}

absl::Status Failpoint::Hit() {
  const FailpointAction action = Take();
  switch (action.kind) {
    case Kind::kOff:
      return absl::OkStatus();
    case Kind::kAbort:
      Announce(name_, "abort");
      std::abort();
    case Kind::kStall:
      Announce(name_, "stall");
      StallUntilThereIs(action.path);
      return absl::OkStatus();
    case Kind::kError:
      Announce(name_, "error");
      return FileError(action.error, "failpoint", name_);
  }
  return absl::OkStatus();
}

// ---- all of them

std::vector<std::string> FailpointNames() {
  std::vector<std::string> names;
  for (const auto& [name, failpoint] : Registry()) names.push_back(name);
  return names;
}

absl::Status SetFailpoints(absl::string_view settings) {
  std::map<std::string, FailpointAction> actions;
  for (const absl::string_view setting : absl::StrSplit(settings, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(setting, absl::MaxSplits('=', 1));
    const auto& [name, text] = parts;
    if (Registry().count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(kVariable, ": this program has no failpoint \"", name, "\"; it has ",
                       absl::StrJoin(FailpointNames(), ", ")));
    }
    const std::optional<FailpointAction> action = Parse(text);
    if (!action.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(kVariable, ": ", name, " cannot be \"", text, "\"; it can be ", kActions));
    }
    actions[name] = *action;
  }
  for (const auto& [name, failpoint] : Registry()) {
    const auto action = actions.find(name);
    failpoint->Set(action == actions.end() ? FailpointAction{} : action->second);
  }
  failpoints_are_set = !actions.empty();
  return absl::OkStatus();
}

std::optional<int> FailpointsExitCode() {
  const char* const settings = std::getenv(kVariable);
  if (settings == nullptr) return std::nullopt;
  if (absl::string_view(settings) == "list") {
    for (const std::string& name : FailpointNames()) std::printf("%s\n", name.c_str());
    return kExitDone;
  }
  const absl::Status status = SetFailpoints(settings);
  if (status.ok()) return std::nullopt;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return kExitBadConfig;
}

}  // namespace paramd
