#pragma once

#include <cstddef>

#include "worker/data/line_parser.h"

namespace paramd {

// Plain text, a sentence a line: its words, which are what white space separates, are the features
// of a row in their order, a word that comes again among them. The key of a word is the XXH3 of its
// bytes (worker/data/feature_key.h), its value 1; the label is 0. What follows the first 1000 words
// of a sentence is cut off, as in word2vec.
class TextParser final : public LineParser {
 public:
  static constexpr size_t kMaxWords = 1000;

  bool IsRecord(absl::string_view line) const override;
  absl::Status Parse(absl::string_view line, BatchBuilder* rows) override;
};

}  // namespace paramd
