#include "common/wire/codec.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <utility>

namespace paramd {
namespace {

void CheckEqual(const Operation& a, const Operation& b) {
  CHECK(a.kind == b.kind);
  CHECK(a.client == b.client);
  CHECK(a.incarnation == b.incarnation);
  CHECK(a.sequence == b.sequence);
  CHECK(a.epoch == b.epoch);
  CHECK(a.clock == b.clock);
  CHECK(a.finishes_step == b.finishes_step);
  CHECK(a.ignore_clock == b.ignore_clock);
  CHECK(a.examples == b.examples);
  CHECK(a.table == b.table);
  CHECK(a.segments == b.segments);
  CHECK(a.keys == b.keys);
  CHECK(a.values == b.values);
}

TEST_CASE("an operation comes back as it was, through bytes") {
  const std::vector<Segment> segments = {{.shard = 3, .rows = 2}, {.shard = 9, .rows = 1}};
  const std::vector<uint64_t> keys = {1, UINT64_MAX, 7};
  const std::vector<float> values = {0.5f, -1e-40f, 3e38f};
  const Operation operation = {.kind = OperationKind::kPush,
                               .client = 4,
                               .incarnation = UINT64_MAX,
                               .sequence = 11,
                               .epoch = 12,
                               .clock = 13,
                               .finishes_step = true,
                               .ignore_clock = true,
                               .examples = 14,
                               .table = 15,
                               .segments = segments,
                               .keys = keys,
                               .values = values};
  v1::Operation message, received;
  Encode(operation, &message);
  REQUIRE(received.ParseFromString(message.SerializeAsString()));
  auto decoded = DecodeOperation(received);
  REQUIRE(decoded.ok());
  CheckEqual(decoded->view(), operation);
  const DecodedOperation moved = *std::move(decoded);
  CheckEqual(moved.view(), operation);

  SECTION("the bytes are those of the contract") {
    CHECK(message.keys() == std::string("\1\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\7\0\0\0"
                                        "\0\0\0\0",
                                        24));
    CHECK(message.values().substr(0, 4) == std::string("\0\0\0\x3f", 4));
  }
  SECTION("encoding replaces what the message held") {
    Encode({.kind = OperationKind::kDetach, .client = 1}, &message);
    CHECK(message.header().segments().empty());
    CHECK(message.keys().empty());
    CHECK(message.values().empty());
    CHECK(message.header().epoch() == 0);
  }
}

TEST_CASE("every kind is known, and nothing else") {
  for (int kind = -1; kind <= 6; ++kind) {
    v1::Operation message;
    message.mutable_header()->set_kind(static_cast<v1::Header::Kind>(kind));
    CHECK(DecodeOperation(message).ok() == (kind >= 1 && kind <= 5));
  }
  CHECK(DecodeOperation(v1::Operation()).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("keys and values must be whole") {
  v1::Operation message;
  message.mutable_header()->set_kind(v1::Header::PULL);
  message.set_keys(std::string(12, 'x'));
  CHECK(DecodeOperation(message).status().code() == absl::StatusCode::kInvalidArgument);
  message.set_keys(std::string(16, 'x'));
  CHECK(DecodeOperation(message).ok());
  message.set_values(std::string(5, 'x'));
  CHECK(DecodeOperation(message).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("a reply comes back as it was, through bytes") {
  const Reply reply = {.sequence = 5,
                       .status = absl::FailedPreconditionError("another epoch"),
                       .epoch = 6,
                       .clock = 7,
                       .values = {1, 2, -3}};
  v1::Reply message, received;
  Encode(reply, &message);
  REQUIRE(received.ParseFromString(message.SerializeAsString()));
  const auto decoded = DecodeReply(received);
  REQUIRE(decoded.ok());
  CHECK(decoded->sequence == 5);
  CHECK(decoded->status == reply.status);
  CHECK(decoded->epoch == 6);
  CHECK(decoded->clock == 7);
  CHECK(decoded->values == reply.values);
}

TEST_CASE("replies that are not whole, or carry an unknown code") {
  v1::Reply message;
  message.set_values("abc");
  CHECK(DecodeReply(message).status().code() == absl::StatusCode::kInvalidArgument);
  message.clear_values();
  message.set_code(4711);
  CHECK(DecodeReply(message)->status.code() == absl::StatusCode::kUnknown);
}

}  // namespace
}  // namespace paramd
