// Lines of Criteo's logs: whatever they hold, a row is added whole or not at all.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/sparse_batch.h"
#include "worker/data/criteo_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  paramd::CriteoParser parser;
  paramd::CheckSparseBatch(parser, {.sparse = true, .fields = 39},
                           {reinterpret_cast<const char*>(data), size});
  return 0;
}
