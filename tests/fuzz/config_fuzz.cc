#include <google/protobuf/util/message_differencer.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "common/config/config.h"
#include "common/config/render.h"

// Input: a YAML file, and after a byte 0xff (which no file may hold) an override. Nothing may
// crash; what loads must render to text that loads to the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const size_t cut = input.find('\xff');
  paramd::ConfigSources sources{.file = "/f.yaml", .text = input.substr(0, cut)};
  if (cut != std::string::npos) sources.overrides.push_back(input.substr(cut + 1));
  const auto loaded = paramd::LoadConfig(sources);
  if (!loaded.ok()) return 0;
  const auto again = paramd::LoadConfig({.file = "/g.yaml", .text = paramd::RenderConfig(*loaded)});
  if (!again.ok() ||
      !google::protobuf::util::MessageDifferencer::Equals(loaded->config, again->config)) {
    std::abort();
  }
  return 0;
}
