#pragma once

#include <string>

#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace paramd {

// SHA-256 (FIPS 180-4) of bytes that come in pieces, by OpenSSL. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(absl::string_view bytes);

  // 64 hexadecimal digits, in lower case. The last call.
  std::string Hex();

 private:
  evp_md_ctx_st* const context_;
};

std::string Sha256Hex(absl::string_view bytes);

}  // namespace paramd
