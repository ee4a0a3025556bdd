#include "deploy/paramctl/job_names.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

namespace paramd {

std::string JobStateName(v1::JobState state) {
  switch (state) {
    case v1::CREATED:
      return "Created";
    case v1::RUNNING:
      return "Running";
    case v1::SUCCEEDED:
      return "Succeeded";
    case v1::FAILED:
      return "Failed";
    default:
      return "Unknown";
  }
}

std::string JobPhaseName(v1::JobPhase phase) {
  if (phase == v1::JOB_PHASE_UNSPECIFIED) return "";
  return absl::AsciiStrToLower(absl::StrReplaceAll(v1::JobPhase_Name(phase), {{"_", " "}}));
}

}  // namespace paramd
