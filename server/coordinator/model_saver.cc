#include "server/coordinator/model_saver.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/config/data_kind.h"
#include "common/config/duration.h"
#include "common/model_file/model_file.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "paramd/v1/parameter.grpc.pb.h"

namespace paramd {
namespace {

using Stubs = std::map<uint32_t, std::unique_ptr<v1::ParameterService::Stub>>;

template <typename T>
void Append(const std::string& bytes, std::vector<T>* to) {
  const size_t count = bytes.size() / sizeof(T);
  to->resize(to->size() + count);
  std::memcpy(to->data() + to->size() - count, bytes.data(), count * sizeof(T));
}

absl::Status ReadShard(v1::ParameterService::Stub& stub, const v1::ReadShardRequest& request,
                       ModelTable* table) {
  grpc::ClientContext context;
  const auto reader = stub.ReadShard(&context, request);
  v1::ShardRows rows;
  while (reader->Read(&rows)) {
    Append(rows.keys(), &table->keys);
    Append(rows.values(), &table->values);
  }
  return FromGrpc(reader->Finish());
}

// Rows come shard by shard; the file has them by ascending key.
void SortByKey(ModelTable* table) {
  std::vector<uint32_t> order(table->keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return table->keys[a] < table->keys[b]; });
  std::vector<uint64_t> keys(order.size());
  std::vector<float> values(table->values.size());
  for (size_t i = 0; i < order.size(); ++i) {
    keys[i] = table->keys[order[i]];
    std::copy_n(table->values.data() + size_t{order[i]} * table->dim, table->dim,
                values.data() + i * table->dim);
  }
  table->keys = std::move(keys);
  table->values = std::move(values);
}

absl::StatusOr<ModelTable> ReadTable(const v1::ShardMap& map, int index, Stubs& stubs) {
  const v1::TablePlacement& placement = map.tables(index);
  ModelTable table;
  table.name = placement.spec().name();
  table.sparse = placement.spec().kind() == v1::TableSpec::SPARSE;
  table.dim = placement.spec().dim();
  v1::ReadShardRequest request;
  request.set_epoch(map.epoch());
  request.set_table(static_cast<uint32_t>(index));
  // Dense shards are ranges of rows in order.
  for (int shard = 0; shard < placement.shard_servers_size(); ++shard) {
    request.set_shard(static_cast<uint32_t>(shard));
    const uint32_t server = placement.shard_servers(shard);
    if (absl::Status status = ReadShard(*stubs.at(server), request, &table); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat("server ", server, ", table ", table.name,
                                                      ": ", status.message()));
    }
  }
  if (table.sparse) SortByKey(&table);
  return table;
}

}  // namespace

absl::Status SaveModel(const v1::Config& config, const v1::ShardMap& map, const std::string& path) {
  Stubs stubs;
  // A message has at least one row, however long that is.
  for (const v1::ServerMember& server : map.servers()) {
    stubs[server.id()] = v1::ParameterService::NewStub(
        MakeChannel(server.address(), {.max_message_bytes = std::numeric_limits<int>::max(),
                                       .keepalive = ToDuration(config.transport().keepalive())}));
  }
  ModelFile model;
  model.model = config.model();
  // The file stands for itself.
  model.model.clear_init();
  model.data = config.data();
  model.sparse = map.data().sparse();
  model.columns = map.data().columns();
  model.fields = map.data().fields();
  model.scales = {map.data().scales().begin(), map.data().scales().end()};
  for (int i = 0; i < map.tables_size(); ++i) {
    ASSIGN_OR_RETURN(ModelTable table, ReadTable(map, i, stubs));
    model.tables.push_back(std::move(table));
  }
  return WriteModelFile(path, model);
}

}  // namespace paramd
