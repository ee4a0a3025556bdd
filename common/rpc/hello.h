#pragma once

#include <string>

#include "paramd/v1/coordinator.pb.h"

namespace paramd {

// What this process says when it joins a cluster: the arguments, its host and process id, and a new
// incarnation.
v1::Hello MakeHello(v1::Role role, const std::string& name, const std::string& address);

}  // namespace paramd
