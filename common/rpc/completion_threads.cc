#include "common/rpc/completion_threads.h"

#include "absl/strings/str_cat.h"

namespace paramd {

CompletionThreads::CompletionThreads(grpc::ServerBuilder& builder, int threads) {
  for (int i = 0; i < threads; ++i) {
    queues_.push_back(std::make_unique<StreamQueue>(builder.AddCompletionQueue()));
  }
}

CompletionThreads::~CompletionThreads() {
  for (const auto& queue : queues_) {
    queue->WaitUntilEmpty();
    queue->get()->Shutdown();
  }
  threads_.clear();
  // Those that never had a thread.
  for (const auto& queue : queues_) Run(*queue);
}

void CompletionThreads::Start() {
  for (const auto& queue : queues_) {
    threads_.push_back(std::make_unique<Thread>(absl::StrCat("rpc-", threads_.size()),
                                                [queue = queue.get()] { Run(*queue); }));
  }
}

void CompletionThreads::Run(StreamQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.get()->Next(&tag, &ok)) static_cast<Completion*>(tag)->Complete(ok);
}

}  // namespace paramd
