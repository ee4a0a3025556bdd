#include "worker/eval/check_labels.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "tests/testing/temp_dir.h"
#include "worker/model/create_model.h"

namespace paramd {
namespace {

struct Files {
  Files() {
    data.set_format(v1::Data::LIBSVM);
    data.mutable_on_bad_record()->set_action(v1::OnBadRecord::SKIP);
    v1::Model config;
    config.set_type(v1::Model::LOGISTIC_REGRESSION);
    model = *CreateModel(config, shape);
  }
  absl::Status Check() { return CheckFirstLabels(data, shape, *model); }

  TempDir dir;
  v1::Data data;
  DatasetShape shape;
  std::unique_ptr<Model> model;
};

TEST_CASE("a label without a meaning is found in any file, and its file is named") {
  Files files;
  files.data.add_train(files.dir.Write("a", "1 3:1\nbad\n0 4:1\n"));
  files.data.add_eval(files.dir.Write("b", "-1 3:1\n"));
  CHECK(files.Check().ok());
  SECTION("training") { files.data.add_train(files.dir.Write("c", "1 3:1\n2 3:1\n")); }
  SECTION("held out") { files.data.add_eval(files.dir.Write("c", "2 3:1\n")); }
  const absl::Status status = files.Check();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(status.message()).find(files.dir.File("c") + ": label 2") == 0);
}

TEST_CASE("files are not read to their ends") {
  Files files;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "1 3:1\n";
  files.data.add_train(files.dir.Write("a", text + "2 3:1\n"));
  CHECK(files.Check().ok());
}

TEST_CASE("empty files, which nothing is read from, are left alone") {
  Files files;
  files.data.add_train(files.dir.Write("a", "1 3:1\n"));
  files.data.add_train(files.dir.Write("b.gz", ""));
  files.data.add_eval(files.dir.Write("c", ""));
  CHECK(files.Check().ok());
}

TEST_CASE("files that cannot be read") {
  Files files;
  files.data.add_train(files.dir.File("none"));
  CHECK(files.Check().code() == absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace paramd
