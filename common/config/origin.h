#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace paramd {

// Where the value of a setting came from.
struct Origin {
  // A later kind takes precedence over an earlier one.
  enum Kind { kDefault, kFile, kEnvironment, kFlag };

  Kind kind = kDefault;
  int line = 0;      // kFile: from 1
  int column = 0;    // kFile: in bytes, from 1
  std::string name;  // kEnvironment: the variable; kFlag: the flag as given
};

// Origins by dotted path ("cluster.servers", "data.train.0", "tables.1.optimizer.type").
using Origins = std::map<std::string, Origin>;

// "default", "ctr.yaml:3:5", "environment PARAMD_CLUSTER__SERVERS" or "--set cluster.servers=3";
// one line whatever the name holds.
std::string Describe(const Origin& origin, absl::string_view file);

}  // namespace paramd
