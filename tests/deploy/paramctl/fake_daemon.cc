// Stands in for paramd_server and paramd_worker: gets ready and waits for a signal. As coordinator
// it answers GetClusterStatus with what FAKE_STATUSES holds: ClusterStatus in text format, parted
// by
// '|', each answered once and the last again and again.
#include <google/protobuf/text_format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/config/flags.h"
#include "common/process/signals.h"
#include "tests/deploy/paramctl/fake_status_service.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args = paramd::Arguments(argc, argv);
  paramd::Signals signals;
  std::vector<paramd::v1::ClusterStatus> answers;
  const char* texts = getenv("FAKE_STATUSES");
  for (const absl::string_view text : absl::StrSplit(texts != nullptr ? texts : "", '|')) {
    paramd::v1::ClusterStatus& answer = answers.emplace_back();
    if (!google::protobuf::TextFormat::ParseFromString(std::string(text), &answer)) return 1;
  }
  const bool coordinator = std::find(args.begin(), args.end(), "coordinator") != args.end();
  if (!coordinator) answers.clear();
  paramd::FakeStatusService service(answers);
  std::cout << "ready role=" << (coordinator ? "coordinator" : "other")
            << " address=" << service.address() << " pid=" << getpid() << std::endl;
  while (signals.WaitFor(absl::Seconds(60)) == 0) {
  }
  return 0;
}
