// Writes the worked example of common/model_file/FORMAT.md to the file that is named.
#include <iostream>

#include "common/model_file/model_file.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_example FILE\n";
    return 2;
  }
  paramd::ModelFile model;
  model.model.set_type(paramd::v1::Model::LOGISTIC_REGRESSION);
  model.data.set_format(paramd::v1::Data::LIBSVM);
  model.tables = {
      {.name = "bias", .dim = 1, .values = {0.25f}},
      {.name = "weights", .sparse = true, .dim = 1, .keys = {3, 7}, .values = {0.5f, -1.0f}},
  };
  const absl::Status status = paramd::WriteModelFile(argv[1], model);
  if (!status.ok()) std::cerr << status.ToString() << "\n";
  return status.ok() ? 0 : 1;
}
