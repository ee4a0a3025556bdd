#include "common/base/random.h"

#include <random>

namespace paramd {

uint64_t RandomIncarnation() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

}  // namespace paramd
