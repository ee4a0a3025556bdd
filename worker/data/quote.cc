#include "worker/data/quote.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace paramd {

std::string Quote(absl::string_view text) {
  constexpr size_t kMaxBytes = 40;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxBytes)),
                      text.size() > kMaxBytes ? "...\"" : "\"");
}

}  // namespace paramd
