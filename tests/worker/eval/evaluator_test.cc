#include "worker/eval/evaluator.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <memory>

#include "tests/testing/temp_dir.h"
#include "worker/model/create_model.h"

namespace paramd {
namespace {

// weights: the key itself, or for dense tables the row number; bias: 1. Counts the pulls.
class FakeSource final : public ParameterSource {
 public:
  explicit FakeSource(size_t dense_rows = 0) : dense_rows_(dense_rows) {}

  absl::Status Pull(int table, absl::Span<const uint64_t> keys,
                    std::vector<float>* values) override {
    ++pulls[table];
    values->clear();
    if (table == 1) {
      values->push_back(1);
    } else if (dense_rows_ > 0) {
      for (size_t i = 0; i < dense_rows_; ++i) values->push_back(static_cast<float>(i));
    } else {
      for (const uint64_t key : keys) values->push_back(static_cast<float>(key));
    }
    return absl::OkStatus();
  }

  int pulls[2] = {};

 private:
  size_t dense_rows_;
};

v1::Model Linear() {
  v1::Model config;
  config.set_type(v1::Model::LINEAR_REGRESSION);
  return config;
}

v1::Data Data(v1::Data::Format format) {
  v1::Data data;
  data.set_format(format);
  data.mutable_on_bad_record()->set_action(v1::OnBadRecord::SKIP);
  data.mutable_on_bad_record()->set_max_fraction(0.25);
  return data;
}

TEST_CASE("sparse data in several files: bias once, weights for every batch") {
  TempDir dir;
  const DatasetShape shape = {.sparse = true};
  std::unique_ptr<Model> model = *CreateModel(Linear(), shape);
  FakeSource source;
  const std::vector<std::string> files = {dir.Write("a", "6 2:1 3:1\n6 5:1\nbad\n"),
                                          dir.Write("b", "1\n")};
  const Evaluated result = *Evaluate(Data(v1::Data::LIBSVM), shape, files, *model, source, 1);
  CHECK(result.metrics.examples() == 3);
  CHECK(result.metrics.rmse() == 0);
  CHECK(result.read.records == 3);
  CHECK(result.read.bad_records == 1);
  CHECK(result.read.bad_record_examples.size() == 1);
  CHECK(source.pulls[0] == 3);
  CHECK(source.pulls[1] == 1);
}

TEST_CASE("dense data: every table is pulled once") {
  TempDir dir;
  const DatasetShape shape = {.sparse = false, .columns = 3};
  std::unique_ptr<Model> model = *CreateModel(Linear(), shape);
  FakeSource source(3);
  const std::vector<std::string> files = {dir.Write("a", "6,100,1,2\n4,0,0,0\n")};
  const Evaluated result = *Evaluate(Data(v1::Data::CSV), shape, files, *model, source, 1);
  CHECK(result.metrics.rmse() == Approx(3 / std::sqrt(2.0)));
  CHECK(source.pulls[0] == 1);
  CHECK(source.pulls[1] == 1);
}

TEST_CASE("too many bad records, and labels without a meaning") {
  TempDir dir;
  const DatasetShape shape = {.sparse = true};
  v1::Model config;
  config.set_type(v1::Model::LOGISTIC_REGRESSION);
  std::unique_ptr<Model> model = *CreateModel(config, shape);
  FakeSource source;
  const std::string bad = dir.Write("bad", "1 1:1\nx\n0 1:1\n");
  const absl::Status too_many =
      Evaluate(Data(v1::Data::LIBSVM), shape, {bad}, *model, source, 10).status();
  CHECK(too_many.code() == absl::StatusCode::kInvalidArgument);
  CHECK(too_many.message() == "1 of 3 records are bad, allowed are 0.75; the first: " + bad +
                                  ":2: label \"x\" is not a finite number");
  const std::string label = dir.Write("label", "7 1:1\n");
  const absl::Status wrong =
      Evaluate(Data(v1::Data::LIBSVM), shape, {label}, *model, source, 10).status();
  CHECK(wrong.message() ==
        label + ": label 7: logistic regression needs labels 0 and 1, or -1 and +1");
}

TEST_CASE("a parameter source that gives the wrong number of values") {
  TempDir dir;
  const DatasetShape shape = {.sparse = false, .columns = 3};
  std::unique_ptr<Model> model = *CreateModel(Linear(), shape);
  FakeSource source(2);
  CHECK(Evaluate(Data(v1::Data::CSV), shape, {dir.Write("a", "1,1,1,1\n")}, *model, source, 1)
            .status()
            .code() == absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace paramd
