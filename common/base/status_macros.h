#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the status of `expression` from the enclosing function unless it is OK.
#define RETURN_IF_ERROR(expression)                \
  do {                                             \
    absl::Status paramd_status = (expression);     \
    if (!paramd_status.ok()) return paramd_status; \
  } while (false)

// Assigns the value of a StatusOr `expression` to `lhs`, which may be a declaration, or returns its
// status.
#define ASSIGN_OR_RETURN(lhs, expression) \
  PARAMD_ASSIGN_OR_RETURN_(PARAMD_CONCAT_(paramd_statusor_, __LINE__), lhs, expression)

#define PARAMD_CONCAT_INNER_(a, b) a##b
#define PARAMD_CONCAT_(a, b) PARAMD_CONCAT_INNER_(a, b)
#define PARAMD_ASSIGN_OR_RETURN_(statusor, lhs, expression) \
  auto statusor = (expression);                             \
  if (!statusor.ok()) return std::move(statusor).status();  \
  lhs = *std::move(statusor)
