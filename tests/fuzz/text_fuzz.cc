// Lines of text: whatever they hold, a row is added whole or not at all.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/sparse_batch.h"
#include "worker/data/text_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  paramd::TextParser parser;
  paramd::CheckSparseBatch(parser, {.sparse = true}, {reinterpret_cast<const char*>(data), size});
  return 0;
}
