#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "common/config/flags.h"
#include "tests/testing/fault_proxy/proxy.h"

int main(int argc, char** argv) {
  paramd::Proxy::Options options;
  paramd::Flags flags("fault_proxy",
                      "A TCP proxy between a client and a server that delays, throttles, cuts and "
                      "resets, as lines on stdin say; it ends when stdin does.");
  flags.String("listen", "HOST:PORT", "where clients come", options.listen);
  flags.String("to", "HOST:PORT", "where the server is; by default a command says it", options.to);
  flags.Number("seed", "of what is random", 0, UINT64_MAX, options.seed);
  if (const auto exit_code = flags.ParseOrExitCode(paramd::Arguments(argc, argv))) {
    return *exit_code;
  }
  const auto proxy = paramd::Proxy::Create(std::move(options));
  if (!proxy.ok()) {
    std::fprintf(stderr, "fault_proxy: %s\n", std::string(proxy.status().message()).c_str());
    return 1;
  }
  std::printf("ready %s\n", (*proxy)->address().c_str());
  std::fflush(stdout);
  (*proxy)->Run(STDIN_FILENO, STDOUT_FILENO);
  return 0;
}
