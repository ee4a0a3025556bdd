#include "server/replica/replica_record.h"

namespace paramd {
namespace {

absl::string_view View(const void* data, size_t size) {
  return {static_cast<const char*>(data), size};
}

}  // namespace

ReplicaRecord::ReplicaRecord(const ReplicaFrame& frame) {
  WriteBeforeKeys(frame.header, frame.keys.size(), &before_keys_);
  size_t value_bytes = 0;
  for (const ByteReader::Piece& piece : frame.values) value_bytes += piece.size();
  const size_t before_size = WriteBeforeValues(value_bytes, before_values_);
  pieces_ = {before_keys_, View(frame.keys.data(), frame.keys.size()),
             View(before_values_, before_size)};
  for (const ByteReader::Piece& piece : frame.values) {
    pieces_.push_back(View(piece.data(), piece.size()));
  }
}

}  // namespace paramd
