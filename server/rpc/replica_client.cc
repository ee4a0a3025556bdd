#include "server/rpc/replica_client.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"

namespace paramd {
namespace {

constexpr absl::Duration kReconnectPause = absl::Milliseconds(20);
constexpr char kReplicate[] = "/paramd.v1.ReplicaService/Replicate";

// A slice of bytes that `owner` keeps.
grpc::Slice SliceOfPiece(const ByteReader::Piece& piece, const std::shared_ptr<const void>& owner) {
  return grpc::Slice(
      const_cast<uint8_t*>(piece.data()), piece.size(),
      [](void* kept) { delete static_cast<std::shared_ptr<const void>*>(kept); },
      new std::shared_ptr<const void>(owner));
}

}  // namespace

ReplicaClient::ReplicaClient(CompletionLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      stub_(MakeChannel(options_.address, options_.channel)),
      thread_("replica-link", [this] { Run(); }) {}

ReplicaClient::~ReplicaClient() {
  End(State::kGivenUp);
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
  MutexLock lock(mutex_);
  while (open_streams_ > 0) changed_.Wait(mutex_);
}

void ReplicaClient::Send(ReplicaFrame frame, std::shared_ptr<Acknowledgement> acknowledgement) {
  MutexLock lock(mutex_);
  if (state_ != State::kOpen) {
    if (state_ == State::kGivenUp && acknowledgement != nullptr) acknowledgement->GiveUp();
    return;
  }
  Queued& queued = queue_.push_back({});
  queued.number = ++last_number_;
  queued.bytes = frame.bytes();
  queued.frame = std::move(frame);
  queued.frame.header.mutable_replicated()->set_number(queued.number);
  queued.acknowledgement = std::move(acknowledgement);
  queued_bytes_.fetch_add(queued.bytes, std::memory_order_relaxed);
  if (stream_ != nullptr) {
    Write(queued);
  } else {
    changed_.NotifyAll();
  }
}

void ReplicaClient::WhenAllAnswered(std::shared_ptr<Acknowledgement> acknowledgement) {
  WaitForLast(UINT64_MAX, std::move(acknowledgement));
}

void ReplicaClient::WhenAllTaken(uint64_t epoch, std::shared_ptr<Acknowledgement> acknowledgement) {
  WaitForLast(epoch, std::move(acknowledgement));
}

void ReplicaClient::WaitForLast(uint64_t epoch, std::shared_ptr<Acknowledgement> acknowledgement) {
  MutexLock lock(mutex_);
  const bool refused = state_ == State::kOpen && refused_epoch_ >= epoch;
  if (state_ == State::kGivenUp || refused) acknowledgement->GiveUp();
  if (state_ == State::kOpen && !queue_.empty()) {
    queue_.back().more.emplace_back(epoch, std::move(acknowledgement));
  }
}

void ReplicaClient::Release() { End(State::kReleased); }

void ReplicaClient::GiveUp() { End(State::kGivenUp); }

void ReplicaClient::End(State state) {
  Acknowledgements all;
  {
    MutexLock lock(mutex_);
    if (state_ != State::kOpen) return;
    state_ = state;
    all = TakeUpTo(UINT64_MAX);
    if (stream_ != nullptr) stream_->Cancel();
    changed_.NotifyAll();
  }
  if (state == State::kGivenUp) {
    for (const std::shared_ptr<Acknowledgement>& one : all) one->GiveUp();
  }
}

ReplicaClient::Acknowledgements ReplicaClient::TakeUpTo(uint64_t number) {
  Acknowledgements taken;
  for (; !queue_.empty() && queue_.front().number <= number; queue_.pop_front()) {
    Queued& queued = queue_.front();
    queued_bytes_.fetch_sub(queued.bytes, std::memory_order_relaxed);
    if (queued.acknowledgement != nullptr) taken.push_back(std::move(queued.acknowledgement));
    for (auto& [epoch, one] : queued.more) {
      if (refused_epoch_ >= epoch) one->GiveUp();
      taken.push_back(std::move(one));
    }
    queued = Queued();
  }
  return taken;
}

void ReplicaClient::Run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (pause_) {
      pause_ = false;
      changed_.WaitFor(mutex_, kReconnectPause);
      continue;
    }
    if (stream_ == nullptr && state_ == State::kOpen && !queue_.empty()) Connect();
    changed_.Wait(mutex_);
  }
}

