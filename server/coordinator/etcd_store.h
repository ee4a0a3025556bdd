#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/base/mutex.h"
#include "server/coordinator/etcd_client.h"
#include "server/coordinator/store.h"

namespace paramd {

// A Store in etcd: key K is `prefix` + K. The version is etcd's mod_revision, which grows with
// every change of anything in etcd, so that it never comes back, also when a key was deleted. All
// reads are linearizable, and what matters is decided by etcd, in one transaction with the
// comparison.
//
// Format of a value (little-endian): 8 bytes "PARAMDE1", 8 bytes a random number of the store
// object that wrote it, 8 bytes the number of the write, the data. By these a write whose answer
// was lost is known again: it is done when it is found there, whoever asks.
//
// etcd keeps every old version until it is told to compact, and takes no value above its
// --max-request-bytes (1.5 MiB).
class EtcdStore final : public Store {
 public:
  // `client` is shared with the election.
  EtcdStore(std::shared_ptr<EtcdClient> client, std::string prefix);

  // UNAVAILABLE: etcd does not answer. DATA_LOSS: somebody else's value.
  absl::StatusOr<Value> Get(absl::string_view key) override;
  // UNAVAILABLE: etcd does not answer, and it is not known whether the data is or will be written.
  // The same `expected_version` is then right for the next attempt, with these or other data, until
  // somebody else has written.
  absl::StatusOr<uint64_t> CompareAndSwap(absl::string_view key, uint64_t expected_version,
                                          absl::string_view data) override;

 private:
  // What is stored of a key, and who wrote it.
  struct Stored {
    Value value;
    uint64_t writer = 0;
    uint64_t number = 0;
  };

  // `values`: none or one.
  absl::StatusOr<Stored> Parse(const etcdserverpb::RangeResponse& values) const;
  etcdserverpb::TxnRequest SwapRequest(const std::string& key, uint64_t expected_version,
                                       uint64_t number, absl::string_view data) const;

  const std::shared_ptr<EtcdClient> client_;
  const std::string prefix_;
  const uint64_t writer_;

  // Makes a swap, with all its attempts, one step for this process. Held over calls: they are the
  // point of this class.
  Mutex mutex_;
  uint64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  // By key: the numbers of writes over the last expected version whose outcome nobody knows.
  std::map<std::string, std::set<uint64_t>> unknown_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paramd
