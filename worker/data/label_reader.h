#pragma once

#include <google/protobuf/repeated_field.h>

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

// What the labels in files stand for. Immutable, hence thread-safe.
class LabelReader {
 public:
  // Labels are numbers.
  LabelReader() = default;
  // A label whose text is one of `names` stands for that name's number; others are numbers.
  explicit LabelReader(const google::protobuf::RepeatedPtrField<v1::LabelName>& names);

  // False when `text` is neither named nor a finite number.
  bool Read(absl::string_view text, float* label) const;

  // What is wrong with a `text` that Read does not take.
  std::string Explain(absl::string_view text) const;

 private:
  absl::flat_hash_map<std::string, float> names_;
};

}  // namespace paramd
