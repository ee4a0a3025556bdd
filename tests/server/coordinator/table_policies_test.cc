#include "server/coordinator/table_policies.h"

#include <catch2/catch.hpp>
#include <string>

namespace paramd {
namespace {

v1::Config General() {
  v1::Config config;
  config.mutable_consistency()->set_mode(v1::Consistency::SSP);
  config.mutable_optimizer()->set_type(v1::Optimizer::FTRL);
  config.mutable_model()->set_seed(7);
  config.mutable_transport()->set_max_message(1 << 20);
  config.mutable_transport()->mutable_push()->set_values(v1::Codec::BF16);
  config.mutable_transport()->mutable_pull()->set_values(v1::Codec::F16);
  return config;
}

v1::TableDeclaration Declared() {
  v1::TableDeclaration declared;
  for (const char* name : {"weights", "bias"}) {
    v1::TableSpec& table = *declared.add_tables();
    table.set_name(name);
    table.set_dim(2);
  }
  return declared;
}

TEST_CASE("tables have the general policies unless they have their own") {
  v1::Config config = General();
  v1::Table& own = *config.add_tables();
  own.set_name("weights");
  SECTION("how values are pushed") {
    v1::PushValues& push = *own.mutable_transport()->mutable_push();
    push.set_values(v1::Codec::TOP_K);
    push.set_fraction(0.25);
    const auto tables = *WithPolicies(Declared(), config);
    REQUIRE(tables.size() == 2);
    CHECK(tables[0].push().values() == v1::Codec::TOP_K);
    CHECK(tables[0].push().fraction() == 0.25);
    CHECK(tables[0].pull().values() == v1::Codec::F16);
    CHECK(tables[1].push().values() == v1::Codec::BF16);
  }
  SECTION("how values are pulled") {
    own.mutable_transport()->mutable_pull()->set_values(v1::Codec::INT8);
    const auto tables = *WithPolicies(Declared(), config);
    CHECK(tables[0].push().values() == v1::Codec::BF16);
    CHECK(tables[0].pull().values() == v1::Codec::INT8);
    CHECK(tables[1].pull().values() == v1::Codec::F16);
  }
  SECTION("exact after all") {
    own.mutable_transport()->mutable_push()->set_values(v1::Codec::F32);
    CHECK((*WithPolicies(Declared(), config))[0].push().values() == v1::Codec::F32);
  }
  SECTION("consistency and optimizer") {
    own.mutable_consistency()->set_mode(v1::Consistency::ASP);
    own.mutable_optimizer()->set_type(v1::Optimizer::SGD);
    const auto tables = *WithPolicies(Declared(), config);
    CHECK(tables[0].consistency().mode() == v1::Consistency::ASP);
    CHECK(tables[0].optimizer().type() == v1::Optimizer::SGD);
    CHECK(tables[1].consistency().mode() == v1::Consistency::SSP);
    CHECK(tables[1].optimizer().type() == v1::Optimizer::FTRL);
  }
  SECTION("the seed is the model's") {
    const auto tables = *WithPolicies(Declared(), config);
    for (const v1::TableSpec& table : tables) CHECK(table.seed() == 7);
  }
}

TEST_CASE("a table that the model does not have is named") {
  v1::Config config = General();
  config.add_tables()->set_name("wieghts");
  CHECK(
      WithPolicies(Declared(), config).status() ==
      absl::InvalidArgumentError("tables: the model has no table 'wieghts'; it has weights, bias"));
}

TEST_CASE("a row that does not fit into a message is told, with what would do") {
  v1::TableDeclaration declared = Declared();
  declared.mutable_tables(1)->set_dim(131070);  // with its key exactly half a MiB
  CHECK(WithPolicies(declared, General()).ok());
  declared.mutable_tables(1)->set_dim(131071);
  CHECK(WithPolicies(declared, General()).status() ==
        absl::InvalidArgumentError("transport.max_message: a row of table bias has 524292 bytes; "
                                   "set it to at least 1048584B"));
}

TEST_CASE("rows are used again for as long as the consistency mode allows") {
  v1::Config config = General();
  config.mutable_consistency()->mutable_staleness()->set_steps(4);
  v1::TableDeclaration declared = Declared();
  declared.mutable_tables(0)->set_kind(v1::TableSpec::SPARSE);
  declared.mutable_tables(1)->set_kind(v1::TableSpec::DENSE);
  SECTION("by default, when that is cheaper than pulling") {
    auto tables = *WithPolicies(declared, config);
    CHECK(tables[0].pull().max_age() == 0);
    CHECK(tables[1].pull().max_age() == 4);
    declared.mutable_tables(0)->set_dim(16);
    CHECK((*WithPolicies(declared, config))[0].pull().max_age() == 4);
    config.mutable_consistency()->set_mode(v1::Consistency::ASP);
    tables = *WithPolicies(declared, config);
    CHECK(tables[0].pull().max_age() == 0);
    CHECK(tables[1].pull().max_age() == 0);
  }
  SECTION("when it is asked for") {
    config.mutable_transport()->mutable_pull()->set_max_age(3);
    CHECK((*WithPolicies(declared, config))[0].pull().max_age() == 3);
    config.mutable_consistency()->set_mode(v1::Consistency::ASP);
    config.mutable_transport()->mutable_pull()->set_max_age(1000);
    CHECK((*WithPolicies(declared, config))[0].pull().max_age() == 1000);
  }
  SECTION("and not longer") {
    config.mutable_transport()->mutable_pull()->set_max_age(5);
    const absl::Status refused = WithPolicies(declared, config).status();
    CHECK(refused.code() == absl::StatusCode::kInvalidArgument);
    CHECK(std::string(refused.message()).find("transport.pull.max_age: table weights") == 0);
    config.mutable_consistency()->set_mode(v1::Consistency::BSP);
    config.mutable_transport()->mutable_pull()->set_max_age(1);
    CHECK_FALSE(WithPolicies(declared, config).ok());
  }
}

TEST_CASE("modes that keep changes back want plain sgd") {
  v1::Config config = General();
  const auto mode = GENERATE(v1::Consistency::LOCAL, v1::Consistency::VALUE_BOUND);
  config.mutable_consistency()->set_mode(mode);
  v1::Optimizer& optimizer = *config.mutable_optimizer();
  optimizer.set_type(v1::Optimizer::SGD);
  CHECK(WithPolicies(Declared(), config).ok());
  SECTION("type") { optimizer.set_type(v1::Optimizer::ADAGRAD); }
  SECTION("l1") { optimizer.set_l1(0.1); }
  SECTION("l2") { optimizer.set_l2(0.1); }
  SECTION("clip_value") { optimizer.set_clip_value(1); }
  SECTION("clip_norm") { optimizer.set_clip_norm(1); }
  SECTION("schedule") { optimizer.mutable_schedule()->set_type(v1::Schedule::COSINE); }
  SECTION("warm-up") { optimizer.mutable_schedule()->set_warmup(3); }
  SECTION("delay") { optimizer.mutable_delay()->set_type(v1::DelayCompensation::ADA_DELAY); }
  const absl::Status status = WithPolicies(Declared(), config).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(status.message().find("table weights") != std::string::npos);
  CHECK(status.message().find("optimizer.type: sgd") != std::string::npos);
}

}  // namespace
}  // namespace paramd
