// A number: what is read is what strtof reads, to the bit.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "worker/data/parse_number.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  float value;
  if (!paramd::ParseFloat(text, &value)) return 0;
  char* end;
  const float expected = std::strtof(text.c_str(), &end);
  if (end != text.c_str() + size || !std::isfinite(value)) std::abort();
  if (std::bit_cast<uint32_t>(value) != std::bit_cast<uint32_t>(expected)) std::abort();
  return 0;
}
