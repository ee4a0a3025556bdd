#include "server/coordinator/etcd_store.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

constexpr absl::string_view kMagic = "PARAMDE1";
constexpr size_t kWriterAt = 8, kNumberAt = 16, kHeaderBytes = 24;

std::string Bytes(uint64_t number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes;
}

uint64_t NumberAt(absl::string_view bytes, size_t offset) {
  uint64_t number;
  std::memcpy(&number, bytes.data() + offset, sizeof(number));
  return number;
}

}  // namespace

EtcdStore::EtcdStore(std::shared_ptr<EtcdClient> client, std::string prefix)
    : client_(std::move(client)), prefix_(std::move(prefix)), writer_(RandomIncarnation()) {}

absl::StatusOr<EtcdStore::Stored> EtcdStore::Parse(
    const etcdserverpb::RangeResponse& values) const {
  if (values.kvs().empty()) return Stored();
  const mvccpb::KeyValue& found = values.kvs(0);
  const absl::string_view bytes(found.value().data(), found.value().size());
  if (bytes.size() < kHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic) {
    return absl::DataLossError(
        absl::StrCat("the value of ", found.key(),
                     " in etcd is not one of paramd; delete it, or set another "
                     "cluster.coordinator.store.prefix"));
  }
  return Stored{.value = {.version = static_cast<uint64_t>(found.mod_revision()),
                          .data = std::string(bytes.substr(kHeaderBytes))},
                .writer = NumberAt(bytes, kWriterAt),
                .number = NumberAt(bytes, kNumberAt)};
}

absl::StatusOr<Store::Value> EtcdStore::Get(absl::string_view key) {
  MutexLock lock(mutex_);
  // Who reads now acts by what there is.
  unknown_.erase(std::string(key));
  etcdserverpb::RangeRequest request;
  request.set_key(absl::StrCat(prefix_, key));
  ASSIGN_OR_RETURN(const etcdserverpb::RangeResponse values, client_->Range(request));
  ASSIGN_OR_RETURN(Stored stored, Parse(values));
  return std::move(stored.value);
}

etcdserverpb::TxnRequest EtcdStore::SwapRequest(const std::string& key, uint64_t expected_version,
                                                uint64_t number, absl::string_view data) const {
  etcdserverpb::TxnRequest request;
  etcdserverpb::Compare& compare = *request.add_compare();
  compare.set_key(key);
  compare.set_target(etcdserverpb::Compare::MOD);  // of a key that is not there: 0
  compare.set_result(etcdserverpb::Compare::EQUAL);
  compare.set_mod_revision(static_cast<int64_t>(expected_version));
  etcdserverpb::PutRequest& put = *request.add_success()->mutable_request_put();
  put.set_key(key);
  put.set_value(absl::StrCat(kMagic, Bytes(writer_), Bytes(number), data));
  request.add_failure()->mutable_request_range()->set_key(key);
  return request;
}

absl::StatusOr<uint64_t> EtcdStore::CompareAndSwap(absl::string_view key, uint64_t expected_version,
                                                   absl::string_view data) {
  MutexLock lock(mutex_);
  const std::string path = absl::StrCat(prefix_, key);
  const uint64_t number = ++last_number_;
  std::set<uint64_t>& unknown = unknown_[std::string(key)];
  uint64_t version = expected_version;
  while (true) {
    const absl::StatusOr<etcdserverpb::TxnResponse> response =
        client_->Txn(SwapRequest(path, version, number, data));
    if (absl::IsUnavailable(response.status())) unknown.insert(number);
    RETURN_IF_ERROR(response.status());
    if (response->succeeded()) {
      unknown.clear();
      return static_cast<uint64_t>(response->header().revision());
    }
    ASSIGN_OR_RETURN(const Stored current, Parse(response->responses(0).response_range()));
    if (current.writer == writer_ && current.number == number) {
      // An attempt whose answer was lost.
      unknown.clear();
      return current.value.version;
    }
    if (current.writer != writer_ || unknown.count(current.number) == 0) {
      return absl::AbortedError(absl::StrCat(path, " in etcd is at version ", current.value.version,
                                             ", not ", expected_version));
    }
    // An earlier write over the same version was done after all.
    version = current.value.version;
  }
}

}  // namespace paramd
