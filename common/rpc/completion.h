#pragma once

namespace paramd {

// What waits for an operation of a grpc::CompletionQueue; its address is the operation's tag. Every
// queue of the program carries such tags only.
class Completion {
 public:
  // The operation is over; `ok` as grpc::CompletionQueue::Next says. May end the object's life.
  virtual void Complete(bool ok) = 0;

 protected:
  ~Completion() = default;
};

// Calls a member function of its owner.
template <typename Owner, void (Owner::*kFunction)(bool ok)>
class MemberCompletion final : public Completion {
 public:
  explicit MemberCompletion(Owner* owner) : owner_(owner) {}
  void Complete(bool ok) override { (owner_->*kFunction)(ok); }

 private:
  Owner* const owner_;
};

}  // namespace paramd
