// How keys travel, and what happens when a server does not hold the lists that the client believes
// it holds.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/wire/byte_reader.h"
#include "common/wire/operation.h"
#include "server/engine/engine.h"
#include "server/rpc/operation_reader.h"
#include "tests/common/rpc/stream_service.h"
#include "tests/worker/client/fake_server.h"
#include "tests/worker/client/parameter_cluster.h"
#include "worker/client/parameter_client.h"

namespace paramd {
namespace {

// A client of the fake server alone, with the tables of a ParameterCluster.
ParameterClient::Options OptionsFor(const FakeServer& server) {
  ParameterCluster cluster({});
  ParameterClient::Options options = cluster.ClientOptions(1);
  options.shard_map.mutable_servers(0)->set_address(server.address());
  return options;
}

// Zeros for every pull; cached keys are those of the one list that there is.
void AnswerAll(const v1::Operation& operation, const FakeServer::Writer& writer) {
  static constexpr uint32_t kListRows = 10;
  const v1::Header& header = operation.header();
  v1::Reply reply = ReplyOf(header.sequence());
  if (header.kind() == v1::Header::PULL) {
    uint32_t rows = header.key_codec() == v1::Codec::CACHED ? kListRows : 0;
    for (const v1::Segment& segment : header.segments()) rows += segment.rows();
    reply.set_values(std::string(rows * 2 * sizeof(float), '\0'));
  }
  writer->Write(std::move(reply));
}

TEST_CASE("keys are sent once for the pull and the push of a batch") {
  FakeServer server(AnswerAll);
  ParameterClient client(OptionsFor(server));
  const std::vector<uint64_t> keys = Keys(10);
  const std::vector<float> gradient(20, 1.0f);
  for (uint64_t clock = 0; clock < 2; ++clock) {
    REQUIRE(Pull(client, 0, keys, clock).ok());
    REQUIRE(Push(client, clock, keys, gradient, {}).ok());
  }
  const std::vector<v1::Operation> operations = server.operations();
  REQUIRE(operations.size() == 5);
  const v1::Header& open = operations[0].header();
  CHECK(open.kind() == v1::Header::OPEN);
  CHECK(open.sequence() == 0);
  CHECK(open.open().key_cache() == 32 << 20);
  CHECK(std::set<int>(open.open().key_codecs().begin(), open.open().key_codecs().end()) ==
        std::set<int>{v1::Codec::PACKED, v1::Codec::CACHED});
  CHECK(std::set<int>(open.open().value_codecs().begin(), open.open().value_codecs().end()) ==
        std::set<int>{v1::Codec::F32});

  const v1::Operation& pull = operations[1];
  CHECK(pull.header().kind() == v1::Header::PULL);
  CHECK(pull.header().key_codec() == v1::Codec::PACKED);
  CHECK(pull.header().key_list().size() == 16);
  CHECK(pull.header().segments_size() > 0);
  CHECK_FALSE(pull.keys().empty());
  for (size_t i = 2; i < 5; ++i) {
    const v1::Operation& later = operations[i];
    CHECK(later.header().kind() == (i % 2 == 0 ? v1::Header::PUSH : v1::Header::PULL));
    CHECK(later.header().key_codec() == v1::Codec::CACHED);
    CHECK(later.header().key_list() == pull.header().key_list());
    CHECK(later.header().segments_size() == 0);
    CHECK(later.keys().empty());
    CHECK(later.values().size() == (i % 2 == 0 ? gradient.size() * sizeof(float) : 0));
    CHECK(later.header().sequence() > operations[i - 1].header().sequence());
  }
}

TEST_CASE("keys that are not cached are sent each time") {
  FakeServer server(AnswerAll);
  const auto codec = GENERATE(v1::Codec::PACKED, v1::Codec::RAW);
  ParameterClient::Options options = OptionsFor(server);
  options.transport.set_keys(codec);
  ParameterClient client(options);
  const std::vector<uint64_t> keys = Keys(10);
  REQUIRE(Pull(client, 0, keys, 0).ok());
  REQUIRE(Push(client, 0, keys, std::vector<float>(20, 1.0f), {}).ok());
  const std::vector<v1::Operation> operations = server.operations();
  REQUIRE(operations.size() == 3);
  CHECK(operations[0].header().open().key_cache() == 0);
  for (size_t i = 1; i < 3; ++i) {
    CHECK(operations[i].header().key_codec() == codec);
    CHECK(operations[i].header().key_list().empty());
    CHECK(operations[i].header().segments_size() > 0);
  }
  CHECK(operations[1].keys() == operations[2].keys());
  if (codec == v1::Codec::RAW) CHECK(operations[1].keys().size() == 80);
}

TEST_CASE("a server that does not know what the client uses ends its operations") {
  FakeServer server([](const v1::Operation& operation, const FakeServer::Writer& writer) {
    v1::Reply reply = ReplyOf(operation.header().sequence());
    if (operation.header().kind() == v1::Header::OPEN) {
      reply.set_code(static_cast<int>(absl::StatusCode::kUnimplemented));
      reply.set_message("value codec 4 is not known here; known are f32 (1)");
      writer->Write(std::move(reply));
    }
  });
  ParameterClient client(OptionsFor(server));
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = client.Attach().status();
    CHECK(status == absl::UnimplementedError("server " + server.address() +
                                             ": value codec 4 is not known here; known are f32 "
                                             "(1)"));
  }
}

TEST_CASE("a list that is not held is sent, and then everything that came after it, in order") {
  uint64_t awaited = 0;
  std::vector<uint64_t> taken;
  FakeServer server([&](const v1::Operation& operation, const FakeServer::Writer& writer) {
    const v1::Header& header = operation.header();
    if (awaited != 0 && header.sequence() != awaited) return;
    if (header.key_codec() == v1::Codec::CACHED && awaited == 0 && taken.size() == 4) {
      awaited = header.sequence();
      v1::Reply reply = ReplyOf(awaited);
      reply.set_send_keys(true);
      return writer->Write(std::move(reply));
    }
    if (awaited != 0) CHECK(header.key_codec() == v1::Codec::PACKED);
    awaited = 0;
    taken.push_back(header.sequence());
    AnswerAll(operation, writer);
  });
  ParameterClient client(OptionsFor(server));
  const std::vector<uint64_t> keys = Keys(10);
  const std::vector<float> gradient(20, 1.0f);
  Ends ends;
  for (uint64_t clock = 0; clock < 10; ++clock) StartPush(client, clock, keys, gradient, {}, ends);
  REQUIRE(ends.Wait(client).ok());
  // OPEN, and every push once.
  CHECK(taken == std::vector<uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
}

// A real server which holds fewer key lists than it is asked for: the client believes in lists that
// are gone.
class ForgetfulServer {
 public:
  ForgetfulServer(Engine& engine, uint64_t key_cache)
      : fake_([&engine, key_cache, this](const v1::Operation& operation,
                                         const FakeServer::Writer& writer) {
          v1::Operation less = operation;
          if (operation.header().kind() == v1::Header::OPEN) {
            // A new stream.
            reader_ = std::make_unique<OperationReader>();
            less.mutable_header()->mutable_open()->set_key_cache(key_cache);
          }
          const std::string bytes = less.SerializeAsString();
          const ByteReader::Piece piece(reinterpret_cast<const uint8_t*>(bytes.data()),
                                        bytes.size());
          using Kind = OperationReader::Outcome::Kind;
          const OperationReader::Outcome outcome = reader_->Read({&piece, 1});
          const uint64_t sequence = outcome.operation.sequence;
          if (outcome.kind == Kind::kIgnore) return;
          if (outcome.kind == Kind::kOperation) {
            return engine.Handle(outcome.operation,
                                 [writer](const Reply& reply) { Answer(reply, writer); });
          }
          misses_ += outcome.kind == Kind::kSendKeys;
          Answer({.sequence = sequence,
                  .status = outcome.status,
                  .send_keys = outcome.kind == Kind::kSendKeys},
                 writer);
        }) {}

  const std::string& address() const { return fake_.address(); }
  // To be asked when no operation is under way.
  int misses() const { return misses_; }

 private:
  static void Answer(const Reply& reply, const FakeServer::Writer& writer) {
    v1::Reply message = ReplyOf(reply.sequence);
    message.set_code(static_cast<int>(reply.status.code()));
    message.set_message(std::string(reply.status.message()));
    message.set_epoch(reply.epoch);
    message.set_clock(reply.clock);
    message.set_send_keys(reply.send_keys);
    if (reply.values.size() > 0) {
      message.set_values(reply.values.data() + kReplyRoom, reply.values.size() - kReplyRoom);
    }
    writer->Write(std::move(message));
  }

  std::unique_ptr<OperationReader> reader_ = std::make_unique<OperationReader>();
  int misses_ = 0;
  FakeServer fake_;
};

TEST_CASE("servers that forget lists lose nothing and double nothing") {
  constexpr uint64_t kSteps = 30;
  // No list at all, one at a time, and all of them.
  for (const uint64_t key_cache : {0, 6000, 1 << 20}) {
    ParameterCluster cluster({.hosts = 2});
    ForgetfulServer first(cluster.host(0).engine(), key_cache);
    ForgetfulServer second(cluster.host(1).engine(), key_cache);
    ParameterClient::Options options = cluster.ClientOptions(1);
    options.shard_map.mutable_servers(0)->set_address(first.address());
    options.shard_map.mutable_servers(1)->set_address(second.address());
    options.transport.set_chunk(4 << 10);
    ParameterClient client(options);
    REQUIRE(client.Attach().ok());
    const std::vector<uint64_t> keys = Keys(3000);
    const std::vector<float> ones(6000, 1.0f);
    Ends ends;
    std::vector<std::vector<float>> pulled(kSteps, std::vector<float>(6000));
    for (uint64_t clock = 0; clock < kSteps; ++clock) {
      client.Pull(client.Plan(0, keys), clock, absl::MakeSpan(pulled[clock]), ends.Expect());
      StartPush(client, clock, keys, ones, std::vector<float>(15, 1.0f), ends);
    }
    REQUIRE(ends.Wait(client).ok());
    CHECK((first.misses() > 0) == (key_cache < 1 << 20));
    CHECK((second.misses() > 0) == (key_cache < 1 << 20));
    for (uint64_t clock = 0; clock < kSteps; ++clock) {
      // Operations are taken in the order they were sent.
      const float expected = -static_cast<float>(clock);
      CHECK(std::count(pulled[clock].begin(), pulled[clock].end(), expected) == 6000);
    }
    for (const uint32_t table : {0u, 1u}) {
      const std::vector<float> values = *Pull(
          client, table, table == 0 ? absl::MakeConstSpan(keys) : absl::Span<const uint64_t>(),
          std::nullopt);
      CHECK(std::count(values.begin(), values.end(), -static_cast<float>(kSteps)) ==
            static_cast<long>(values.size()));
    }
    CHECK(cluster.host(0).engine().Counters().duplicates == 0);
  }
}

TEST_CASE("a key cache that holds only some of the lists") {
  ParameterCluster cluster({.hosts = 2});
  ParameterClient::Options options = cluster.ClientOptions(1);
  options.transport.set_chunk(4 << 10);
  options.transport.set_key_cache(GENERATE(1, 5000, 20000));
  ParameterClient client(options);
  REQUIRE(client.Attach().ok());
  const std::vector<uint64_t> all = Keys(3000);
  const std::vector<uint64_t> half(all.begin(), all.begin() + 1500);
  constexpr uint64_t kSteps = 20;
  Ends ends;
  for (uint64_t clock = 0; clock < kSteps; ++clock) {
    StartPush(client, clock, clock % 2 == 0 ? all : half,
              std::vector<float>(clock % 2 == 0 ? 6000 : 3000, 1.0f), {}, ends);
  }
  REQUIRE(ends.Wait(client).ok());
  const std::vector<float> values = *Pull(client, 0, all, std::nullopt);
  const auto middle = values.begin() + 3000;
  CHECK(std::count(values.begin(), middle, -static_cast<float>(kSteps)) == 3000);
  CHECK(std::count(middle, values.end(), -static_cast<float>(kSteps / 2)) == 3000);
}

TEST_CASE("servers that start again between pull and push, with many parts on the way") {
  ParameterCluster cluster({.hosts = 2});
  ParameterClient::Options options = cluster.ClientOptions(1);
  options.transport.set_chunk(4 << 10);
  ParameterClient client(options);
  REQUIRE(client.Attach().ok());
  const std::vector<uint64_t> keys = Keys(5000);
  const std::vector<float> ones(10000, 1.0f);
  constexpr uint64_t kSteps = 40;
  Ends ends;
  std::vector<std::vector<float>> pulled(kSteps, std::vector<float>(10000));
  for (uint64_t clock = 0; clock < kSteps; ++clock) {
    const auto plan = client.Plan(0, keys);
    client.Pull(plan, clock, absl::MakeSpan(pulled[clock]), ends.Expect());
    if (clock % 4 == 1) cluster.host(clock / 4 % 2).Restart();
    if (clock % 3 == 0) CHECK(ends.Wait(client).ok());
    StartPush(client, clock, keys, ones, std::vector<float>(15, 1.0f), ends);
  }
  REQUIRE(ends.Wait(client).ok());
  const std::vector<float> sparse = *Pull(client, 0, keys, std::nullopt);
  CHECK(std::count(sparse.begin(), sparse.end(), -static_cast<float>(kSteps)) == 10000);
  CHECK(*Pull(client, 1, {}, std::nullopt) == std::vector<float>(15, -static_cast<float>(kSteps)));
  // A pull is never answered from before the pushes that went ahead of it on the same stream.
  for (uint64_t clock = 0; clock < kSteps; ++clock) {
    CHECK(*std::max_element(pulled[clock].begin(), pulled[clock].end()) <=
          -static_cast<float>(clock));
  }
}

}  // namespace
}  // namespace paramd
