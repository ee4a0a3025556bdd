#include "server/replica/checkpoint_shards.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/wire/byte_reader.h"
#include "common/wire/frame.h"
#include "server/replica/shard_operations.h"
#include "server/storage/checkpoint_folder.h"
#include "server/storage/checkpoint_reader.h"

namespace paramd {
namespace {

absl::Status ReadFile(const CheckpointReader& reader, const std::string& name,
                      const ShardsToRead& shards) {
  OperationParser parser;
  return reader.Read(name, [&](absl::string_view record) -> absl::Status {
    const ByteReader::Piece piece(reinterpret_cast<const uint8_t*>(record.data()), record.size());
    ASSIGN_OR_RETURN(const OperationFrame frame, parser.Parse({&piece, 1}));
    const v1::Header& header = *frame.header;
    if (header.segments_size() != 1) return absl::DataLossError(name + ": a record of no shard");
    const auto wanted = shards.find({header.table(), header.segments(0).shard()});
    if (wanted == shards.end()) return absl::OkStatus();
    return ForEachShardOperation(header, frame.keys, frame.values, wanted->second.sparse,
                                 wanted->second.dim,
                                 [&](uint32_t, const ShardOperation& operation) {
                                   return wanted->second.shard->Take(operation);
                                 });
  });
}

// From the full one on.
absl::StatusOr<std::vector<CheckpointReader>> OpenChain(const std::string& folder,
                                                        uint64_t number) {
  std::vector<CheckpointReader> chain;
  while (true) {
    ASSIGN_OR_RETURN(CheckpointReader reader, CheckpointReader::Open(folder, number));
    const auto parent = reader.manifest().parent;
    chain.push_back(std::move(reader));
    if (!parent.has_value()) break;
    ASSIGN_OR_RETURN(const StoredManifest stored, ReadManifest(folder, parent->number));
    if (stored.sha256 != parent->sha256) {
      return absl::DataLossError(absl::StrCat(ManifestPath(folder, parent->number),
                                              ": is not the one that checkpoint ", number,
                                              " was added to"));
    }
    number = parent->number;
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

}  // namespace

absl::StatusOr<v1::CheckpointPayload> PayloadOf(const Manifest& manifest) {
  v1::CheckpointPayload payload;
  if (payload.ParseFromString(manifest.payload)) return payload;
  return absl::DataLossError(
      absl::StrCat("the manifest of checkpoint ", manifest.number, " holds no job"));
}

absl::Status ReadShards(const std::string& folder, uint64_t number, const ShardsToRead& shards) {
  ASSIGN_OR_RETURN(const std::vector<CheckpointReader> chain, OpenChain(folder, number));
  for (const CheckpointReader& reader : chain) {
    ASSIGN_OR_RETURN(const v1::CheckpointPayload payload, PayloadOf(reader.manifest()));
    for (const v1::CheckpointFile& file : payload.files()) {
      const bool wanted =
          std::any_of(file.shards().begin(), file.shards().end(), [&](const auto& shard) {
            return shards.contains({shard.table(), shard.shard()});
          });
      if (file.name().empty() || !wanted) continue;
      RETURN_IF_ERROR(ReadFile(reader, file.name(), shards));
    }
  }
  for (const auto& [place, shard] : shards) {
    if (shard.shard->filled()) continue;
    return absl::DataLossError(absl::StrCat("checkpoint ", number, " in ", folder, " lacks shard ",
                                            place.second, " of table ", place.first));
  }
  return absl::OkStatus();
}

}  // namespace paramd
