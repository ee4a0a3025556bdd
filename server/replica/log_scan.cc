#include "server/replica/log_scan.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/wire/frame.h"
#include "server/replica/log_keeper.h"
#include "server/storage/log_recovery.h"

namespace paramd {

absl::StatusOr<v1::HeldLog> ScanLog(const std::string& folder) {
  v1::HeldLog held;
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> shards;
  OperationParser parser;
  const auto visit = [&](absl::string_view record) -> absl::Status {
    const ByteReader::Piece piece(reinterpret_cast<const uint8_t*>(record.data()), record.size());
    const absl::StatusOr<OperationFrame> frame = parser.Parse({&piece, 1});
    if (!frame.ok()) {
      return absl::DataLossError(absl::StrCat(folder, ": ", frame.status().message()));
    }
    const v1::Header& header = *frame->header;
    if (const uint64_t job = JobOf(header); job != 0) {
      // Another job's log was begun anew for this one.
      if (held.job() != job) shards.clear();
      held.set_job(job);
      return absl::OkStatus();
    }
    for (int i = 0; i < header.segments_size(); ++i) {
      const std::pair<uint32_t, uint32_t> shard = {header.table(), header.segments(i).shard()};
      const uint64_t index = header.replicated().indices(i);
      const auto known = shards.find(shard);
      if (known != shards.end()) {
        known->second = std::max(known->second, index);
      } else if (header.kind() == v1::Header::SNAPSHOT && header.replicated().snapshot().last()) {
        shards[shard] = index;
      }
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(RecoverLog(folder, visit).status());
  for (const auto& [shard, index] : shards) {
    v1::LoggedShard& logged = *held.add_shards();
    logged.set_table(shard.first);
    logged.set_shard(shard.second);
    logged.set_index(index);
  }
  return held;
}

}  // namespace paramd
