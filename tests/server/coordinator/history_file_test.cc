#include "server/coordinator/history_file.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "common/base/file.h"
#include "tests/testing/temp_dir.h"

namespace paramd {
namespace {

v1::HistoryPoint Point(double seconds, double loss) {
  v1::HistoryPoint point;
  point.set_seconds(seconds);
  point.set_examples(100);
  point.set_epoch(2);
  point.set_loss(loss);
  return point;
}

v1::Evaluation AnEvaluation() {
  v1::Evaluation evaluation;
  evaluation.set_seconds(1.5);
  evaluation.set_examples(150);
  evaluation.set_epoch(2);
  evaluation.mutable_metrics()->set_auc(0.75);
  evaluation.mutable_metrics()->set_logloss(0.5);
  evaluation.mutable_metrics()->set_accuracy(NAN);
  evaluation.mutable_metrics()->set_rmse(NAN);
  return evaluation;
}

TEST_CASE("a line for every point and every evaluation, at once") {
  TempDir dir;
  const std::string path = dir.File("h");
  auto file = *HistoryFile::Open(path, false);
  REQUIRE(file->Append(Point(1, 0.25)).ok());
  CHECK(*ReadFile(path) == "{\"seconds\":1.0,\"examples\":100,\"epoch\":2,\"loss\":0.25}\n");
  REQUIRE(file->Append(AnEvaluation()).ok());
  REQUIRE(file->Append(Point(2, NAN)).ok());
  CHECK(*ReadFile(path) ==
        "{\"seconds\":1.0,\"examples\":100,\"epoch\":2,\"loss\":0.25}\n"
        "{\"seconds\":1.5,\"examples\":150,\"epoch\":2,\"auc\":0.75,\"logloss\":0.5}\n"
        "{\"seconds\":2.0,\"examples\":100,\"epoch\":2,\"loss\":null}\n");
}

TEST_CASE("a bound that was chosen") {
  TempDir dir;
  auto file = *HistoryFile::Open(dir.File("h"), false);
  v1::StalenessChoice choice;
  choice.set_seconds(2.5);
  choice.set_steps(8);
  choice.set_waited(0.5);
  choice.set_loss(0.25);
  choice.set_reason("workers waited 50 % of the time");
  REQUIRE(file->Append(choice).ok());
  CHECK(*ReadFile(dir.File("h")) ==
        "{\"seconds\":2.5,\"staleness\":8,\"waited\":0.5,\"loss\":0.25,"
        "\"reason\":\"workers waited 50 % of the time\"}\n");
}

TEST_CASE("a new run begins anew; one that goes on keeps the whole lines") {
  TempDir dir;
  const std::string path = dir.Write("h", "{\"old\":1}\n{\"cut o");
  SECTION("goes on") {
    REQUIRE((*HistoryFile::Open(path, true))->Append(Point(1, 1)).ok());
    CHECK(*ReadFile(path) ==
          "{\"old\":1}\n{\"seconds\":1.0,\"examples\":100,\"epoch\":2,\"loss\":1.0}\n");
  }
  SECTION("new") {
    REQUIRE(HistoryFile::Open(path, false).ok());
    CHECK(*ReadFile(path) == "");
  }
}

TEST_CASE("a disk that is full is told") {
  const auto file = HistoryFile::Open("/dev/full", false);
  // A device cannot be cut; where it can, writing fails.
  const absl::Status status = file.ok() ? (*file)->Append(Point(1, 1)) : file.status();
  CHECK_FALSE(status.ok());
  CHECK(std::string(status.message()).find("/dev/full") != std::string::npos);
}

TEST_CASE("a folder that is not there is told") {
  TempDir dir;
  CHECK(HistoryFile::Open(dir.File("no/h"), false).status().code() == absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace paramd
