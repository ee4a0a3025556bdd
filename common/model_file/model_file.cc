#include "common/model_file/model_file.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "common/base/atomic_file_writer.h"
#include "common/base/status_macros.h"
#include "common/model_file/quantize.h"
#include "common/model_file/safetensors.h"

namespace paramd {
namespace {

constexpr char kFormat[] = "paramd.model.v1";
constexpr char kKeysSuffix[] = ".keys";
constexpr char kValuesSuffix[] = ".values";
constexpr char kScalesSuffix[] = ".scales";

// ---- writing

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  // Fails only for messages of unknown type inside an Any.
  static_cast<void>(google::protobuf::util::MessageToJsonString(message, &json, options));
  return json;
}

std::map<std::string, std::string> Metadata(const ModelFile& model) {
  v1::Data data;
  data.set_format(model.data.format());
  if (model.data.has_csv()) *data.mutable_csv() = model.data.csv();
  data.set_hash_bits(model.data.hash_bits());
  if (model.data.scaling() > v1::Data::AS_IS) data.set_scaling(model.data.scaling());
  *data.mutable_labels() = model.data.labels();
  if (model.data.has_libffm()) *data.mutable_libffm() = model.data.libffm();
  if (model.data.has_on_bad_record()) *data.mutable_on_bad_record() = model.data.on_bad_record();
  std::map<std::string, std::string> metadata = {{"format", kFormat},
                                                 {"model", ToJson(model.model)},
                                                 {"data", ToJson(data)},
                                                 {"sparse", model.sparse ? "true" : "false"},
                                                 {"columns", absl::StrCat(model.columns)}};
  if (model.fields > 0) metadata["fields"] = absl::StrCat(model.fields);
  return metadata;
}

// Without the suffixes: they tell the tensors of a sparse table from a dense one.
bool IsTableName(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name != kScalesTensor &&
         !absl::EndsWith(name, kKeysSuffix) && !absl::EndsWith(name, kValuesSuffix) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ||
                  c == '.';
         });
}

bool IsAscending(const std::vector<uint64_t>& keys) {
  return std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>()) == keys.end();
}

uint64_t FeatureColumns(const ModelFile& model) {
  return model.sparse ? model.fields : static_cast<uint64_t>(model.columns);
}

absl::Status CheckTables(const ModelFile& model) {
  if (!model.scales.empty() && model.scales.size() != FeatureColumns(model)) {
    return absl::InvalidArgumentError("not one scale a column");
  }
  std::set<std::string> names;
  for (const ModelTable& table : model.tables) {
    const auto error = [&](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat("table \"", table.name, "\": ", what));
    };
    if (!IsTableName(table.name)) return error("not a name for a table");
    if (!names.insert(table.name).second) return error("comes twice");
    if (table.dim == 0) return error("rows without values");
    if (table.values.size() % table.dim != 0) return error("the last row is not whole");
    if (table.keys.size() != (table.sparse ? table.rows() : 0)) return error("not one key a row");
    if (!IsAscending(table.keys)) return error("keys are not ascending");
  }
  return absl::OkStatus();
}

template <typename T>
absl::string_view Bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// Collects tensors one behind the other.
class Layout {
 public:
  void Add(std::string name, TensorType type, std::vector<uint64_t> shape,
           absl::string_view bytes) {
    header.tensors.push_back({std::move(name), type, std::move(shape), end_, end_ + bytes.size()});
    end_ += bytes.size();
    data.push_back(bytes);
  }

  SafetensorsHeader header;
  std::vector<absl::string_view> data;  // of each tensor; borrowed

 private:
  uint64_t end_ = 0;
};

// The values of a table as they are written; what is not needed is empty.
struct EncodedValues {
  Int8Rows int8;
  std::vector<uint16_t> bf16;
};

