#include "common/config/origin.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace paramd {
namespace {

std::string OneLine(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), absl::ascii_iscntrl) ? absl::CHexEscape(text)
                                                                    : std::string(text);
}

}  // namespace

std::string Describe(const Origin& origin, absl::string_view file) {
  switch (origin.kind) {
    case Origin::kDefault:
      return "default";
    case Origin::kFile:
      return absl::StrCat(OneLine(file), ":", origin.line, ":", origin.column);
    case Origin::kEnvironment:
      return absl::StrCat("environment ", OneLine(origin.name));
    case Origin::kFlag:
      return OneLine(origin.name);
  }
  return "";
}

}  // namespace paramd
