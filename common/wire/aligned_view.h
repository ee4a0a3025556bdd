#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace paramd {

static_assert(std::endian::native == std::endian::little, "arrays are sent as they are");

// The raw little-endian array of T in `bytes`: where it lies, or, when it is not aligned there, in
// `copy`. INVALID_ARGUMENT, naming `what`: not a whole number of T.
template <typename T>
absl::StatusOr<absl::Span<const T>> AlignedView(absl::string_view what, absl::string_view bytes,
                                                std::vector<T>* copy) {
  if (bytes.size() % sizeof(T) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": ", bytes.size(), " bytes are not a multiple of ", sizeof(T)));
  }
  const size_t size = bytes.size() / sizeof(T);
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(T) == 0) {
    return absl::Span<const T>(reinterpret_cast<const T*>(bytes.data()), size);
  }
  copy->resize(size);
  if (size > 0) std::memcpy(copy->data(), bytes.data(), bytes.size());
  return absl::Span<const T>(*copy);
}

}  // namespace paramd