std::vector<EncodedValues> Encode(const ModelFile& model, ValueEncoding encoding) {
  std::vector<EncodedValues> encoded(model.tables.size());
  for (size_t i = 0; i < encoded.size(); ++i) {
    const ModelTable& table = model.tables[i];
    if (encoding == ValueEncoding::kInt8) encoded[i].int8 = ToInt8(table.values, table.dim);
    if (encoding == ValueEncoding::kBf16) encoded[i].bf16 = ToBf16(table.values);
  }
  return encoded;
}

void AddValues(const ModelTable& table, const EncodedValues& encoded, ValueEncoding encoding,
               Layout* layout) {
  const std::string name = table.sparse ? table.name + kValuesSuffix : table.name;
  const std::vector<uint64_t> shape = {table.rows(), table.dim};
  switch (encoding) {
    case ValueEncoding::kF32:
      layout->Add(name, TensorType::kF32, shape, Bytes(table.values));
      break;
    case ValueEncoding::kBf16:
      layout->Add(name, TensorType::kBF16, shape, Bytes(encoded.bf16));
      break;
    case ValueEncoding::kInt8:
      layout->Add(name, TensorType::kI8, shape, Bytes(encoded.int8.values));
      break;
  }
}

// Keys first, then scales: that way every tensor begins at a multiple of its element size.
// `scales` and `encoded` outlive the layout.
Layout LayOut(const ModelFile& model, const std::vector<float>& scales,
              const std::vector<EncodedValues>& encoded, ValueEncoding encoding) {
  Layout layout;
  layout.header.metadata = Metadata(model);
  for (const ModelTable& table : model.tables) {
    if (!table.sparse) continue;
    layout.Add(table.name + kKeysSuffix, TensorType::kU64, {table.rows()}, Bytes(table.keys));
  }
  if (!scales.empty()) {
    layout.Add(kScalesTensor, TensorType::kF32, {model.scales.size(), 3}, Bytes(scales));
  }
  for (size_t i = 0; encoding == ValueEncoding::kInt8 && i < encoded.size(); ++i) {
    const ModelTable& table = model.tables[i];
    layout.Add(table.name + kScalesSuffix, TensorType::kF32, {table.rows()},
               Bytes(encoded[i].int8.scales));
  }
  for (size_t i = 0; i < encoded.size(); ++i) {
    AddValues(model.tables[i], encoded[i], encoding, &layout);
  }
  return layout;
}

// ---- reading

absl::Status Corrupt(const std::string& path, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<std::string> Find(const SafetensorsHeader& header, const std::string& key,
                                 const std::string& path) {
  const auto found = header.metadata.find(key);
  if (found != header.metadata.end()) return found->second;
  return Corrupt(path, absl::StrCat("metadata \"", key, "\" is missing"));
}

absl::Status FromJson(const SafetensorsHeader& header, const std::string& key,
                      const std::string& path, google::protobuf::Message* message) {
  ASSIGN_OR_RETURN(const std::string json, Find(header, key, path));
  const google::protobuf::util::Status status =
      google::protobuf::util::JsonStringToMessage(json, message);
  if (status.ok()) return absl::OkStatus();
  return Corrupt(path, absl::StrCat("metadata \"", key, "\": ", status.ToString()));
}

absl::Status ReadMetadata(const SafetensorsHeader& header, const std::string& path,
                          ModelFile* model) {
  const auto format = header.metadata.find("format");
  if (format == header.metadata.end() || format->second != kFormat) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": not a model of paramd: metadata \"format\" is not \"", kFormat, "\""));
  }
  RETURN_IF_ERROR(FromJson(header, "model", path, &model->model));
  RETURN_IF_ERROR(FromJson(header, "data", path, &model->data));
  ASSIGN_OR_RETURN(const std::string sparse, Find(header, "sparse", path));
  if (sparse != "true" && sparse != "false") {
    return Corrupt(path, "metadata \"sparse\" is neither true nor false");
  }
  model->sparse = sparse == "true";
  ASSIGN_OR_RETURN(const std::string columns, Find(header, "columns", path));
  if (!absl::SimpleAtoi(columns, &model->columns) || model->columns < 0) {
    return Corrupt(path, "metadata \"columns\" is not a count");
  }
  const auto fields = header.metadata.find("fields");
  if (fields != header.metadata.end() && !absl::SimpleAtoi(fields->second, &model->fields)) {
    return Corrupt(path, "metadata \"fields\" is not a count");
  }
  return absl::OkStatus();
}

