#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/wire/byte_reader.h"
#include "common/wire/value_codec.h"
#include "common/wire/value_decoder.h"
#include "worker/client/row_plan.h"

namespace paramd {

// Puts the values of answered pulls where their rows belong. Not thread-safe; keeps memory.
class RowDecoder {
 public:
  // `bytes`: the answer to `part` of `plan`, encoded by `codec`. `values`: all rows of the plan, in
  // its order. INTERNAL: there are more or fewer of them than were asked for. Errors of other
  // codecs as of TakeValues.
  absl::Status Decode(const RowPlan& plan, const RowPlan::Part& part, ValueCodec codec,
                      ByteReader bytes, absl::Span<float> values);

 private:
  // The next rows go to `order`.
  void ScatterRows(ValueShape shape, const uint32_t* order, float* values);

  ValueDecoder decoder_;
};

}  // namespace paramd
