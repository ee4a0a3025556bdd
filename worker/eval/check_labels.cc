#include "worker/eval/check_labels.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch_reader.h"

namespace paramd {
namespace {

constexpr int kRecords = 1000;
constexpr size_t kFiles = 32;

absl::Status CheckFile(const v1::Data& data, const DatasetShape& shape, const Model& model,
                       const std::string& file) {
  // Such a file is left out of the work.
  ASSIGN_OR_RETURN(const uint64_t size, FileSize(file));
  if (size == 0) return absl::OkStatus();
  v1::Partition whole;
  whole.set_file(file);
  ASSIGN_OR_RETURN(std::unique_ptr<BatchReader> reader, BatchReader::Open(data, shape, {whole}));
  Batch batch;
  RETURN_IF_ERROR(reader->Next(kRecords, &batch).status());
  const absl::Status status = model.CheckLabels(batch);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(file, ": ", status.message()));
}

}  // namespace

absl::Status CheckFirstLabels(const v1::Data& data, const DatasetShape& shape, const Model& model) {
  for (const auto* const files : {&data.train(), &data.eval()}) {
    const size_t all = static_cast<size_t>(files->size());
    const size_t looked_at = std::min(all, kFiles);
    for (size_t i = 0; i < looked_at; ++i) {
      RETURN_IF_ERROR(
          CheckFile(data, shape, model, files->Get(static_cast<int>(i * all / looked_at))));
    }
  }
  return absl::OkStatus();
}

}  // namespace paramd
