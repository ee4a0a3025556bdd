#pragma once

#include <optional>
#include <string>

#include "common/config/flags.h"
#include "common/rpc/coordinator_addresses.h"

namespace paramd {

// The address that a coordinator has by default.
std::string DefaultCoordinator();

// --coordinator of the commands that ask one.
void AddCoordinatorFlag(Flags& flags, std::string& coordinator);

// Of the flag's value; nothing: it makes no sense, which is said on stderr.
std::optional<CoordinatorAddresses> ParseCoordinators(const std::string& coordinator);

}  // namespace paramd
