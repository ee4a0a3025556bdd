#include "server/replica/log_link.h"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/wire/frame.h"

namespace paramd {
namespace {

absl::string_view View(const void* data, size_t size) {
  return {static_cast<const char*>(data), size};
}

}  // namespace

void OperationLogLink::Send(ReplicaFrame frame, std::shared_ptr<Acknowledgement> acknowledgement) {
  std::string before_keys;
  WriteBeforeKeys(frame.header, frame.keys.size(), &before_keys);
  size_t value_bytes = 0;
  for (const ByteReader::Piece& piece : frame.values) value_bytes += piece.size();
  uint8_t before_values[kMaxBeforeValues];
  const size_t before_size = WriteBeforeValues(value_bytes, before_values);
  std::vector<absl::string_view> pieces = {before_keys, View(frame.keys.data(), frame.keys.size()),
                                           View(before_values, before_size)};
  for (const ByteReader::Piece& piece : frame.values) {
    pieces.push_back(View(piece.data(), piece.size()));
  }
  const absl::StatusOr<uint64_t> position = log_.Append(pieces);
  if (!position.ok()) return Failed(position.status());
  // Not in order, for which it is only an upper bound of what was sent before.
  uint64_t last = last_position_;
  while (last < *position && !last_position_.compare_exchange_weak(last, *position)) {
  }
  if (acknowledgement != nullptr) Notify(*position, std::move(acknowledgement));
}

void OperationLogLink::WhenAllSent(std::shared_ptr<Acknowledgement> acknowledgement) {
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
