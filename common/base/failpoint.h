#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"

// Places where a test makes a program die, fail or stand still, by the environment of its process:
//
//   PARAMD_FAILPOINTS=checkpoint.rename=abort,log.fsync=error:3:ENOSPC
//
//   abort[:N]            the process ends by abort() at the Nth hit (1), counted from the start
//   error[:N[:ERRNO]]    the next N (1) hits return the error (EIO), where the place can return one
//   stall:PATH           makes the file PATH.reached and waits until there is a file PATH
//   off
//   list                 alone: the program prints its failpoints' names, a line each, and exits
//
// Compiled into every build. While none is set a place costs one relaxed load and a branch that is
// not taken.

// A place that may abort or stall. An error that is asked for has no effect here.
#define PARAMD_FAILPOINT(name)                                                     \
  do {                                                                             \
    if (paramd::failpoints_are_set.load(std::memory_order_relaxed)) [[unlikely]] { \
      paramd::kFailpoint<name>.Hit().IgnoreError();                                \
    }                                                                              \
  } while (false)

// The same in a function that returns absl::Status or StatusOr: returns the error, as of
// common/base/file_error.h, with the failpoint's name.
#define RETURN_IF_FAILPOINT(name)                                                  \
  do {                                                                             \
    if (paramd::failpoints_are_set.load(std::memory_order_relaxed)) [[unlikely]] { \
      RETURN_IF_ERROR(paramd::kFailpoint<name>.Hit());                             \
    }                                                                              \
  } while (false)

namespace paramd {

// Whether any failpoint is set.
inline std::atomic<bool> failpoints_are_set{false};

// What a failpoint does.
struct FailpointAction {
  enum class Kind { kOff, kAbort, kError, kStall };
  Kind kind = Kind::kOff;
  // kAbort: hits until then; kError: hits that fail.
  uint64_t hits = 1;
  int error = 0;     // kError: errno
  std::string path;  // kStall
};

// One named place, or several that share the name. Lives as long as the process. Thread-safe.
class Failpoint {
 public:
  // Registers it.
  explicit Failpoint(const char* name);
  Failpoint(const Failpoint&) = delete;
  Failpoint& operator=(const Failpoint&) = delete;

  absl::string_view name() const { return name_; }

  // Does what is set; the error to return, if any.
  absl::Status Hit();

  void Set(FailpointAction action);

 private:
  // What this hit is to do.
  FailpointAction Take();

  const char* const name_;
  Mutex mutex_;
  FailpointAction action_ ABSL_GUARDED_BY(mutex_);
};

// Names of the failpoints of this program, in ascending order.
std::vector<std::string> FailpointNames();

// Sets failpoints as PARAMD_FAILPOINTS says; what is not named is off. INVALID_ARGUMENT, with
// nothing changed: no such failpoint, or no such action.
absl::Status SetFailpoints(absl::string_view settings);

// At the start of a program: takes PARAMD_FAILPOINTS over, if there is one. An exit code: the
// program ends with it, for the variable is wrong (which stderr says) or asks for the list.
std::optional<int> FailpointsExitCode();

// The name of a failpoint as an argument of a template, so that a name in a function has an object
// that is registered before main.
template <size_t size>
struct FailpointName {
  // NOLINTNEXTLINE(google-explicit-constructor): made from a literal.
  constexpr FailpointName(const char (&name)[size]) { std::copy_n(name, size, text); }
  char text[size];
};
template <FailpointName name>
inline Failpoint kFailpoint{name.text};

}  // namespace paramd
