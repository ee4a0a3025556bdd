#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/config/errors.h"
#include "common/config/origin.h"

namespace paramd {

// A YAML document with the place of every part of it. Aliases are expanded.
struct YamlNode {
  enum Kind { kNull, kScalar, kList, kMap };

  struct Key {
    std::string text;
    Origin origin;
  };

  // Value of a key of a map; nullptr when there is none.
  const YamlNode* Find(absl::string_view key) const;
  YamlNode* Find(absl::string_view key);
  // Adds a key that the map does not have.
  YamlNode& Add(const Key& key);

  Kind kind = kNull;
  bool quoted = false;  // kScalar: written in quotes or as a block
  std::string text;     // kScalar
  Origin origin;
  std::vector<Key> keys;        // kMap: unique
  std::vector<YamlNode> items;  // kList: elements; kMap: values, in the order of keys
};

// Reads one YAML document; an empty one is a null node. `origin`: of the text; when it is a file,
// the nodes get its lines and columns. What this program does not take, although YAML has it, is an
// error: duplicate keys, keys that are not words, merge keys, tags, several documents, tabs,
// control characters, text that is not UTF-8, more than 1 MiB, more than 32 levels, more than
// 10,000 nodes out of aliases. nullopt when there is nothing to go on with; then `errors` says why.
// Never throws.
std::optional<YamlNode> ParseYaml(absl::string_view text, const Origin& origin,
                                  ConfigErrors& errors);

}  // namespace paramd
