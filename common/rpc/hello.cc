#include "common/rpc/hello.h"

#include <unistd.h>

#include "common/base/random.h"

namespace paramd {

v1::Hello MakeHello(v1::Role role, const std::string& name, const std::string& address) {
  char host[256] = {};
  gethostname(host, sizeof(host) - 1);
  v1::Hello hello;
  hello.set_role(role);
  hello.set_name(name);
  hello.set_incarnation(RandomIncarnation());
  hello.set_address(address);
  hello.set_host(host);
  hello.set_pid(static_cast<uint32_t>(getpid()));
  return hello;
}

}  // namespace paramd
