#pragma once

#include <cstdint>
#include <utility>

#include "worker/data/feature_text.h"
#include "worker/data/label_reader.h"
#include "worker/data/line_parser.h"

namespace paramd {

// The sparse text format of LIBFFM (Juan et al. 2016):
//   label field:index:value field:index:value ...   # comment
// as LIBSVM's with a field, below `fields`, before each index. Features may be in any order and
// may come twice, as they do where indices were hashed.
class LibffmParser final : public LineParser {
 public:
  explicit LibffmParser(uint32_t fields, LabelReader labels = {})
      : fields_(fields), labels_(std::move(labels)) {}

  bool IsRecord(absl::string_view line) const override;
  absl::Status Parse(absl::string_view line, BatchBuilder* rows) override;

 private:
  // Takes the feature at `p` when it is written in the ordinary way. Returns where it ends; nullptr
  // when it takes ParseField to tell what it is.
  const char* TakeField(const char* p, const char* end, uint64_t* field, Feature* feature) const;
  // Parses the whole of `text` as field:index:value. INVALID_ARGUMENT, saying what is wrong.
  absl::Status ParseField(absl::string_view text, uint64_t* field, Feature* feature) const;

  const uint32_t fields_;
  const LabelReader labels_;
};

}  // namespace paramd
