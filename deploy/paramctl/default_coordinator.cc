#include "deploy/paramctl/default_coordinator.h"

#include <iostream>
#include <utility>

#include "absl/status/statusor.h"
#include "paramd/v1/config.pb.h"

namespace paramd {

std::string DefaultCoordinator() {
  return v1::Coordinator::GetDescriptor()
      ->FindFieldByName("address")
      ->options()
      .GetExtension(v1::setting)
      .default_value();
}

void AddCoordinatorFlag(Flags& flags, std::string& coordinator) {
  flags.String("coordinator", "HOST:PORT,...",
               "where the coordinator answers, or those do of which one leads", coordinator);
}

std::optional<CoordinatorAddresses> ParseCoordinators(const std::string& coordinator) {
  absl::StatusOr<CoordinatorAddresses> coordinators = CoordinatorAddresses::Parse(coordinator);
  if (coordinators.ok()) return *std::move(coordinators);
  std::cerr << "paramctl: " << coordinators.status().message() << "\n";
  return std::nullopt;
}

}  // namespace paramd
