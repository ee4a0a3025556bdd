#include "worker/client/server_link.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"

namespace paramd {
namespace {

constexpr absl::Duration kReconnectPause = absl::Milliseconds(100);
// Before an operation that was refused for now comes again; while there is no room, twice as long
// each time, up to the longest.
constexpr absl::Duration kRetryPause = absl::Milliseconds(10);
constexpr absl::Duration kLongestRetryPause = absl::Milliseconds(500);
// Larger messages are not held back.
constexpr size_t kMaxHeld = size_t{4} << 10;
constexpr char kExchange[] = "/paramd.v1.ParameterService/Exchange";

}  // namespace

ServerLink::ServerLink(CompletionLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      stub_(MakeChannel(options_.address, options_.channel)),
      held_(options_.key_cache_bytes),
      thread_("server-link", [this] { Run(); }) {}

ServerLink::~ServerLink() {
  Shutdown(absl::CancelledError("the client ends"));
  thread_.Join();
  MutexLock lock(mutex_);
  if (stream_ != nullptr) stream_->Cancel();
  while (open_streams_ > 0) changed_.Wait(mutex_);
}

void ServerLink::Send(OutgoingOperation operation) {
  operation.server = options_.server;
  absl::Status shutdown;
  {
    MutexLock lock(mutex_);
    shutdown = shutdown_;
    if (shutdown.ok()) {
      const OutgoingOperation& sent = open_.push_back(std::move(operation));
      if (stream_ != nullptr) {
        Write(sent);
      } else {
        // It goes out with the rest when the stream is open again.
        changed_.NotifyAll();
      }
      return;
    }
  }
  operation.receiver->Receive(*this, operation, {.status = std::move(shutdown)});
}

std::vector<OutgoingOperation> ServerLink::TakeIf(
    const std::function<bool(const OutgoingOperation&)>& condition) {
  std::vector<OutgoingOperation> taken, left;
  MutexLock lock(mutex_);
  for (; !open_.empty(); open_.pop_front()) {
    if (open_.front().receiver == nullptr) continue;
    (condition(open_.front()) ? taken : left).push_back(std::move(open_.front()));
  }
  for (OutgoingOperation& operation : left) open_.push_back(std::move(operation));
  if (!taken.empty()) {
    rearranging_ = true;
    Reopen();
  }
  return taken;
}

void ServerLink::Insert(std::vector<OutgoingOperation> operations) {
  absl::Status shutdown;
  {
    MutexLock lock(mutex_);
    shutdown = shutdown_;
    if (shutdown.ok()) {
      if (!std::exchange(rearranging_, false) && operations.empty()) return;
      std::vector<OutgoingOperation> all;
      for (; !open_.empty(); open_.pop_front()) all.push_back(std::move(open_.front()));
      for (OutgoingOperation& operation : operations) {
        operation.server = options_.server;
        all.push_back(std::move(operation));
      }
      // Who is not attached may do nothing.
      const auto key = [](const OutgoingOperation& open) {
        return std::make_pair(open.operation.kind != OperationKind::kAttach,
                              open.operation.sequence);
      };
      std::stable_sort(all.begin(), all.end(),
                       [&](const auto& a, const auto& b) { return key(a) < key(b); });
      for (OutgoingOperation& operation : all) open_.push_back(std::move(operation));
      // All is sent again, in order, on another stream.
      Reopen();
      changed_.NotifyAll();
      return;
    }
  }
  for (const OutgoingOperation& operation : operations) {
    operation.receiver->Receive(*this, operation, {.status = shutdown});
  }
}

void ServerLink::Reopen() {
  if (stream_ == nullptr) return;
  stream_->Cancel();
  stream_ = nullptr;
  retrying_ = false;
  ++attempt_;
}

void ServerLink::Write(const OutgoingOperation& outgoing) {
  const RowPlan::Part* const part =
      outgoing.plan == nullptr ? nullptr : &outgoing.plan->parts[outgoing.part];
  const bool held =
      part != nullptr && !part->key_list.empty() && held_.Find(part->key_list_name()) != nullptr;
  Operation operation = outgoing.operation;
  if (part != nullptr && !held) operation.segments = outgoing.plan->segments_of(*part);
  ToHeader(operation, &header_);
  const size_t key_bytes = part == nullptr || held ? 0 : part->keys.size();
  if (held) {
    header_.set_key_codec(v1::Codec::CACHED);
  } else if (key_bytes > 0) {
    header_.set_key_codec(options_.key_codec == KeyCodec::kPacked ? v1::Codec::PACKED
                                                                  : v1::Codec::RAW);
  }
  if (part != nullptr && !part->key_list.empty()) {
    header_.mutable_key_list()->assign(part->key_list.data(), part->key_list.size());
    if (!held) held_.Insert(part->key_list_name(), part->rows, part->segment_count);
  }

  uint8_t before_values[kMaxBeforeValues];
  size_t value_bytes = 0;
  for (const grpc::Slice& slice : outgoing.values) value_bytes += slice.size();
  const size_t before_size = WriteBeforeValues(value_bytes, before_values);
  WriteBeforeKeys(header_, key_bytes, &before_keys_);
  absl::InlinedVector<grpc::Slice, 6> slices;
  if (key_bytes == 0) {
    before_keys_.append(reinterpret_cast<const char*>(before_values), before_size);
    slices.emplace_back(before_keys_.data(), before_keys_.size());
  } else {
    slices.emplace_back(before_keys_.data(), before_keys_.size());
    slices.push_back(SliceOf(part->keys, 0, key_bytes));
    if (before_size > 0) slices.emplace_back(before_values, before_size);
  }
  slices.insert(slices.end(), outgoing.values.begin(), outgoing.values.end());
  size_t bytes = 0;
  for (const grpc::Slice& slice : slices) bytes += slice.size();
  bytes_sent_.fetch_add(bytes, std::memory_order_relaxed);
  stream_->Write(grpc::ByteBuffer(slices.data(), slices.size()), holding_ && bytes <= kMaxHeld);
}

void ServerLink::Hold() {
  MutexLock lock(mutex_);
  holding_ = true;
}

bool ServerLink::Flush() {
  MutexLock lock(mutex_);
  holding_ = false;
  return stream_ != nullptr && stream_->Flush();
}

void ServerLink::WriteOpen() {
  Operation operation;
  operation.kind = OperationKind::kOpen;
  ToHeader(operation, &header_);
  *header_.mutable_open() = options_.open;
  WriteBeforeKeys(header_, 0, &before_keys_);
  const grpc::Slice slice(before_keys_);
  stream_->Write(grpc::ByteBuffer(&slice, 1));
}

void ServerLink::Shutdown(const absl::Status& status) {
  std::vector<OutgoingOperation> open;
  {
    MutexLock lock(mutex_);
    if (!shutdown_.ok()) return;
    shutdown_ = status;
    for (; !open_.empty(); open_.pop_front()) open.push_back(std::move(open_.front()));
    if (stream_ != nullptr) stream_->Cancel();
    changed_.NotifyAll();
  }
  for (const OutgoingOperation& operation : open) {
    if (operation.receiver == nullptr) continue;
    operation.receiver->Receive(*this, operation, {.status = status});
  }
  loop_.Wake();
}

void ServerLink::Run() {
  MutexLock lock(mutex_);
  while (shutdown_.ok()) {
    if (pause_ > absl::ZeroDuration()) {
      // Breaks off a busy loop against a server that ends every stream at once.
      changed_.WaitFor(mutex_, std::exchange(pause_, absl::ZeroDuration()));
      continue;
    }
    if (stream_ == nullptr && !open_.empty() && !rearranging_) Connect();
    changed_.Wait(mutex_);
  }
}

void ServerLink::Connect() {
  const uint64_t attempt = ++attempt_;
  ++open_streams_;
  held_.Clear();
  stream_ = Stream::Start(
      loop_,
      [this](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        // Waits for the server to come up instead of failing at once.
        context->set_wait_for_ready(true);
        return stub_.PrepareCall(context, kExchange, queue);
      },
      [this, attempt](grpc::ByteBuffer& message) { Received(attempt, message); },
      [this, attempt](const absl::Status& status) { Closed(attempt, status); });
  WriteOpen();
  for (size_t i = 0; i < open_.size(); ++i) {
    if (open_[i].receiver != nullptr) Write(open_[i]);
  }
}

void ServerLink::Received(uint64_t attempt, grpc::ByteBuffer& message) {
  bytes_received_.fetch_add(message.Length(), std::memory_order_relaxed);
  const absl::StatusOr<ReplyFrame> reply = parser_.Parse(pieces_.Of(message));
  if (!reply.ok()) {
    Shutdown(reply.status());
  } else if (reply->sequence == 0) {
    // The answer to OPEN.
    if (!reply->status.ok()) Shutdown(reply->status);
  } else if (reply->send_keys) {
    MutexLock lock(mutex_);
    if (attempt == attempt_) Repeat(reply->sequence);
  } else if (absl::IsUnavailable(reply->status) || absl::IsResourceExhausted(reply->status)) {
    Retry(attempt, reply->status);
  } else if (const std::optional<OutgoingOperation> answered = Take(attempt, reply->sequence)) {
    answered->receiver->Receive(*this, *answered, *reply);
  }
  // What was received is not held until the next message.
  pieces_.Clear();
  message.Clear();
}

std::optional<OutgoingOperation> ServerLink::Take(uint64_t attempt, uint64_t sequence) {
  MutexLock lock(mutex_);
  if (attempt != attempt_) return std::nullopt;
  // They are few, and the first one is the usual one.
  size_t i = 0;
  while (i < open_.size() && open_[i].operation.sequence != sequence) ++i;
  // Already answered on an earlier stream.
  if (i == open_.size() || open_[i].receiver == nullptr) return std::nullopt;
  std::optional<OutgoingOperation> answered = std::move(open_[i]);
  open_[i].receiver = nullptr;
  while (!open_.empty() && open_.front().receiver == nullptr) open_.pop_front();
  // There is room again; pulls do not need any.
  if (answered->operation.kind == OperationKind::kPush) exhausted_since_.reset();
  return answered;
}

void ServerLink::Retry(uint64_t attempt, const absl::Status& why) {
  {
    MutexLock lock(mutex_);
    if (attempt != attempt_ || retrying_ || stream_ == nullptr) return;
    // It says so again and again, perhaps with other figures.
    if (why.code() != refusal_.code()) {
      spdlog::warn("server {} refuses for now: {}", options_.address, std::string(why.message()));
    }
    refusal_ = why;
    const absl::Duration now = options_.clock->SinceBoot();
    if (!absl::IsResourceExhausted(why)) {
      exhausted_since_.reset();
      retry_pause_ = kRetryPause;
    } else if (!exhausted_since_.has_value()) {
      exhausted_since_ = now;
      retry_pause_ = kRetryPause;
    } else {
      retry_pause_ = std::min(2 * retry_pause_, kLongestRetryPause);
    }
    if (!exhausted_since_.has_value() || now - *exhausted_since_ < options_.patience) {
      retrying_ = true;
      stream_->Cancel();
      return;
    }
  }
  Shutdown(absl::ResourceExhaustedError(
      absl::StrCat("RESOURCE_EXHAUSTED for ", absl::FormatDuration(options_.patience), ": server ",
                   options_.address, ": ", why.message())));
}

void ServerLink::Repeat(uint64_t sequence) {
  held_.Clear();
  for (size_t i = 0; i < open_.size(); ++i) {
    if (open_[i].receiver != nullptr && open_[i].operation.sequence >= sequence) Write(open_[i]);
  }
}

void ServerLink::Closed(uint64_t attempt, const absl::Status& status) {
  // What the server will never take: repeating it would go on for ever.
  const bool final = absl::IsResourceExhausted(status) || absl::IsInvalidArgument(status) ||
                     absl::IsUnimplemented(status) || absl::IsPermissionDenied(status);
  if (final) Shutdown(status);
  MutexLock lock(mutex_);
  --open_streams_;
  if (attempt == attempt_) {
    stream_ = nullptr;
    const bool retrying = std::exchange(retrying_, false);
    if (shutdown_.ok() && !retrying) {
      spdlog::warn("the stream to server {} ended ({}); opening it again, {} operations to repeat",
                   options_.address, status.ToString(), open_.size());
    }
    pause_ = retrying ? retry_pause_ : kReconnectPause;
  }
  changed_.NotifyAll();
}

}  // namespace paramd
