#include "common/config/uses_stripes.h"

#include <catch2/catch.hpp>

namespace paramd {
namespace {

TEST_CASE("stripes when any table is synchronous, unless the configuration says otherwise") {
  v1::Config config;
  config.mutable_data()->set_assignment(v1::Data::AUTO);
  config.mutable_consistency()->set_mode(v1::Consistency::SSP);
  CHECK_FALSE(UsesStripes(config));
  config.add_tables()->mutable_consistency()->set_mode(v1::Consistency::BSP);
  CHECK(UsesStripes(config));
  config.mutable_tables(0)->mutable_consistency()->set_backup_workers(1);
  CHECK_FALSE(UsesStripes(config));
  config.mutable_tables(0)->mutable_consistency()->set_backup_workers(0);
  config.mutable_data()->set_assignment(v1::Data::RANGES);
  CHECK_FALSE(UsesStripes(config));
  config.clear_tables();
  config.mutable_data()->set_assignment(v1::Data::STRIPES);
  CHECK(UsesStripes(config));
}

}  // namespace
}  // namespace paramd
