#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "server/coordinator/etcd_client.h"
#include "tests/testing/temp_dir.h"

namespace paramd {

// An etcd of its own on a free port of this machine, ended with the object. Its leases are one
// second or longer.
class EtcdProcess {
 public:
  EtcdProcess() { Start(); }
  ~EtcdProcess() { Kill(); }
  EtcdProcess(const EtcdProcess&) = delete;
  EtcdProcess& operator=(const EtcdProcess&) = delete;

  // host:port of its clients.
  const std::string& address() const { return address_; }

  // Starts it again after Kill, with its data; returns when it answers.
  void Start() {
    const int log = open(dir_.File("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const std::string client = absl::StrCat("http://", address_),
                      peer = absl::StrCat("http://", peer_address_);
    std::vector<std::string> args = {"etcd",
                                     "--name=test",
                                     absl::StrCat("--data-dir=", dir_.File("data")),
                                     absl::StrCat("--listen-client-urls=", client),
                                     absl::StrCat("--advertise-client-urls=", client),
                                     absl::StrCat("--listen-peer-urls=", peer),
                                     absl::StrCat("--initial-advertise-peer-urls=", peer),
                                     absl::StrCat("--initial-cluster=test=", peer),
                                     "--heartbeat-interval=10",
                                     "--election-timeout=100"};
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, log, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
    if (posix_spawn(&pid_, "/usr/bin/etcd", &actions, nullptr, argv.data(), environ) != 0) {
      throw std::runtime_error("etcd-server is not installed; run deploy/install_deps.sh");
    }
    posix_spawn_file_actions_destroy(&actions);
    close(log);
    etcdserverpb::RangeRequest request;
    request.set_key("none");
    EtcdClient client_of_it({address_}, absl::Seconds(5));
    while (!client_of_it.Range(request).ok()) {
      if (waitpid(pid_, nullptr, WNOHANG) != 0) {
        throw std::runtime_error("etcd ended; " + *ReadFile(dir_.File("log")));
      }
    }
  }

  void Signal(int signal) const { kill(pid_, signal); }
  void Kill() {
    Signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  // An address of this machine where nobody listens, a moment ago.
  static std::string FreeAddress() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    socklen_t size = sizeof(address);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    close(fd);
    return absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }

 private:
  TempDir dir_;
  const std::string address_ = FreeAddress(), peer_address_ = FreeAddress();
  pid_t pid_ = 0;
};

}  // namespace paramd
