#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace paramd {

// A daemon started as a child of this process, in a process group of its own, which does not
// outlive this process (the kernel kills it when the thread that started it ends) unless it is to.
// Its standard error is appended to a file; on its standard output it says when it is ready:
//   ready role=worker address=127.0.0.1:4711 pid=42
// Not thread-safe.
class ChildProcess {
 public:
  struct Options {
    std::string name;
    std::string program;
    std::vector<std::string> args;
    std::string log_file;
    // It goes on when this process ends, or the object.
    bool stays = false;
  };

  // NOT_FOUND and other errors of the system when the program or the log file cannot be opened.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const Options& options);

  // Kills it, and what it started, when it still runs and is not to stay.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }

  // Readable when there is output to read; -1 after the end of the output.
  int output_fd() const { return output_fd_; }
  // Reads the output that there is.
  void ReadOutput();
  // Where it answers, once it is ready; before that empty.
  const std::string& address() const { return address_; }

  // Notices the end of the process, whose leftover children are killed. True when it has ended.
  bool PollEnd();
  bool ended() const { return ended_; }
  // After the end: whether with exit code 0; the exit code (of a signal: 128 + its number, as
  // shells count); and in words: "exited with code 78", "was killed by signal 9 (Killed)".
  bool succeeded() const { return ended_ && wait_status_ == 0; }
  int exit_code() const;
  std::string HowItEnded() const;

  // Sends a signal to its process group.
  void Signal(int signal);

  // The last lines of the log file, indented; empty when it has none.
  std::string LogTail() const;

 private:
  ChildProcess(const Options& options, pid_t pid, int output_fd);

  void TakeLine(const std::string& line);

  const std::string name_;
  const std::string log_file_;
  const bool stays_;
  const pid_t pid_;
  int output_fd_;
  std::string partial_line_;
  std::string address_;
  bool ended_ = false;
  int wait_status_ = 0;
};

}  // namespace paramd
