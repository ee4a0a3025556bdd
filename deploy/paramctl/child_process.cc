#include "deploy/paramctl/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"

namespace paramd {
namespace {

constexpr size_t kTailLines = 12;
constexpr uint64_t kTailBytes = 8192;
constexpr size_t kMaxOutputLine = 4096;

// What the child needs between fork and exec, where nothing may be allocated.
struct ExecPlan {
  const char* program;
  char* const* argv;
  pid_t parent;
  bool stays;
  int log_fd;
  int output_fd;
  int error_fd;  // takes errno when exec fails
};

[[noreturn]] void Exec(const ExecPlan& plan) {
  setpgid(0, 0);
  if (!plan.stays) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != plan.parent) _exit(127);  // the parent ended before prctl
  }
  const int null_fd = open("/dev/null", O_RDONLY);
  dup2(null_fd, STDIN_FILENO);
  dup2(plan.output_fd, STDOUT_FILENO);
  dup2(plan.log_fd, STDERR_FILENO);
  if (null_fd > STDERR_FILENO) close(null_fd);
  execv(plan.program, plan.argv);
  const int error = errno;
  (void)!write(plan.error_fd, &error, sizeof(error));
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const Options& options) {
  const int log_fd =
      open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log_fd < 0) return FileError(errno, "open", options.log_file);
  const auto close_log = absl::MakeCleanup([&] { close(log_fd); });
  int output[2], error[2];
  if (pipe2(output, O_CLOEXEC) != 0) return FileError(errno, "pipe to", options.program);
  if (pipe2(error, O_CLOEXEC) != 0) {
    const int reason = errno;
    for (const int fd : output) close(fd);
    return FileError(reason, "pipe to", options.program);
  }
  std::vector<char*> argv = {const_cast<char*>(options.program.c_str())};
  for (const std::string& arg : options.args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  const ExecPlan plan = {
      options.program.c_str(), argv.data(), getpid(), options.stays, log_fd, output[1], error[1]};
  const pid_t pid = fork();
  int reason = errno;
  if (pid == 0) Exec(plan);
  close(output[1]);
  close(error[1]);
  // Ends at exec, which closes the other end, or holds the reason why there was none.
  const bool failed = pid < 0 || read(error[0], &reason, sizeof(reason)) == sizeof(reason);
  close(error[0]);
  if (failed) {
    close(output[0]);
    if (pid > 0) waitpid(pid, nullptr, 0);
    return FileError(reason, "start", options.program);
  }
  fcntl(output[0], F_SETFL, O_NONBLOCK);
  return std::unique_ptr<ChildProcess>(new ChildProcess(options, pid, output[0]));
}

ChildProcess::ChildProcess(const Options& options, pid_t pid, int output_fd)
    : name_(options.name),
      log_file_(options.log_file),
      stays_(options.stays),
      pid_(pid),
      output_fd_(output_fd) {}

ChildProcess::~ChildProcess() {
  if (!ended_ && !stays_) {
    Signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (output_fd_ >= 0) close(output_fd_);
}

void ChildProcess::ReadOutput() {
  char buffer[4096];
  ssize_t size;
  while (output_fd_ >= 0 && (size = read(output_fd_, buffer, sizeof(buffer))) != -1) {
    if (size == 0) {
      close(output_fd_);
      output_fd_ = -1;
      return;
    }
    partial_line_.append(buffer, static_cast<size_t>(size));
    for (size_t end; (end = partial_line_.find('\n')) != std::string::npos;) {
      TakeLine(partial_line_.substr(0, end));
      partial_line_.erase(0, end + 1);
    }
    if (partial_line_.size() > kMaxOutputLine) partial_line_.clear();
  }
}

void ChildProcess::TakeLine(const std::string& line) {
  if (!absl::StartsWith(line, "ready ")) return;
  for (absl::string_view word : absl::StrSplit(line, ' '))
    if (absl::ConsumePrefix(&word, "address=")) address_ = std::string(word);
}

bool ChildProcess::PollEnd() {
  if (ended_) return true;
  // While the process is not waited for, its number still names its group.
  siginfo_t info = {};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid == 0) {
    return false;
  }
  Signal(SIGKILL);
  waitpid(pid_, &wait_status_, 0);
  ended_ = true;
  ReadOutput();
  return true;
}

int ChildProcess::exit_code() const {
  return WIFSIGNALED(wait_status_) ? 128 + WTERMSIG(wait_status_) : WEXITSTATUS(wait_status_);
}

std::string ChildProcess::HowItEnded() const {
  if (!WIFSIGNALED(wait_status_)) {
    return absl::StrCat("exited with code ", WEXITSTATUS(wait_status_));
  }
  const int signal = WTERMSIG(wait_status_);
  return absl::StrCat("was killed by signal ", signal, " (", sigdescr_np(signal), ")");
}

void ChildProcess::Signal(int signal) {
  if (!ended_) kill(-pid_, signal);
}

std::string ChildProcess::LogTail() const {
  const uint64_t size = FileSize(log_file_).value_or(0);
  const uint64_t begin = size - std::min(size, kTailBytes);
  const std::string text = ReadFileRange(log_file_, begin, kTailBytes).value_or("");
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  if (lines.size() > kTailLines) lines.erase(lines.begin(), lines.end() - kTailLines);
  std::string tail;
  for (const absl::string_view line : lines) absl::StrAppend(&tail, "  ", line, "\n");
  return tail;
}

}  // namespace paramd
