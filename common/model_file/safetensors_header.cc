// The JSON header of the safetensors format, both ways.
#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model_file/safetensors.h"

namespace paramd {
namespace {

using nlohmann::json;

constexpr char kMetadata[] = "__metadata__";

constexpr TensorType kTypes[] = {TensorType::kF32, TensorType::kU64, TensorType::kBF16,
                                 TensorType::kI8};

const char* TypeName(TensorType type) {
  switch (type) {
    case TensorType::kU64:
      return "U64";
    case TensorType::kBF16:
      return "BF16";
    case TensorType::kI8:
      return "I8";
    default:
      return "F32";
  }
}

absl::Status Bad(absl::string_view what) { return absl::DataLossError(what); }

std::string Shown(const std::string& name) {
  return absl::StrCat("\"", absl::CHexEscape(name.substr(0, 64)), "\"");
}

// Parses JSON, refusing an object with the same key twice, which the parser alone would accept.
absl::StatusOr<json> ParseStrictly(absl::string_view text) {
  std::vector<std::set<std::string>> keys;  // of every open object
  std::optional<std::string> twice;
  const auto watch = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      const std::string& key = value.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) twice = key;
    }
    return true;
  };
  json parsed = json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return Bad("the header is not JSON");
  if (twice) return Bad(absl::StrCat("the header has ", Shown(*twice), " twice"));
  if (!parsed.is_object()) return Bad("the header is not a JSON object");
  return parsed;
}

// The list of whole numbers `key` of a tensor's description.
absl::StatusOr<std::vector<uint64_t>> Numbers(const json& tensor, const char* key) {
  const auto found = tensor.find(key);
  if (found == tensor.end()) return Bad(absl::StrCat("\"", key, "\" is missing"));
  if (!found->is_array()) return Bad(absl::StrCat("\"", key, "\" is not a list"));
  std::vector<uint64_t> numbers;
  for (const json& number : *found) {
    if (!number.is_number_unsigned()) {
      return Bad(absl::StrCat("\"", key, "\" holds what is no whole number"));
    }
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

absl::StatusOr<TensorType> ParseType(const json& tensor) {
  const auto found = tensor.find("dtype");
  if (found == tensor.end()) return Bad("\"dtype\" is missing");
  for (const TensorType type : kTypes) {
    if (*found == TypeName(type)) return type;
  }
  return Bad("\"dtype\" is none of \"F32\", \"U64\", \"BF16\" and \"I8\"");
}

absl::StatusOr<TensorSpec> ParseTensor(const std::string& name, const json& tensor,
                                       uint64_t data_bytes) {
  if (!tensor.is_object()) return Bad("not an object");
  if (tensor.size() > 3) return Bad("more than \"dtype\", \"shape\" and \"data_offsets\"");
  TensorSpec spec{.name = name};
  ASSIGN_OR_RETURN(spec.type, ParseType(tensor));
  ASSIGN_OR_RETURN(spec.shape, Numbers(tensor, "shape"));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> offsets, Numbers(tensor, "data_offsets"));
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    return Bad("\"data_offsets\" is not a begin and an end");
  }
  spec.begin = offsets[0];
  spec.end = offsets[1];
  if (spec.end > data_bytes) {
    return Bad(absl::StrCat("ends at byte ", spec.end, " of ", data_bytes, " bytes of data"));
  }
  const absl::StatusOr<uint64_t> bytes = TensorBytes(spec.type, spec.shape);
  if (!bytes.ok()) return Bad(bytes.status().message());
  if (*bytes != spec.end - spec.begin) {
    return Bad(absl::StrCat("its shape takes ", *bytes, " bytes, its offsets give ",
                            spec.end - spec.begin));
  }
  return spec;
}

absl::Status ParseMetadata(const json& metadata, SafetensorsHeader* header) {
  if (!metadata.is_object()) return Bad("the metadata are not an object");
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) return Bad(absl::StrCat("metadata ", Shown(key), " is not a string"));
    header->metadata[key] = value.get<std::string>();
  }
  return absl::OkStatus();
}

// Sorts the tensors by their place. Together they must be all of the data, each byte once.
absl::Status ArrangeTensors(uint64_t data_bytes, std::vector<TensorSpec>* tensors) {
  std::sort(tensors->begin(), tensors->end(), [](const TensorSpec& a, const TensorSpec& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t next = 0;
  for (const TensorSpec& tensor : *tensors) {
    if (tensor.begin != next) {
      return Bad(absl::StrCat("tensor ", Shown(tensor.name), " begins at byte ", tensor.begin,
                              tensor.begin < next ? ", inside the one before it, which ends at "
                                                  : ", after a gap that begins at ",
                              next));
    }
    next = tensor.end;
  }
  if (next == data_bytes) return absl::OkStatus();
  return Bad(absl::StrCat("the tensors end at byte ", next, " of ", data_bytes, " bytes of data"));
}

absl::StatusOr<SafetensorsHeader> ParseHeader(absl::string_view text, uint64_t data_bytes) {
  if (text.empty() || text[0] != '{') return Bad("the header does not begin with \"{\"");
  ASSIGN_OR_RETURN(const json parsed, ParseStrictly(text));
  SafetensorsHeader header;
  for (const auto& [name, value] : parsed.items()) {
    if (name == kMetadata) {
      RETURN_IF_ERROR(ParseMetadata(value, &header));
      continue;
    }
    absl::StatusOr<TensorSpec> tensor = ParseTensor(name, value, data_bytes);
    if (!tensor.ok()) {
      return Bad(absl::StrCat("tensor ", Shown(name), ": ", tensor.status().message()));
    }
    header.tensors.push_back(*std::move(tensor));
  }
  RETURN_IF_ERROR(ArrangeTensors(data_bytes, &header.tensors));
  return header;
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view json,
                                                         uint64_t data_bytes,
                                                         const std::string& file) {
  absl::StatusOr<SafetensorsHeader> header = ParseHeader(json, data_bytes);
  if (header.ok()) return header;
  return absl::DataLossError(absl::StrCat(file, ": ", header.status().message()));
}

absl::StatusOr<std::string> EncodeSafetensorsHeader(const SafetensorsHeader& header) {
  nlohmann::ordered_json object;
  object[kMetadata] = header.metadata;
  for (const TensorSpec& tensor : header.tensors) {
    object[tensor.name] = {{"dtype", TypeName(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {tensor.begin, tensor.end}}};
  }
  // "replace" keeps a name that is not UTF-8 from throwing.
  std::string text = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > kMaxSafetensorsHeaderBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a header of ", text.size(), " bytes is longer than allowed"));
  }
  std::string encoded;
  for (int shift = 0; shift < 64; shift += 8) {
    encoded.push_back(static_cast<char>(uint64_t{text.size()} >> shift & 0xff));
  }
  return encoded + text;
}

}  // namespace paramd
