#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/config/yaml_tree.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

// Where relative paths are taken from; absolute folders.
struct PathBases {
  std::string file;     // of defaults and of values in the file
  std::string process;  // of values in the environment and in flags
};

// Sets `field` of `message` (of a repeated field: a new element) to what the scalar `node` spells.
// INVALID_ARGUMENT, with `message` as it was: not a value of the field's type, or out of its range.
absl::Status SetScalar(const YamlNode& node, const google::protobuf::FieldDescriptor& field,
                       const PathBases& bases, google::protobuf::Message& message);

// OK when `length` is within (setting).min and max of a string or list.
absl::Status CheckLength(size_t length, const v1::Setting& setting, absl::string_view what);

}  // namespace paramd
