#pragma once

#include "absl/strings/string_view.h"
#include "common/config/errors.h"
#include "common/config/origin.h"
#include "common/config/yaml_tree.h"

namespace paramd {

// Puts one value, `text` in YAML (of a string: as it is, unless in quotes), over what `root` (a
// mapping, or null) has at `path`. Parts of a path are separated by dots: keys, and for lists the
// index or, of a list of tables, the name; an index one past the end or a new name adds an element.
// `origin`: kEnvironment or kFlag; names in the environment are taken in any case. Unknown parts
// and bad YAML are added to `errors`, and then `root` stays as it was.
void ApplyOverride(absl::string_view path, absl::string_view text, const Origin& origin,
                   YamlNode& root, ConfigErrors& errors);

}  // namespace paramd
