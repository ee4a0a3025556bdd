#include "worker/data/read_sample.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/cut_at_lines.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "paramd/v1/coordinator.pb.h"
#include "worker/data/batch_reader.h"
#include "worker/data/open_source.h"

namespace paramd {
namespace {

constexpr size_t kPieces = 32;

// Adds the pieces of a file.
absl::Status CutFile(const v1::Data& data, const std::string& file, size_t pieces,
                     std::vector<v1::Partition>* partitions) {
  ASSIGN_OR_RETURN(const uint64_t size, FileSize(file));
  if (size == 0) return absl::OkStatus();
  if (data.format() != v1::Data::CSV || IsCompressed(file)) {
    partitions->emplace_back().set_file(file);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<uint64_t> bounds, CutAtLines(file, size, pieces));
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    if (bounds[i] == bounds[i + 1]) continue;
    v1::Partition& partition = partitions->emplace_back();
    partition.set_file(file);
    partition.set_begin(bounds[i]);
    partition.set_end(bounds[i + 1]);
  }
  return absl::OkStatus();
}

// Of many files as many as there are pieces, spread over all of them.
absl::StatusOr<std::vector<v1::Partition>> ChoosePieces(const v1::Data& data) {
  const size_t files = static_cast<size_t>(data.train_size());
  const size_t chosen = std::min(files, kPieces);
  std::vector<v1::Partition> pieces;
  for (size_t i = 0; i < chosen; ++i) {
    const std::string& file = data.train(static_cast<int>(i * files / chosen));
    RETURN_IF_ERROR(CutFile(data, file, (kPieces + chosen - 1) / chosen, &pieces));
  }
  return pieces;
}

void Append(const Batch& batch, Batch* sample) {
  sample->labels.insert(sample->labels.end(), batch.labels.begin(), batch.labels.end());
  sample->weights.insert(sample->weights.end(), batch.weights.begin(), batch.weights.end());
  sample->values.insert(sample->values.end(), batch.values.begin(), batch.values.end());
}

}  // namespace

absl::StatusOr<Batch> ReadSample(const v1::Data& data, const DatasetShape& shape, size_t rows,
                                 const Split& split) {
  assert(!shape.sparse);
  Batch sample, batch;
  sample.sparse = false;
  sample.dense_cols = shape.columns;
  ASSIGN_OR_RETURN(const std::vector<v1::Partition> pieces, ChoosePieces(data));
  for (size_t i = 0; i < pieces.size() && sample.rows() < rows; ++i) {
    const size_t left = pieces.size() - i;
    const size_t wanted = (rows - sample.rows() + left - 1) / left;
    ASSIGN_OR_RETURN(std::unique_ptr<BatchReader> reader,
                     BatchReader::Open(data, shape, {pieces[i]}, split));
    RETURN_IF_ERROR(reader->Next(static_cast<int>(wanted), &batch).status());
    Append(batch, &sample);
  }
  return sample;
}

}  // namespace paramd