// The tensors of one table.
struct TableTensors {
  const TensorSpec* keys = nullptr;
  const TensorSpec* scales = nullptr;
  const TensorSpec* values = nullptr;
  bool sparse = false;
  bool dense = false;
};

absl::StatusOr<std::map<std::string, TableTensors>> GroupTensors(const SafetensorsHeader& header,
                                                                 const std::string& path) {
  std::map<std::string, TableTensors> tables;
  for (const TensorSpec& tensor : header.tensors) {
    if (tensor.name == kScalesTensor) continue;
    absl::string_view name = tensor.name;
    const bool keys = absl::ConsumeSuffix(&name, kKeysSuffix);
    const bool scales = !keys && absl::ConsumeSuffix(&name, kScalesSuffix);
    const bool values = !keys && !scales && absl::ConsumeSuffix(&name, kValuesSuffix);
    const auto error = [&](absl::string_view what) {
      return Corrupt(path, absl::StrCat("tensor \"", tensor.name, "\" ", what));
    };
    if (!IsTableName(std::string(name))) return error("is not of a table");
    if ((tensor.type == TensorType::kU64) != keys) return error("has the wrong dtype");
    if (scales && tensor.type != TensorType::kF32) return error("has the wrong dtype");
    if (tensor.shape.size() != (keys || scales ? 1 : 2)) {
      return error("has the wrong number of dimensions");
    }
    TableTensors& table = tables[std::string(name)];
    if (scales) {
      table.scales = &tensor;
      continue;
    }
    if (!keys && (tensor.shape[1] == 0 || tensor.shape[1] > UINT32_MAX)) {
      return error("has rows of an impossible size");
    }
    (keys ? table.keys : table.values) = &tensor;
    (keys || values ? table.sparse : table.dense) = true;
    if (table.sparse && table.dense) return error("is of a table that is both sparse and dense");
  }
  return tables;
}

absl::StatusOr<std::vector<float>> ReadValues(const std::string& path,
                                              const SafetensorsHeader& header,
                                              const TableTensors& tensors) {
  const TensorSpec& values = *tensors.values;
  if (values.type == TensorType::kF32) return ReadTensor<float>(path, header, values);
  if (values.type == TensorType::kBF16) {
    ASSIGN_OR_RETURN(const std::vector<uint16_t> halves,
                     ReadTensor<uint16_t>(path, header, values));
    return FromBf16(halves);
  }
  Int8Rows rows;
  ASSIGN_OR_RETURN(rows.values, ReadTensor<int8_t>(path, header, values));
  ASSIGN_OR_RETURN(rows.scales, ReadTensor<float>(path, header, *tensors.scales));
  return FromInt8(rows, static_cast<uint32_t>(values.shape[1]));
}

