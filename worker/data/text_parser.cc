#include "worker/data/text_parser.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "worker/data/feature_key.h"

namespace paramd {
namespace {

bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

}  // namespace

bool TextParser::IsRecord(absl::string_view line) const {
  return !std::all_of(line.begin(), line.end(), IsSpace);
}

absl::Status TextParser::Parse(absl::string_view line, BatchBuilder* rows) {
  const BatchBuilder::Row row = rows->StartRow(std::min(line.size() / 2 + 1, kMaxWords));
  size_t words = 0;
  auto p = line.begin();
  while (words < kMaxWords) {
    p = std::find_if_not(p, line.end(), IsSpace);
    if (p == line.end()) break;
    const auto end = std::find_if(p, line.end(), IsSpace);
    row.keys[words] = NameKey(line.substr(p - line.begin(), end - p));
    row.values[words] = 1;
    ++words;
    p = end;
  }
  rows->FinishRow(0, words);
  return absl::OkStatus();
}

}  // namespace paramd
