#include "tests/testing/oracle/step_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file_error.h"
#include "common/routing/shard_of.h"

namespace paramd {
namespace {

std::vector<uint32_t> ShardsOf(const v1::TablePlacement& table) {
  const auto shards = static_cast<uint32_t>(table.shard_servers_size());
  std::vector<uint32_t> result;
  if (table.spec().kind() == v1::TableSpec::SPARSE) {
    for (uint64_t key = 0; key < OracleTables::kKeys; ++key) {
      result.push_back(ShardOfKey(key, shards));
    }
    return result;
  }
  for (uint32_t shard = 0; shard < shards; ++shard) {
    const RowRange rows = RowsOfShard(table.spec().rows(), shards, shard);
    result.insert(result.end(), rows.end - rows.begin, shard);
  }
  return result;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StepLog>> StepLog::Create(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return FileError(errno, "create", path);
  return absl::WrapUnique(new StepLog(fd));
}

StepLog::~StepLog() { close(fd_); }

void StepLog::Shards(const v1::ShardMap& map) {
  for (const v1::TablePlacement& table : map.tables()) {
    Write(absl::StrCat("shards ", table.spec().name(), " ", absl::StrJoin(ShardsOf(table), " "),
                       "\n"));
  }
}

void StepLog::Push(uint64_t clock, const IntegerStep& step) {
  Write(absl::StrCat("push ", clock, " ", absl::StrJoin(step.keys, " "), " | ",
                     absl::StrJoin(step.sparse, " "), " | ", absl::StrJoin(step.dense, " "), "\n"));
}

void StepLog::Acknowledged(uint64_t clock) { Write(absl::StrCat("ack ", clock, "\n")); }

void StepLog::Write(absl::string_view line) {
  if (write(fd_, line.data(), line.size()) == static_cast<ssize_t>(line.size())) return;
  std::perror("the oracle's log");
  std::abort();
}

}  // namespace paramd
