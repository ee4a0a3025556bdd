#pragma once

namespace paramd {

// Exit codes of the programs. 65 and 78 are EX_DATAERR and EX_CONFIG of BSD's sysexits.h.
enum ExitCode {
  kExitDone = 0,
  kExitFailure = 1,
  kExitUsage = 2,
  kExitDegraded = 3,     // paramctl status only
  kExitUnreachable = 4,  // paramctl status and table set
  kExitBadData = 65,
  kExitBadConfig = 78,
};

}  // namespace paramd
