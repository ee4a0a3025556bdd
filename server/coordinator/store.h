#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace paramd {

// Where the coordinator keeps its state: named values, each changed only by compare-and-swap on its
// version, so that of two coordinators that believe to be the only one, one is told. Thread-safe.
class Store {
 public:
  struct Value {
    // Grows with every change; 0: the key was never written.
    uint64_t version = 0;
    std::string data;
  };

  virtual ~Store() = default;

  // The current value of `key`; version 0 and no data when there is none. DATA_LOSS: what is stored
  // is damaged.
  virtual absl::StatusOr<Value> Get(absl::string_view key) = 0;

  // Writes `data` durably if the version of `key` is still `expected_version`; answers the new
  // version. ABORTED: somebody else has changed it; nothing is written. Other errors: nothing is
  // written, or (a failing disk) unknown.
  virtual absl::StatusOr<uint64_t> CompareAndSwap(absl::string_view key, uint64_t expected_version,
                                                  absl::string_view data) = 0;
};

}  // namespace paramd
