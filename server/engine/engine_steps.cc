// The part of Engine that makes synchronous steps.

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/engine/engine.h"
#include "server/table/shard.h"

namespace paramd {
namespace {

// Steps that are remembered for shards that come from another server. It can be behind by those
// whose pushes are not answered: one, as pulls of the next step wait for all servers.
constexpr size_t kRecentSteps = 64;

}  // namespace

uint64_t Engine::FinishedSteps() const {
  return std::max(decided_, clocks_.ClockOfAllBut(view_->backup_workers));
}

void Engine::FinishStep(const Operation& operation) {
  const std::optional<uint64_t> clock = clocks_.ClockOf(operation.client);
  if (!clock) return;  // it has left meanwhile
  if (operation.clock < *clock) {
    // It repeats itself, perhaps for shards that have come here. A step that is not decided has, or
    // gets, one list of contributors for all shards.
    if (view_->synchronous && replicates()) {
      (operation.clock < decided_ ? before_ : ledger_)
          .Record(operation.client, operation.clock, operation.examples);
    }
    return;
  }
  if (operation.clock < decided_) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return clocks_.Advance(operation.client, decided_);
  }
  if (view_->synchronous) {
    ledger_.Record(operation.client, operation.clock, operation.examples);
  }
  clocks_.Advance(operation.client, operation.clock + 1);
}

void Engine::Settle() {
  std::vector<PendingPull> ready;
  while (const std::optional<Closing> closing = BeginClosing(&ready)) {
    if (closing->checkpoint != nullptr) closing->checkpoint->CopyAll();
    for (const FinishedStep& step : closing->steps) Close(*closing->view, step);
    // Steps that nobody took part in.
    ForEachSynchronousShard(*closing->view, [&](Shard& shard) {
      if (closing->clock > 0) shard.CloseStep(closing->clock - 1, {});
    });
    EndClosing(*closing);
  }
  ReportFilledSteps();
  for (const PendingPull& pull : ready) Answer(pull);
}

std::optional<Engine::Closing> Engine::BeginClosing(std::vector<PendingPull>* ready) {
  MutexLock lock(mutex_);
  if (closing_ || AwaitsClients()) return std::nullopt;
  awaited_epoch_ = 0;
  uint64_t clock = FinishedSteps();
  // A checkpoint is made between two steps.
  const bool waits = checkpoint_state_ == CheckpointState::kWaits && checkpoint_step_ > closed_;
  if (waits) clock = std::min(clock, checkpoint_step_);
  if (view_->synchronous && (clock > closed_ || catch_up_)) {
    closing_ = true;
    decided_ = clock;
    Closing closing = {.view = view_, .clock = clock};
    if (checkpoint_state_ == CheckpointState::kBegun) closing.checkpoint = checkpoint_;
    // Where they are closed already nothing comes of it.
    if (catch_up_) closing.steps = ClosedSteps(clock);
    for (FinishedStep& step : ledger_.TakeBefore(clock)) {
      if (replicates()) recent_.push_back(step);
      if (recent_.size() > kRecentSteps) recent_.pop_front();
      closing.steps.push_back(std::move(step));
    }
    return closing;
  }
  catch_up_ = false;
  closed_ = clock;
  BeginCheckpointIfDue();
  *ready = parked_.TakeReady(closed_);
  for (PendingPull& pull : *ready) pull.reply = NewReply(pull.operation);
  return std::nullopt;
}

void Engine::EndClosing(const Closing& closing) {
  // Of pushes that came while their step was closed, or that no step was made of.
  StepAnswers left;
  {
    MutexLock lock(mutex_);
    closed_ = std::max(closed_, closing.clock);
    closing_ = catch_up_ = false;
    BeginCheckpointIfDue();
    closed_changed_.NotifyAll();
    left = TakeAnswersBefore(closed_);
  }
  WhenAllTaken(closing.view->epoch, left);
}

void Engine::WaitUntilClosed() {
  MutexLock lock(mutex_);
  const uint64_t clock = FinishedSteps();
  while (view_->synchronous && (closed_ < clock || catch_up_) && !AwaitsClients()) {
    closed_changed_.Wait(mutex_);
  }
}

void Engine::HoldSteps() {
  MutexLock lock(mutex_);
  while (closing_) closed_changed_.Wait(mutex_);
  closing_ = true;
}

void Engine::LetStepsGo() {
  MutexLock lock(mutex_);
  closing_ = false;
  closed_changed_.NotifyAll();
}

Engine::StepAnswers Engine::TakeAnswersBefore(uint64_t step) {
  StepAnswers answers;
  const auto end = step_answers_.lower_bound(step);
  for (auto it = step_answers_.begin(); it != end; ++it) answers.push_back(std::move(it->second));
  step_answers_.erase(step_answers_.begin(), end);
  return answers;
}

void Engine::DiscardUnfinished(const View& view, uint32_t client) {
  std::optional<uint64_t> clock;
  {
    MutexLock lock(mutex_);
    clock = clocks_.ClockOf(client);
  }
  if (!clock) return;
  ForEachSynchronousShard(view, [&](Shard& shard) { shard.Discard(client, *clock); });
}

void Engine::Close(const View& view, const FinishedStep& step) {
  // The answers to the step's pushes, and to those before it, go when every backup has the step.
  StepAnswers answers;
  if (replicates()) {
    MutexLock lock(mutex_);
    answers = TakeAnswersBefore(step.step + 1);
  }
  const auto together =
      std::make_shared<Acknowledgement>([answers = std::move(answers)](bool acknowledged) {
        if (acknowledged) return;
        for (const std::shared_ptr<Acknowledgement>& answer : answers) answer->GiveUp();
      });
  for (uint32_t number = 0; number < view.tables.size(); ++number) {
    const Table& table = *view.tables[number];
    if (!table.synchronous()) continue;
    for (uint32_t i = 0; i < table.shards(); ++i) {
      Shard* const shard = table.shard(i);
      if (shard == nullptr) continue;
      ClosedStep closed;
      shard->CloseStep(step.step, step.contributions, step.examples, &closed);
      if (closed.applied.targets.empty()) continue;
      Ship(closed.applied.targets, CloseFrame(number, i, step.step, step.examples, closed),
           together);
    }
  }
}

std::vector<FinishedStep> Engine::ClosedSteps(uint64_t clock) {
  std::vector<FinishedStep> steps(recent_.begin(), recent_.end());
  absl::flat_hash_set<uint64_t> closed_here;
  for (const FinishedStep& step : steps) closed_here.insert(step.step);
  for (FinishedStep& step : before_.TakeBefore(clock)) {
    if (!closed_here.contains(step.step)) steps.push_back(std::move(step));
  }
  std::sort(steps.begin(), steps.end(),
            [](const FinishedStep& a, const FinishedStep& b) { return a.step < b.step; });
  return steps;
}

bool Engine::AwaitsClients() const {
  if (awaited_epoch_ == 0) return false;
  if (!awaited_clients_.empty()) return true;
  for (const auto& [client, clock] : clocks_.clocks()) {
    const auto said = sent_again_.find(client);
    if (said == sent_again_.end() || said->second < awaited_epoch_) return true;
  }
  return false;
}

}  // namespace paramd
