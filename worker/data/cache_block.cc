#include "worker/data/cache_block.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/wire/byte_reader.h"
#include "common/wire/key_codec.h"
#include "worker/data/cache_arrays.h"

namespace paramd {
namespace {

using cache_arrays::ArrayBytes;
using cache_arrays::kNone;
using cache_arrays::Padded;
using cache_arrays::WidthOf;

struct Head {
  uint32_t rows = 0;
  uint32_t values = 0;
  uint32_t keys = 0;
  uint32_t key_bytes = 0;
  uint64_t bad_records = 0;
  uint32_t example_bytes = 0;
  uint8_t label_width = 0;
  uint8_t weight_width = kNone;
  uint8_t length_width = kNone;
  uint8_t column_width = kNone;
  uint8_t field_width = kNone;
  uint8_t value_width = 0;
  uint8_t key_codec = 0;
  std::array<uint8_t, 5> zeros = {};
};
static_assert(sizeof(Head) == 40);

uint64_t BodyBytes(const Head& head) {
  return sizeof(Head) + ArrayBytes(head.rows, head.label_width) +
         ArrayBytes(head.rows, head.weight_width) + ArrayBytes(head.rows, head.length_width) +
         ArrayBytes(head.values, head.column_width) + ArrayBytes(head.values, head.field_width) +
         ArrayBytes(head.values, head.value_width) + Padded(head.key_bytes) +
         Padded(head.example_bytes);
}

std::vector<uint32_t> LengthsOf(const std::vector<uint32_t>& row_offsets) {
  std::vector<uint32_t> lengths(row_offsets.empty() ? 0 : row_offsets.size() - 1);
  for (size_t i = 0; i < lengths.size(); ++i) lengths[i] = row_offsets[i + 1] - row_offsets[i];
  return lengths;
}

// Keys that are spread over all 64 bits are shorter as they are.
std::string EncodeShorter(const std::vector<uint64_t>& keys, uint8_t* codec) {
  std::string bytes;
  for (const KeyCodec tried : {KeyCodec::kRaw, KeyCodec::kPacked}) {
    std::string out(MaxEncodedKeys(tried, keys.size()), '\0');
    out.resize(EncodeKeys(tried, keys, reinterpret_cast<uint8_t*>(out.data())));
    if (tried == KeyCodec::kPacked && out.size() >= bytes.size()) continue;
    bytes = std::move(out);
    *codec = static_cast<uint8_t>(tried);
  }
  return bytes;
}

std::string EncodeExamples(const std::vector<std::string>& examples) {
  std::string bytes;
  for (const std::string& example : examples) {
    const auto size = static_cast<uint32_t>(example.size());
    bytes.append(reinterpret_cast<const char*>(&size), sizeof(size));
    bytes.append(example);
  }
  return bytes;
}

absl::Status DecodeExamples(absl::string_view bytes, std::vector<std::string>* examples) {
  while (!bytes.empty()) {
    uint32_t size = 0;
    if (bytes.size() < sizeof(size)) return absl::DataLossError("an example is cut short");
    std::memcpy(&size, bytes.data(), sizeof(size));
    bytes.remove_prefix(sizeof(size));
    if (bytes.size() < size) return absl::DataLossError("an example is cut short");
    examples->emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return absl::OkStatus();
}

// ---- what a block may say

bool IsIntegerWidth(uint8_t width) { return width == 1 || width == 2 || width == 4; }
bool IsFloatWidth(uint8_t width) { return width == 0 || width == 1 || width == 4; }

bool FitsShape(const Head& head, const DatasetShape& shape) {
  if (!shape.sparse) {
    return head.values == head.rows * static_cast<uint64_t>(shape.columns) && head.keys == 0 &&
           head.key_bytes == 0 && head.length_width == kNone && head.column_width == kNone &&
           head.field_width == kNone;
  }
  const bool fields =
      shape.fields > 0 ? IsIntegerWidth(head.field_width) : head.field_width == kNone;
  return fields && IsIntegerWidth(head.length_width) && IsIntegerWidth(head.column_width);
}

absl::Status CheckHead(const Head& head, const DatasetShape& shape, uint64_t max_rows,
                       uint64_t body_bytes) {
  const bool widths = IsFloatWidth(head.label_width) && IsFloatWidth(head.value_width) &&
                      (head.weight_width == kNone || IsFloatWidth(head.weight_width));
  if (!widths || !FitsShape(head, shape)) {
    return absl::DataLossError("it is not a batch of this data set");
  }
  // A key is a byte at least, so what is made for the arrays is bounded by the body and by the
  // largest batch that there can be.
  if (head.rows > max_rows || head.keys > head.key_bytes || head.zeros != Head().zeros ||
      BodyBytes(head) != body_bytes) {
    return absl::DataLossError("its sizes are wrong");
  }
  return absl::OkStatus();
}

absl::Status CheckBelow(const std::vector<uint32_t>& numbers, uint64_t bound) {
  uint32_t largest = 0;
  for (const uint32_t number : numbers) largest = std::max(largest, number);
  if (numbers.empty() || largest < bound) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("an index of ", largest, ", there are ", bound));
}

// Turns the lengths of rows, which `offsets` holds, into where they begin.
absl::Status SumLengths(uint32_t values, std::vector<uint32_t>* offsets) {
  const uint64_t sum = std::accumulate(offsets->begin(), offsets->end(), uint64_t{0});
  if (sum != values) return absl::DataLossError("the lengths of its rows do not add up");
  offsets->push_back(0);
  std::exclusive_scan(offsets->begin(), offsets->end(), offsets->begin(), uint32_t{0});
  return absl::OkStatus();
}

absl::Status TakeKeys(const Head& head, absl::string_view bytes, absl::Span<uint64_t> keys) {
  const ByteReader::Piece piece(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  ByteReader reader(absl::MakeConstSpan(&piece, 1));
  const absl::Status status = DecodeKeys(static_cast<KeyCodec>(head.key_codec), &reader, keys);
  if (!status.ok()) return absl::DataLossError(status.message());
  return reader.remaining() == 0 ? absl::OkStatus() : absl::DataLossError("bytes behind its keys");
}

}  // namespace

void EncodeCacheBlock(const Batch& batch, const DatasetShape& shape, const ReadStats& bad,
                      std::vector<uint64_t>* body) {
  const std::string examples = EncodeExamples(bad.bad_record_examples);
  const std::vector<uint32_t> lengths = LengthsOf(batch.row_offsets);
  std::string keys;
  Head head = {.rows = static_cast<uint32_t>(batch.rows()),
               .values = static_cast<uint32_t>(batch.values.size()),
               .keys = static_cast<uint32_t>(batch.unique_keys.size()),
               .bad_records = bad.bad_records,
               .example_bytes = static_cast<uint32_t>(examples.size()),
               .label_width = WidthOf(batch.labels),
               .value_width = WidthOf(batch.values)};
  if (!batch.weights.empty()) head.weight_width = WidthOf(batch.weights);
  if (shape.sparse) {
    head.length_width = WidthOf(lengths);
    head.column_width = WidthOf(batch.columns);
    if (shape.fields > 0) head.field_width = WidthOf(batch.fields);
    keys = EncodeShorter(batch.unique_keys, &head.key_codec);
    head.key_bytes = static_cast<uint32_t>(keys.size());
  }
  body->resize(BodyBytes(head) / sizeof(uint64_t));
  std::memcpy(body->data(), &head, sizeof(head));
  cache_arrays::Output output(body->data() + sizeof(head) / sizeof(uint64_t));
  output.Add(batch.labels, head.label_width);
  output.Add(batch.weights, head.weight_width);
  output.Add(lengths, head.length_width);
  output.Add(batch.columns, head.column_width);
  output.Add(batch.fields, head.field_width);
  output.Add(batch.values, head.value_width);
  output.AddBytes(keys);
  output.AddBytes(examples);
}

absl::Status DecodeCacheBlock(absl::Span<const uint64_t> body, const DatasetShape& shape,
                              uint64_t max_rows, Batch* batch, ReadStats* stats) {
  Head head;
  const uint64_t body_bytes = body.size() * sizeof(uint64_t);
  if (body_bytes < sizeof(head)) return absl::DataLossError("it is cut short");
  std::memcpy(static_cast<void*>(&head), body.data(), sizeof(head));
  RETURN_IF_ERROR(CheckHead(head, shape, max_rows, body_bytes));
  // Every array below is replaced; one that was cleared first would be filled with zeros before.
  batch->drawn_keys.clear();
  batch->drawn.clear();
  batch->source_lease = 0;
  batch->sparse = shape.sparse;
  batch->dense_cols = shape.sparse ? 0 : shape.columns;
  cache_arrays::Input input(body.data() + sizeof(head) / sizeof(uint64_t));
  input.Take(head.rows, head.label_width, &batch->labels);
  input.Take(head.rows, head.weight_width, &batch->weights);
  input.Take(head.rows, head.length_width, &batch->row_offsets);
  input.Take(head.values, head.column_width, &batch->columns);
  input.Take(head.values, head.field_width, &batch->fields);
  input.Take(head.values, head.value_width, &batch->values);
  const absl::string_view keys = input.TakeBytes(head.key_bytes);
  batch->unique_keys.resize(head.keys);
  if (shape.sparse) {
    RETURN_IF_ERROR(SumLengths(head.values, &batch->row_offsets));
    RETURN_IF_ERROR(TakeKeys(head, keys, absl::MakeSpan(batch->unique_keys)));
    RETURN_IF_ERROR(CheckBelow(batch->columns, head.keys));
    RETURN_IF_ERROR(CheckBelow(batch->fields, shape.fields));
  }
  RETURN_IF_ERROR(DecodeExamples(input.TakeBytes(head.example_bytes), &stats->bad_record_examples));
  stats->records += head.rows;
  stats->bad_records += head.bad_records;
  return absl::OkStatus();
}

}  // namespace paramd
