#include "worker/client/row_decoder.h"

#include "absl/status/statusor.h"
#include "common/base/status_macros.h"
#include "common/math/gather.h"
#include "common/wire/floats.h"
#include "common/wire/segment.h"

namespace paramd {
namespace {

// What a server sends as float32 is what it holds; the others could not be decoded.
absl::StatusOr<ByteReader> Take(ValueCodec codec, ValueShape shape, ByteReader* bytes) {
  if (codec != ValueCodec::kF32) return TakeValues(codec, shape, bytes);
  const uint64_t size = EncodedSize(codec, shape);
  if (bytes->remaining() < size) {
    return absl::InternalError("a pull was answered with fewer values than were asked for");
  }
  return bytes->Take(size);
}

}  // namespace

absl::Status RowDecoder::Decode(const RowPlan& plan, const RowPlan::Part& part, ValueCodec codec,
                                ByteReader bytes, absl::Span<float> values) {
  const uint32_t* order = plan.order_of(part).data();
  for (const Segment& segment : plan.segments_of(part)) {
    const ValueShape shape = {.rows = segment.rows, .dim = plan.dim};
    ASSIGN_OR_RETURN(const ByteReader taken, Take(codec, shape, &bytes));
    decoder_.Reset(codec, shape, taken);
    if (plan.sparse) {
      ScatterRows(shape, order, values.data());
      order += shape.rows;
    } else {
      decoder_.Read(shape.size(), values.data() + segment.first_row * plan.dim);
    }
  }
  if (bytes.remaining() == 0) return absl::OkStatus();
  return absl::InternalError("a pull was answered with more values than were asked for");
}

void RowDecoder::ScatterRows(ValueShape shape, const uint32_t* order, float* values) {
  if (shape.dim == 1) {
    for (uint64_t left = shape.rows; left > 0;) {
      const FloatRun run = decoder_.Next(left);
      Scatter(run.data, absl::MakeConstSpan(order, run.size), values);
      order += run.size;
      left -= run.size;
    }
    return;
  }
  for (uint32_t i = 0; i < shape.rows; ++i) {
    decoder_.Read(shape.dim, values + size_t{order[i]} * shape.dim);
  }
}

}  // namespace paramd
