#include "server/engine/engine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/buffer.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "common/wire/value_codec.h"
#include "common/wire/value_decoder.h"
#include "common/wire/value_encoder.h"
#include "server/consistency/policy.h"
#include "server/table/sequence_marks.h"
#include "server/table/shard.h"

namespace paramd {
namespace {

// The clock that every client has to reach before the pull is answered.
uint64_t ClockNeededBy(const Operation& operation, const Table& table) {
  if (operation.ignore_clock) return 0;
  return ClockToWaitFor(ConsistencyAt(table.spec(), operation.clock), operation.clock);
}

// Steps by which `from` is behind `to`; 0 when it is not.
uint64_t StepsBetween(uint64_t from, uint64_t to) { return to - std::min(from, to); }

// Memory that a thread uses for one operation after the other.
struct Scratch {
  CheckedOperation checked;
  ValueDecoder decoder;
  ValueEncoder encoder;
  std::vector<Applied> applied;

  static Scratch& OfThread() {
    static thread_local Scratch scratch;
    return scratch;
  }
};

}  // namespace

Engine::Engine(const EngineOptions& options)
    : options_(options),
      memory_(options.memory),
      view_(std::make_shared<const View>()),
      parked_(*options.clock),
      wait_for_backup_(options.wait_for_backup),
      fill_bytes_per_second_(options.fill_bytes_per_second) {}

Engine::~Engine() {
  StopReplicating();
  std::vector<PendingPull> waiting;
  std::multimap<uint64_t, std::shared_ptr<Acknowledgement>> answers;
  {
    MutexLock lock(mutex_);
    answers.swap(step_answers_);
    waiting = parked_.TakeIf([](const PendingPull&) { return true; });
  }
  for (PendingPull& pull : waiting) {
    pull.reply.status = absl::CancelledError("the server stops");
    pull.done(pull.reply);
  }
}

// ---- operations

void Engine::Handle(const Operation& operation, const ReplyCallback& done) {
  switch (operation.kind) {
    case OperationKind::kAttach:
    case OperationKind::kAdvance:
      return Finish(AttachOrAdvance(operation), done);
    case OperationKind::kDetach:
      return Finish(Detach(operation), done);
    case OperationKind::kPush:
      return Push(operation, done);
    case OperationKind::kPull:
      return Pull(operation, done);
    case OperationKind::kOpen:
      break;  // the transport's business
  }
  Finish({.sequence = operation.sequence, .status = absl::InvalidArgumentError("unknown kind")},
         done);
}

absl::Status Engine::Admit(const Operation& operation) const {
  RETURN_IF_ERROR(CheckSender(*view_, operation));
  const bool by_clock = operation.kind == OperationKind::kAdvance ||
                        operation.kind == OperationKind::kPush ||
                        (operation.kind == OperationKind::kPull && !operation.ignore_clock);
  if (by_clock && !clocks_.ClockOf(operation.client)) {
    return absl::FailedPreconditionError(
        absl::StrCat("client ", operation.client, " is not attached"));
  }
  return absl::OkStatus();
}

Reply Engine::NewReply(const Operation& operation) const {
  return {.sequence = operation.sequence,
          .status = Admit(operation),
          .epoch = view_->epoch,
          .clock = view_->backup_workers > 0 ? closed_ : clocks_.MinClock()};
}

Engine::Admission Engine::Begin(const Operation& operation) const {
  MutexLock lock(mutex_);
  return {.reply = NewReply(operation),
          .view = view_,
          .closed = closed_,
          .fastest = clocks_.MaxClock(),
          .holds_pulls = HoldsPulls()};
}

void Engine::Finish(const Reply& reply, const ReplyCallback& done) {
  if (!reply.status.ok()) refused_.fetch_add(1, std::memory_order_relaxed);
  done(reply);
}

Reply Engine::AttachOrAdvance(const Operation& operation) {
  Reply reply;
  {
    MutexLock lock(mutex_);
    reply = NewReply(operation);
    if (reply.status.ok()) reply.status = CheckControl(operation);
    if (!reply.status.ok()) return reply;
    uint64_t& sent_again = sent_again_[operation.client];
    sent_again = std::max(sent_again, operation.epoch);
    if (operation.kind == OperationKind::kAdvance && sent_again >= awaited_epoch_) {
      awaited_clients_.erase(operation.client);
    }
    if (operation.kind == OperationKind::kAttach) {
      const uint64_t at_least = std::max(decided_, ledger_.NextStepOf(operation.client));
      reply.clock =
          operation.clock == 0
              ? clocks_.Attach(operation.client, at_least)
              : clocks_.AttachAt(operation.client, std::max(at_least, operation.clock - 1));
      return reply;
    }
    clocks_.Advance(operation.client, operation.clock);
    reply.clock = clocks_.MinClock();
  }
  Settle();
  return reply;
}

Reply Engine::Detach(const Operation& operation) {
  Admission admission = Begin(operation);
  Reply& reply = admission.reply;
  if (reply.status.ok()) reply.status = CheckControl(operation);
  if (!reply.status.ok()) return reply;
  DiscardUnfinished(*admission.view, operation.client);
  std::vector<PendingPull> waiting;
  {
    MutexLock lock(mutex_);
    clocks_.Detach(operation.client);
    awaited_clients_.erase(operation.client);
    waiting = parked_.TakeIf(
        [&](const PendingPull& pull) { return pull.operation.client == operation.client; });
    reply.clock = clocks_.MinClock();
  }
  for (PendingPull& pull : waiting) Resume(std::move(pull));
  ForgetPulled(*admission.view, operation.client);
  Settle();
  WaitUntilClosed();
  return reply;
}

// ---- pushes

void Engine::Push(const Operation& operation, const ReplyCallback& done) {
  Admission admission = Begin(operation);
  Reply& reply = admission.reply;
  if (!reply.status.ok()) return Finish(reply, done);
  CheckedOperation& checked = Scratch::OfThread().checked;
  reply.status = CheckRows(*admission.view, operation, options_.limits, &checked);
  bool slow = false;
  if (reply.status.ok()) reply.status = CheckRoom(operation, checked, &slow);
  if (!reply.status.ok()) return Finish(reply, done);
  // With backups the answer goes when all have let go of it, this function among them.
  struct Waiting {
    Reply reply;
    ReplyCallback done;
  };
  std::shared_ptr<Waiting> waiting;
  std::shared_ptr<Acknowledgement> acknowledgement;
  if (checked.table != nullptr && replicates()) {
    waiting = std::make_shared<Waiting>();
    acknowledgement = std::make_shared<Acknowledgement>([this, waiting](bool acknowledged) {
      if (acknowledged) {
        PARAMD_FAILPOINT("push.acknowledge");
      } else {
        waiting->reply.status = absl::UnavailableError("a shard has moved to another server");
      }
      Finish(waiting->reply, waiting->done);
    });
    waiting->done = slow ? Slowed(done) : done;
  }
  if (checked.table != nullptr) {
    reply.status = Deliver(admission.view->epoch, operation, checked,
                           StepsBetween(operation.clock, admission.fastest), acknowledgement);
  }
  if (operation.finishes_step && reply.status.ok()) {
    {
      MutexLock lock(mutex_);
      FinishStep(operation);
      reply.clock = clocks_.MinClock();
    }
    Settle();
  }
  if (reply.status.ok()) pushes_.fetch_add(1, std::memory_order_relaxed);
  if (acknowledgement == nullptr) {
    PARAMD_FAILPOINT("push.acknowledge");
    return Finish(reply, slow ? Slowed(done) : done);
  }
  waiting->reply = std::move(reply);
}

absl::Status Engine::Deliver(uint64_t epoch, const Operation& operation,
                             const CheckedOperation& checked, uint64_t staleness,
                             const std::shared_ptr<Acknowledgement>& acknowledgement) {
  PushId id = {.client = operation.client,
               .incarnation = operation.incarnation,
               .sequence = operation.sequence,
               .clock = operation.clock,
               .origin = operation.origin};
  const GradientInfo info = {.examples = std::max<uint64_t>(operation.examples, 1),
                             .clock = operation.clock,
                             .delay = staleness};
  ValueDecoder& gradients = Scratch::OfThread().decoder;
  std::vector<Applied>& applied = Scratch::OfThread().applied;
  const bool replicated = acknowledgement != nullptr;
  if (replicated) applied.assign(checked.parts.size(), {});
  const bool synchronous = checked.table->synchronous();
  const UnderWay::Scope under_way(under_way_);
  // alone: no other server has it; waits: something has to have it before the answer.
  bool duplicate = false, late = false, refused = false, alone = false, waits = false;
  for (size_t i = 0; i < checked.parts.size(); ++i) {
    const ShardPart& part = checked.parts[i];
    Applied* const noted = replicated ? &applied[i] : nullptr;
    gradients.Reset(operation.codec, part.shape(), part.values);
    id.piece = part.piece;
    const PushOutcome outcome =
        synchronous ? part.shard->Accumulate(id, operation.clock, part.rows, gradients, noted)
                    : part.shard->Push(id, part.rows, gradients, info, noted);
    duplicate |= outcome == PushOutcome::kDuplicate;
    late |= outcome == PushOutcome::kLate;
    refused |= outcome == PushOutcome::kNotServed;
    bool with_others = false;
    if (noted != nullptr) {
      for (const ReplicaTarget& target : noted->targets) {
        waits |= Waits(target);
        with_others |= Waits(target) && target.server != kLogTarget;
      }
    }
    alone |= !with_others;
  }
  if (duplicate) {
    duplicates_.fetch_add(1, std::memory_order_relaxed);
  } else {
    checked.staleness->pushes.Add(staleness);
  }
  if (late) late_.fetch_add(1, std::memory_order_relaxed);
  if (replicated && !synchronous) {
    ShipPush(operation, staleness, checked.parts, applied, acknowledgement);
  }
  // What was applied is passed over when it comes again.
  if (refused) return absl::UnavailableError("a shard has moved to another server");
  if (alone && !options_.has_lease()) {
    return absl::UnavailableError(
        "this server has no lease: it has not heard of the coordinator for too long");
  }
  if (!replicated) return absl::OkStatus();
  if (duplicate || late) WaitForTargets(epoch, applied, acknowledgement);
  if (synchronous && waits) {
    MutexLock lock(mutex_);
    const bool open = operation.clock >= closed_ || catch_up_;
    if (open) step_answers_.emplace(operation.clock, acknowledgement);
  }
  return absl::OkStatus();
}

// ---- pulls

void Engine::Pull(const Operation& operation, const ReplyCallback& done) {
  Admission admission = Begin(operation);
  if (!admission.reply.status.ok()) return Finish(admission.reply, done);
  CheckedOperation& checked = Scratch::OfThread().checked;
  admission.reply.status = CheckRows(*admission.view, operation, options_.limits, &checked);
  bool slow = false;
  if (admission.reply.status.ok()) {
    admission.reply.status = CheckRoom(operation, checked, &slow);
  }
  if (!admission.reply.status.ok()) return Finish(admission.reply, done);
  const uint64_t needed = ClockNeededBy(operation, *checked.table);
  if (needed <= admission.closed && (needed == 0 || !admission.holds_pulls)) {
    return Answer(operation, checked, std::move(admission.reply), done);
  }
  PendingPull pull = {.operation = operation,
                      .checked = std::move(checked),
                      .reply = std::move(admission.reply),
                      .done = done};
  pull.OwnKeys();
  Resume(std::move(pull));
}

void Engine::Resume(PendingPull pull) {
  {
    MutexLock lock(mutex_);
    pull.reply = NewReply(pull.operation);
    // By the table as it is now: it may have another bound than when the pull came.
    const uint64_t needed =
        pull.reply.status.ok() ? ClockNeededBy(pull.operation, *view_->tables[pull.operation.table])
                               : 0;
    const View& view = *view_;
    const bool served = std::all_of(
        pull.checked.parts.begin(), pull.checked.parts.end(), [&](const ShardPart& part) {
          return view.ServedShard(pull.operation.table, part.number) == part.shard;
        });
    if (pull.reply.status.ok() && !served) {
      pull.reply.status = absl::UnavailableError("a shard has moved to another server");
    } else if (needed > closed_ || (needed > 0 && HoldsPulls())) {
      if (parked_.all().size() < options_.max_parked_pulls &&
          parked_.bytes() + pull.Bytes() <= options_.max_parked_bytes) {
        return parked_.Add(needed, std::move(pull));
      }
      pull.reply.status = absl::ResourceExhaustedError(
          absl::StrCat("there are ", parked_.all().size(), " waiting pulls of ", parked_.bytes(),
                       " bytes already; at most ", options_.max_parked_pulls, " of ",
                       options_.max_parked_bytes));
    }
  }
  if (!pull.reply.status.ok()) return Finish(pull.reply, pull.done);
  Answer(pull);
}

void Engine::Answer(const Operation& operation, const CheckedOperation& checked, Reply reply,
                    const ReplyCallback& done) {
  uint64_t size = kReplyRoom;
  for (const ShardPart& part : checked.parts) size += EncodedSize(operation.codec, part.shape());
  reply.values = Buffer(size);
  uint8_t* out = reply.values.data() + kReplyRoom;
  ValueEncoder& encoder = Scratch::OfThread().encoder;
  // Replicas hear of what was pulled.
  std::optional<UnderWay::Scope> under_way;
  if (!operation.ignore_clock) under_way.emplace(under_way_);
  // Each part rounds by a seed of its own.
  uint64_t seed = operation.sequence << 16;
  for (const ShardPart& part : checked.parts) {
    encoder.Reset(operation.codec, part.shape(), seed++, out);
    if (operation.ignore_clock) {
      part.shard->Pull(part.rows, encoder);
    } else {
      Applied applied;
      part.shard->PullFor(operation.client, operation.clock, part.rows, encoder, &applied);
      if (!applied.targets.empty()) {
        Ship(applied.targets, PulledFrame(operation, part.number, part.rows, applied.index),
             nullptr);
      }
    }
    encoder.Finish();
    out += EncodedSize(operation.codec, part.shape());
  }
  under_way.reset();
  pulls_.fetch_add(1, std::memory_order_relaxed);
  if (!operation.ignore_clock) {
    checked.staleness->pulls.Add(StepsBetween(reply.clock, operation.clock));
  }
  done(reply);
}

bool Engine::IsMember(uint32_t client, uint64_t incarnation) const {
  MutexLock lock(mutex_);
  return view_->IsMember(client, incarnation);
}

void Engine::Cancel(uint32_t client, uint64_t incarnation) {
  std::vector<PendingPull> waiting;
  {
    MutexLock lock(mutex_);
    waiting = parked_.TakeIf([&](const PendingPull& pull) {
      return pull.operation.client == client && pull.operation.incarnation == incarnation;
    });
  }
  for (PendingPull& pull : waiting) {
    pull.reply.status = absl::CancelledError("the connection is gone");
    pull.done(pull.reply);
  }
}

void Engine::ForgetPulled(const View& view, uint32_t client) {
  for (uint32_t number = 0; number < view.tables.size(); ++number) {
    const Table* const table = view.tables[number].get();
    for (uint32_t i = 0; i < table->shards(); ++i) {
      Shard* const shard = table->shard(i);
      if (shard == nullptr || !shard->keeps_pulled()) continue;
      const UnderWay::Scope under_way(under_way_);
      Applied applied;
      shard->Forget(client, &applied);
      if (!applied.targets.empty()) {
        Ship(applied.targets, ForgetFrame(number, i, client, applied.index), nullptr);
      }
    }
  }
}

}  // namespace paramd
