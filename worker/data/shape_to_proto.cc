#include "worker/data/shape_to_proto.h"

namespace paramd {

v1::DataShape ToProto(const DatasetShape& shape) {
  v1::DataShape proto;
  proto.set_sparse(shape.sparse);
  proto.set_columns(shape.columns);
  proto.set_fields(shape.fields);
  for (const v1::ColumnScale& scale : shape.scales) *proto.add_scales() = scale;
  return proto;
}

}  // namespace paramd
