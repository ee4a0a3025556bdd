#pragma once

#include <atomic>
#include <functional>
#include <utility>

namespace paramd {

// Something that goes on when everybody who holds a reference to it (std::shared_ptr, for there
// may be several backups to wait for) has let go: `done(true)`, or `done(false)` when one of them
// gave it up, so that it never will be acknowledged. Thread-safe; `done` runs where the last
// reference ends, which must not be under a lock that it takes.
class Acknowledgement {
 public:
  explicit Acknowledgement(std::function<void(bool acknowledged)> done) : done_(std::move(done)) {}
  ~Acknowledgement() { done_(!given_up_); }
  Acknowledgement(const Acknowledgement&) = delete;
  Acknowledgement& operator=(const Acknowledgement&) = delete;

  void GiveUp() { given_up_ = true; }

 private:
  const std::function<void(bool)> done_;
  std::atomic<bool> given_up_{false};
};

}  // namespace paramd
