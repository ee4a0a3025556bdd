#include "tests/bench/cluster_training.h"

#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"

extern char** environ;

namespace paramd {
namespace {

constexpr int kSampleMilliseconds = 50;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "cluster training: %s\n", what.c_str());
  std::exit(1);
}

// A field of /proc/PID/status without its unit; "" when the process is gone.
std::string StatusField(const std::string& pid, absl::string_view field) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(":\t "), absl::SkipEmpty());
    if (words.size() > 1 && words[0] == field) return words[1];
  }
  return "";
}

// A program whose output, also of errors, is read here.
class Child {
 public:
  explicit Child(std::vector<std::string> command) {
    int ends[2];
    if (pipe(ends) != 0) Fail("no pipe");
    std::vector<char*> argv;
    for (std::string& word : command) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    const int error = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0) Fail(absl::StrCat("cannot start ", command[0]));
    output_ = ends[0];
  }

  pid_t pid() const { return pid_; }
  const std::string& output() const { return text_; }

  // Waits a moment for output; false at its end.
  bool Read() {
    pollfd waited = {.fd = output_, .events = POLLIN};
    if (poll(&waited, 1, kSampleMilliseconds) == 0) return true;
    char block[4096];
    const ssize_t size = read(output_, block, sizeof(block));
    if (size > 0) text_.append(block, static_cast<size_t>(size));
    return size > 0;
  }

  // Its exit code.
  int Wait() {
    close(output_);
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  }

 private:
  pid_t pid_ = 0;
  int output_ = -1;
  std::string text_;
};

// The worker that `paramctl` has started; "" when there is none.
std::string FindWorker(pid_t paramctl) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string pid = entry.path().filename();
    if (absl::StartsWith(StatusField(pid, "Name"), "paramd_worker") &&
        StatusField(pid, "PPid") == absl::StrCat(paramctl)) {
      return pid;
    }
  }
  return "";
}

}  // namespace

ClusterTraining TrainInCluster(const std::string& paramctl, const std::string& config,
                               const std::vector<std::string>& settings) {
  std::vector<std::string> command = {paramctl,    "run", config, "--servers", "1",
                                      "--workers", "1",   "-o",   "json"};
  for (const std::string& setting : settings) {
    command.push_back("--set");
    command.push_back(setting);
  }
  Child child(command);
  ClusterTraining result;
  std::string worker;
  while (child.Read()) {
    if (worker.empty()) worker = FindWorker(child.pid());
    uint64_t kibibytes = 0;
    if (!worker.empty() && absl::SimpleAtoi(StatusField(worker, "VmHWM"), &kibibytes)) {
      result.worker_peak_bytes = std::max(result.worker_peak_bytes, kibibytes << 10);
    }
  }
  if (child.Wait() != 0) Fail(absl::StrCat("the job of ", config, " failed\n", child.output()));
  const std::vector<std::string> lines = absl::StrSplit(child.output(), '\n', absl::SkipEmpty());
  const auto json = nlohmann::json::parse(lines.empty() ? "" : lines.back(), nullptr, false);
  if (!json.is_object()) Fail(absl::StrCat("no result\n", child.output()));
  result.seconds = json["seconds"];
  result.examples = json["examples"];
  if (const auto& eval = json["eval"]; eval.is_object()) {
    if (eval["auc"].is_number()) result.metrics.set_auc(eval["auc"]);
    result.metrics.set_logloss(eval["logloss"]);
    result.metrics.set_accuracy(eval["accuracy"]);
  }
  return result;
}

}  // namespace paramd
