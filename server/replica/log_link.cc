#include "server/replica/log_link.h"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/replica/replica_record.h"

namespace paramd {
void OperationLogLink::Send(ReplicaFrame frame, std::shared_ptr<Acknowledgement> acknowledgement) {
  const absl::StatusOr<uint64_t> position = log_.Append(ReplicaRecord(frame).pieces());
  if (!position.ok()) return Failed(position.status());
  // Not in order, for which it is only an upper bound of what was sent before.
  uint64_t last = last_position_;
  while (last < *position && !last_position_.compare_exchange_weak(last, *position)) {
  }
  if (acknowledgement != nullptr) Notify(*position, std::move(acknowledgement));
}

void OperationLogLink::WhenAllAnswered(std::shared_ptr<Acknowledgement> acknowledgement) {
  if (const uint64_t last = last_position_; last > 0) Notify(last, std::move(acknowledgement));
}

void OperationLogLink::Notify(uint64_t position, std::shared_ptr<Acknowledgement> acknowledgement) {
  log_.Notify(position, reach_, [this, acknowledgement](const absl::Status& status) {
    if (!status.ok()) Failed(status);
    if (given_up_) acknowledgement->GiveUp();
  });
}

void OperationLogLink::Failed(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (problem_.empty()) {
    spdlog::error("the operation log is not written: {}", std::string(status.message()));
  }
  problem_ = absl::StrCat("the operation log is not written (", status.message(),
                          "): what is pushed now is lost if this server ends; make room, and it ",
                          "is begun anew by itself");
}

std::string OperationLogLink::problem() const {
  MutexLock lock(mutex_);
  return problem_;
}

void OperationLogLink::Forgive() {
  MutexLock lock(mutex_);
  problem_.clear();
}

}  // namespace paramd