absl::StatusOr<ModelTable> ReadTable(const std::string& path, const SafetensorsHeader& header,
                                     const std::string& name, const TableTensors& tensors) {
  const auto error = [&](absl::string_view what) {
    return Corrupt(path, absl::StrCat("table \"", name, "\": ", what));
  };
  if (tensors.values == nullptr) {
    return error(tensors.keys == nullptr ? "scales without values" : "keys without values");
  }
  if ((tensors.values->type == TensorType::kI8) != (tensors.scales != nullptr)) {
    return error("I8 values and scales belong together");
  }
  if (tensors.scales != nullptr && tensors.scales->shape[0] != tensors.values->shape[0]) {
    return error(
        absl::StrCat(tensors.scales->shape[0], " scales for ", tensors.values->shape[0], " rows"));
  }
  if (tensors.sparse && tensors.keys == nullptr) return error("values without keys");
  if (tensors.sparse && tensors.keys->shape[0] != tensors.values->shape[0]) {
    return error(
        absl::StrCat(tensors.keys->shape[0], " keys for ", tensors.values->shape[0], " rows"));
  }
  ModelTable table{.name = name,
                   .sparse = tensors.sparse,
                   .dim = static_cast<uint32_t>(tensors.values->shape[1])};
  ASSIGN_OR_RETURN(table.values, ReadValues(path, header, tensors));
  if (!table.sparse) return table;
  ASSIGN_OR_RETURN(table.keys, ReadTensor<uint64_t>(path, header, *tensors.keys));
  if (!IsAscending(table.keys)) return error("keys are not ascending");
  return table;
}

absl::Status ReadScales(const std::string& path, const SafetensorsHeader& header,
                        ModelFile* model) {
  for (const TensorSpec& tensor : header.tensors) {
    if (tensor.name != kScalesTensor) continue;
    if (tensor.type != TensorType::kF32 ||
        tensor.shape != std::vector<uint64_t>{FeatureColumns(*model), 3}) {
      return Corrupt(path, "tensor \"scales\" is not F32 with three values for each column");
    }
    ASSIGN_OR_RETURN(const std::vector<float> flat, ReadTensor<float>(path, header, tensor));
    for (size_t i = 0; i < flat.size(); i += 3) {
      v1::ColumnScale& scale = model->scales.emplace_back();
      scale.set_offset(flat[i]);
      scale.set_factor(flat[i + 1]);
      scale.set_missing(flat[i + 2]);
    }
  }
  const bool measured =
      model->data.scaling() > v1::Data::AS_IS || model->data.csv().missing() == v1::Csv::MEAN;
  if (measured && model->scales.empty() && FeatureColumns(*model) > 0) {
    return Corrupt(path, "tensor \"scales\" is missing, but metadata \"data\" asks for it");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<float> FlatScales(const ModelFile& model) {
  std::vector<float> flat;
  for (const v1::ColumnScale& scale : model.scales) {
    flat.insert(flat.end(), {scale.offset(), scale.factor(), scale.missing()});
  }
  return flat;
}

absl::Status WriteModelFile(const std::string& path, const ModelFile& model,
                            ValueEncoding encoding) {
  RETURN_IF_ERROR(CheckTables(model));
  const std::vector<EncodedValues> encoded = Encode(model, encoding);
  const std::vector<float> scales = FlatScales(model);
  const Layout layout = LayOut(model, scales, encoded, encoding);
  ASSIGN_OR_RETURN(const std::string header, EncodeSafetensorsHeader(layout.header));
  ASSIGN_OR_RETURN(std::unique_ptr<AtomicFileWriter> writer, AtomicFileWriter::Create(path));
  RETURN_IF_ERROR(writer->Append(header));
  for (const absl::string_view bytes : layout.data) RETURN_IF_ERROR(writer->Append(bytes));
  return writer->Commit();
}

absl::StatusOr<ModelFile> ReadModelFile(const std::string& path) {
  ASSIGN_OR_RETURN(const SafetensorsHeader header, ReadSafetensorsHeader(path));
  ModelFile model;
  RETURN_IF_ERROR(ReadMetadata(header, path, &model));
  RETURN_IF_ERROR(ReadScales(path, header, &model));
  ASSIGN_OR_RETURN(const auto groups, GroupTensors(header, path));
  for (const auto& [name, tensors] : groups) {
    ASSIGN_OR_RETURN(ModelTable table, ReadTable(path, header, name, tensors));
    model.tables.push_back(std::move(table));
  }
  return model;
}

}  // namespace paramd
