#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/table/hasher.h"

namespace paramd {

// The parameters that clients have pulled from a shard, for optimizers that compare them with those
// that a gradient meets. A client computes a step while its pull for the next one is answered
// already, so the last two pulls of each row are kept: up to 2 x dim float32 for every row and
// client. Rows are named by their key, or in a dense table by their number. Not thread-safe.
class PulledRows {
 public:
  explicit PulledRows(uint32_t dim) : dim_(dim) {}

  // The client has pulled values[dim] of the row for the step at `clock`.
  void Keep(uint32_t client, uint64_t clock, uint64_t row, const float* values);

  // What the client has pulled last for the step at `clock` or one before; null: nothing. Valid
  // until the next call of another method.
  const float* Find(uint32_t client, uint64_t clock, uint64_t row) const;

  // Drops what the client has pulled.
  void Forget(uint32_t client) { clients_.erase(client); }
  void Clear() { clients_.clear(); }

  // One pull of a row that is kept.
  struct Pull {
    uint32_t client = 0;
    uint64_t clock = 0;
    uint64_t row = 0;
    std::vector<float> values;  // float32[dim]
  };
  // All that is kept; given to Keep in this order, the same is kept again.
  std::vector<Pull> All() const;

  uint64_t bytes() const;
  void AddTo(Hasher& hasher) const;

 private:
  struct Row {
    std::array<std::optional<uint64_t>, 2> clocks;  // of the last pull and the one before
    std::unique_ptr<float[]> values;                // [2][dim]
  };
  using Rows = absl::flat_hash_map<uint64_t, Row>;

  const uint32_t dim_;
  absl::flat_hash_map<uint32_t, Rows> clients_;
};

}  // namespace paramd