void ReplicaClient::Connect() {
  const uint64_t attempt = ++attempt_;
  ++open_streams_;
  stream_ = Stream::Start(
      loop_,
      [this](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        context->set_wait_for_ready(true);
        return stub_.PrepareCall(context, kReplicate, queue);
      },
      [this, attempt](grpc::ByteBuffer& message) { Received(attempt, message); },
      [this, attempt](const absl::Status& status) { Closed(attempt, status); });
  WriteOpen();
  for (size_t i = 0; i < queue_.size(); ++i) Write(queue_[i]);
}

void ReplicaClient::WriteOpen() {
  v1::Header header;
  header.set_kind(v1::Header::OPEN);
  header.set_client(options_.self);
  WriteBeforeKeys(header, 0, &before_keys_);
  const grpc::Slice slice(before_keys_);
  stream_->Write(grpc::ByteBuffer(&slice, 1));
}

void ReplicaClient::Write(const Queued& queued) {
  const ReplicaFrame& frame = queued.frame;
  size_t value_bytes = 0;
  for (const ByteReader::Piece& piece : frame.values) value_bytes += piece.size();
  WriteBeforeKeys(frame.header, frame.keys.size(), &before_keys_);
  absl::InlinedVector<grpc::Slice, 6> slices;
  slices.emplace_back(before_keys_.data(), before_keys_.size());
  if (frame.keys.size() > 0) slices.push_back(SliceOf(frame.keys, 0, frame.keys.size()));
  uint8_t before_values[kMaxBeforeValues];
  if (value_bytes > 0) {
    slices.emplace_back(before_values, WriteBeforeValues(value_bytes, before_values));
    for (const ByteReader::Piece& piece : frame.values) {
      slices.push_back(SliceOfPiece(piece, frame.owner));
    }
  }
  stream_->Write(grpc::ByteBuffer(slices.data(), slices.size()));
}

void ReplicaClient::Received(uint64_t attempt, grpc::ByteBuffer& message) {
  const absl::StatusOr<ReplyFrame> reply = parser_.Parse(pieces_.Of(message));
  // They end outside of the lock.
  Acknowledgements done, after;
  if (reply.ok()) {
    MutexLock lock(mutex_);
    // It has taken it nevertheless.
    const bool full = absl::IsResourceExhausted(reply->status);
    full_.store(full, std::memory_order_relaxed);
    const bool replaced = !full && !reply->status.ok();
    if (attempt == attempt_) done = TakeUpTo(reply->sequence - replaced);
    if (attempt == attempt_ && replaced && !queue_.empty() &&
        queue_.front().number == reply->sequence) {
      // Whoever waits for it will send it to the shard's new primary.
      Queued& refused = queue_.front();
      if (refused.acknowledgement != nullptr) refused.acknowledgement->GiveUp();
      refused_epoch_ = std::max(refused_epoch_, refused.frame.header.epoch());
      after = TakeUpTo(reply->sequence);
    }
  }
  pieces_.Clear();
  message.Clear();
}

void ReplicaClient::Closed(uint64_t attempt, const absl::Status& status) {
  MutexLock lock(mutex_);
  --open_streams_;
  if (attempt == attempt_) {
    stream_ = nullptr;
    if (state_ == State::kOpen && !absl::IsUnavailable(status)) {
      spdlog::warn("the stream to backup {} ended ({}); opening it again, {} messages to repeat",
                   options_.address, status.ToString(), queue_.size());
    }
    pause_ = true;
  }
  changed_.NotifyAll();
}

}  // namespace paramd
