// In a steady state a server allocates nothing for an operation: from the bytes that were received
// to the bytes of the answer.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "common/base/buffer.h"
#include "common/routing/shard_of.h"
#include "common/wire/byte_reader.h"
#include "common/wire/frame.h"
#include "common/wire/key_codec.h"
#include "common/wire/operation.h"
#include "common/wire/segment.h"
#include "common/wire/value_codec.h"
#include "common/wire/value_encoder.h"
#include "paramd/v1/coordinator.pb.h"
#include "paramd/v1/parameter.pb.h"
#include "server/engine/engine.h"
#include "server/rpc/operation_reader.h"
#include "tests/testing/count_allocations.h"

namespace paramd {
namespace {

constexpr uint32_t kShards = 8, kDim = 2;
constexpr uint32_t kSparse = 0, kDense = 1;
constexpr uint64_t kRows = 3000;

void AddTable(v1::ShardMap& map, v1::TableSpec::Kind kind) {
  v1::TablePlacement& table = *map.add_tables();
  v1::TableSpec& spec = *table.mutable_spec();
  spec.set_name(v1::TableSpec::Kind_Name(kind));
  spec.set_kind(kind);
  spec.set_rows(kind == v1::TableSpec::DENSE ? kRows : 0);
  spec.set_dim(kDim);
  spec.mutable_consistency()->set_mode(v1::Consistency::ASP);
  spec.mutable_optimizer()->set_type(v1::Optimizer::ADAGRAD);
  spec.mutable_optimizer()->set_learning_rate(1);
  for (uint32_t i = 0; i < kShards; ++i) table.add_shard_servers(1);
}

// A server with one client, whose operations come as bytes.
class Server {
 public:
  explicit Server(uint64_t key_cache = 1 << 20) {
    engine_.SetServerId(1);
    v1::ClusterView view;
    view.set_version(1);
    view.mutable_shard_map()->set_epoch(1);
    AddTable(*view.mutable_shard_map(), v1::TableSpec::SPARSE);
    AddTable(*view.mutable_shard_map(), v1::TableSpec::DENSE);
    v1::WorkerMember& worker = *view.add_workers();
    worker.set_id(7);
    worker.set_incarnation(1);
    REQUIRE(engine_.ApplyView(view).ok());
    v1::Operation open;
    open.mutable_header()->set_kind(v1::Header::OPEN);
    open.mutable_header()->mutable_open()->set_key_cache(key_cache);
    const std::string bytes = open.SerializeAsString();
    const ByteReader::Piece piece(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    REQUIRE(reader_.Read({&piece, 1}).status.ok());
    v1::Operation attach;
    attach.mutable_header()->set_kind(v1::Header::ATTACH);
    Handle(attach);
  }

  // Handles an operation of the client and encodes the answer, as a session does; the number of
  // allocations meanwhile.
  size_t Handle(v1::Operation& message) {
    v1::Header& header = *message.mutable_header();
    header.set_client(7);
    header.set_incarnation(1);
    header.set_epoch(1);
    header.set_sequence(++sequence_);
    const std::string bytes = message.SerializeAsString();
    // In two pieces.
    const ByteReader::Piece whole(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    const ByteReader::Piece pieces[] = {whole.subspan(0, bytes.size() / 2 + 1),
                                        whole.subspan(bytes.size() / 2 + 1)};
    const size_t before = Allocations();
    const OperationReader::Outcome outcome = reader_.Read(pieces);
    if (outcome.kind == OperationReader::Outcome::Kind::kOperation) {
      engine_.Handle(outcome.operation, answer_);
    }
    const size_t allocations = Allocations() - before;
    REQUIRE(outcome.kind == OperationReader::Outcome::Kind::kOperation);
    REQUIRE(answered_ == sequence_);
    return allocations;
  }

 private:
  Engine engine_{EngineOptions{}};
  OperationReader reader_;
  // Long enough that it does not become longer on the wire.
  uint64_t sequence_ = uint64_t{1} << 36;
  uint64_t answered_ = 0;
  const ReplyCallback answer_ = [this](const Reply& reply) {
    if (!reply.status.ok()) return;
    answered_ = reply.sequence;
    if (reply.values.size() > 0) {
      WriteBeforeValues(reply);
    } else {
      uint8_t bytes[kMaxPlainReply];
      WritePlainReply(reply, bytes);
    }
  };
};

void AddValues(v1::Operation* message, ValueCodec codec, uint32_t rows) {
  const ValueShape shape = {.rows = rows, .dim = kDim};
  const std::vector<float> values(shape.size(), 0.5f);
  std::string bytes(EncodedSize(codec, shape), '\0');
  EncodeValues(codec, shape, values, 1, reinterpret_cast<uint8_t*>(bytes.data()));
  message->mutable_values()->append(bytes);
}

v1::Operation DenseOperation(v1::Header::Kind kind, ValueCodec codec) {
  v1::Operation message;
  v1::Header& header = *message.mutable_header();
  header.set_kind(kind);
  header.set_table(kDense);
  header.set_value_codec(ToProto(codec));
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    const RowRange range = RowsOfShard(kRows, kShards, shard);
    v1::Segment& segment = *header.add_segments();
    segment.set_shard(shard);
    segment.set_rows(static_cast<uint32_t>(range.end - range.begin));
    segment.set_first_row(range.begin);
    if (kind == v1::Header::PUSH) AddValues(&message, codec, segment.rows());
  }
  return message;
}

v1::Operation SparseOperation(v1::Header::Kind kind, ValueCodec codec, v1::Codec::Keys keys) {
  v1::Operation message;
  v1::Header& header = *message.mutable_header();
  header.set_kind(kind);
  header.set_table(kSparse);
  header.set_value_codec(ToProto(codec));
  header.set_key_codec(keys);
  const KeyCodec key_codec = keys == v1::Codec::RAW ? KeyCodec::kRaw : KeyCodec::kPacked;
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    std::vector<uint64_t> own;
    for (uint64_t key = 0; key < 10 * kRows; key += 10) {
      if (ShardOfKey(key, kShards) == shard) own.push_back(key);
    }
    const auto rows = static_cast<uint32_t>(own.size());
    v1::Segment& segment = *header.add_segments();
    segment.set_shard(shard);
    segment.set_rows(rows);
    std::string bytes(MaxEncodedKeys(key_codec, rows), '\0');
    bytes.resize(EncodeKeys(key_codec, own, reinterpret_cast<uint8_t*>(bytes.data())));
    message.mutable_keys()->append(bytes);
    if (kind == v1::Header::PUSH) AddValues(&message, codec, rows);
  }
  return message;
}

// The first few of a kind make room, the others find it.
void CheckSteady(Server& server, std::vector<v1::Operation> operations) {
  constexpr int kWarmUp = 5, kRounds = 20;
  for (int i = 0; i < kWarmUp; ++i) {
    for (v1::Operation& operation : operations) server.Handle(operation);
  }
  for (int i = 0; i < kRounds; ++i) {
    for (v1::Operation& operation : operations) CHECK(server.Handle(operation) == 0);
  }
}

constexpr ValueCodec kCodecs[] = {ValueCodec::kF32, ValueCodec::kBf16, ValueCodec::kF16,
                                  ValueCodec::kInt8};

TEST_CASE("the counter counts") {
  const size_t before = Allocations();
  { const Buffer large(20 << 20); }
  const auto small = std::make_unique<int>(1);
  CHECK(*small == 1);
  CHECK(Allocations() >= before + 2);
}

TEST_CASE("dense pushes and pulls") {
  Server server;
  for (const ValueCodec codec : kCodecs) {
    CheckSteady(server,
                {DenseOperation(v1::Header::PULL, codec), DenseOperation(v1::Header::PUSH, codec)});
  }
}

TEST_CASE("sparse pushes and pulls, raw and packed keys") {
  Server server;
  for (const v1::Codec::Keys keys : {v1::Codec::RAW, v1::Codec::PACKED}) {
    for (const ValueCodec codec : kCodecs) {
      CheckSteady(server, {SparseOperation(v1::Header::PULL, codec, keys),
                           SparseOperation(v1::Header::PUSH, codec, keys)});
    }
  }
}

TEST_CASE("sparse pushes and pulls by the names of key lists") {
  Server server;
  for (const ValueCodec codec : kCodecs) {
    v1::Operation pull = SparseOperation(v1::Header::PULL, codec, v1::Codec::PACKED);
    v1::Operation push = SparseOperation(v1::Header::PUSH, codec, v1::Codec::PACKED);
    for (v1::Operation* operation : {&pull, &push}) {
      operation->mutable_header()->set_key_list("a name, 16 bytes");
    }
    server.Handle(pull);
    for (v1::Operation* operation : {&pull, &push}) {
      operation->mutable_header()->set_key_codec(v1::Codec::CACHED);
      operation->mutable_header()->clear_segments();
      operation->clear_keys();
    }
    CheckSteady(server, {pull, push});
  }
}

TEST_CASE("key lists of all sizes keep about as much memory as they may") {
  v1::Operation large = SparseOperation(v1::Header::PULL, ValueCodec::kF32, v1::Codec::RAW);
  v1::Operation small;
  small.mutable_header()->set_kind(v1::Header::PULL);
  small.set_keys(std::string(sizeof(uint64_t), '\0'));
  v1::Segment& segment = *small.mutable_header()->add_segments();
  segment.set_shard(ShardOfKey(0, kShards));
  segment.set_rows(1);
  constexpr uint64_t kOneLarge = 1024 + 8 * kRows;
  Server server(kOneLarge);
  server.Handle(large);
  server.Handle(small);
  const size_t before = LiveBytes();
  // The large one drops them all, and has the memory of one of them; each time of another.
  std::string name = "a name, 16 bytes";
  for (uint64_t count = 1; count < kOneLarge / 1032; ++count) {
    for (uint64_t i = 0; i < count; ++i) {
      name[0] = static_cast<char>('A' + i);
      small.mutable_header()->set_key_list(name);
      server.Handle(small);
    }
    name[0] = '!';
    large.mutable_header()->set_key_list(name);
    server.Handle(large);
  }
  CHECK(LiveBytes() < before + 4 * kOneLarge);
}

TEST_CASE("key lists that come and go") {
  Server server;
  // 25 KiB each: the budget holds about 40 of them.
  std::vector<v1::Operation> pulls(
      60, SparseOperation(v1::Header::PULL, ValueCodec::kF32, v1::Codec::PACKED));
  for (size_t i = 0; i < pulls.size(); ++i) {
    std::string name = "a name, 16 bytes";
    name[0] = static_cast<char>('A' + i);
    pulls[i].mutable_header()->set_key_list(name);
  }
  CheckSteady(server, pulls);
}

}  // namespace
}  // namespace paramd
