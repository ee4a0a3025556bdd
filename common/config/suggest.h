#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace paramd {

// `; did you mean "CANDIDATE"?` for the candidate nearest to `word` (the first of equals), or ""
// when none is near: more than a third of the letters would have to be inserted, removed, replaced
// or swapped with their neighbour. Case and '-' versus '_' do not count.
std::string DidYouMean(absl::string_view word, absl::Span<const std::string> candidates);

}  // namespace paramd
