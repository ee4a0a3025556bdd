#include "tests/testing/fault_proxy/command.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

using Kind = ProxyCommand::Kind;

struct Form {
  absl::string_view name;
  Kind kind;
  bool has_way;
  // Words after the way.
  size_t least_words, most_words;
};
constexpr Form kForms[] = {
    {"delay", Kind::kDelay, true, 1, 2},
    {"throttle", Kind::kThrottle, true, 1, 1},
    {"cut", Kind::kCut, true, 0, 0},
    {"swallow", Kind::kSwallow, true, 0, 1},
    {"reset_after", Kind::kResetAfter, true, 1, 1},
    {"half_close", Kind::kHalfClose, true, 0, 0},
    {"reset", Kind::kReset, false, 0, 0},
    {"refuse", Kind::kRefuse, false, 0, 0},
    {"heal", Kind::kHeal, false, 0, 0},
    {"to", Kind::kTo, false, 1, 1},
    {"stats", Kind::kStats, false, 0, 0},
};

absl::Status BadWord(absl::string_view word, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("\"", word, "\" is not ", wanted));
}

absl::Status ReadWay(absl::string_view word, ProxyCommand* command) {
  command->up = word == "up" || word == "both";
  command->down = word == "down" || word == "both";
  return command->up || command->down ? absl::OkStatus() : BadWord(word, "up, down or both");
}

absl::Status ReadWords(absl::Span<const absl::string_view> words, ProxyCommand* command) {
  if (command->kind == Kind::kTo) {
    command->target = std::string(words[0]);
    return absl::OkStatus();
  }
  if (command->kind == Kind::kDelay) {
    absl::Duration* const durations[] = {&command->delay, &command->jitter};
    for (size_t i = 0; i < words.size(); ++i) {
      const bool ok = absl::ParseDuration(words[i], durations[i]);
      if (!ok || *durations[i] < absl::ZeroDuration()) return BadWord(words[i], "a duration");
    }
    return absl::OkStatus();
  }
  if (words.empty()) return absl::OkStatus();
  uint64_t bytes = 0;
  if (!absl::SimpleAtoi(words[0], &bytes) || bytes == 0) return BadWord(words[0], "bytes");
  command->bytes = bytes;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ProxyCommand> ParseProxyCommand(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  for (const Form& form : kForms) {
    if (words.empty() || words[0] != form.name) continue;
    absl::Span<const absl::string_view> rest = absl::MakeConstSpan(words).subspan(1);
    ProxyCommand command = {.kind = form.kind};
    if (form.has_way) {
      if (rest.empty()) return BadWord("", "up, down or both");
      RETURN_IF_ERROR(ReadWay(rest[0], &command));
      rest.remove_prefix(1);
    }
    if (rest.size() < form.least_words || rest.size() > form.most_words) {
      return absl::InvalidArgumentError(absl::StrCat(form.name, " takes other arguments"));
    }
    RETURN_IF_ERROR(ReadWords(rest, &command));
    return command;
  }
  return BadWord(line, "a command");
}

}  // namespace paramd
