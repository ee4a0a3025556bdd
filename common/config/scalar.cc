#include "common/config/scalar.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/duration.h"
#include "common/config/schema.h"
#include "common/config/suggest.h"
#include "common/config/utf8.h"
#include "common/config/value.h"

namespace paramd {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Checks `value`, shown as `shown`, against min and max, which are spelled as `parse` reads.
template <typename T, typename Parse>
absl::Status CheckRange(const T& value, const v1::Setting& setting, const Parse& parse,
                        absl::string_view shown) {
  const bool has_max = !setting.max().empty();
  if ((setting.min().empty() || value >= *parse(setting.min())) &&
      (!has_max || value <= *parse(setting.max()))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(shown, " is out of range, which is ",
                                                 has_max ? "" : "at least ", setting.min(),
                                                 has_max ? " to " : "", setting.max()));
}

absl::Status SetCount(const std::string& text, const FieldDescriptor& field, Message& message) {
  const v1::Setting& setting = SettingOf(field);
  const auto parse = setting.bytes() ? ParseBytes : ParseCount;
  ASSIGN_OR_RETURN(const uint64_t value, parse(text));
  // Of a list, min and max are those of its length.
  if (!field.is_repeated()) RETURN_IF_ERROR(CheckRange(value, setting, parse, text));
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
    message.GetReflection()->SetUInt64(&message, &field, value);
    return absl::OkStatus();
  }
  if (value > std::numeric_limits<uint32_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat(text, " is too large"));
  }
  const auto count = static_cast<uint32_t>(value);
  if (field.is_repeated()) {
    message.GetReflection()->AddUInt32(&message, &field, count);
  } else {
    message.GetReflection()->SetUInt32(&message, &field, count);
  }
  return absl::OkStatus();
}

absl::Status SetNumber(const std::string& text, const FieldDescriptor& field, Message& message) {
  ASSIGN_OR_RETURN(const double value, ParseNumber(text));
  RETURN_IF_ERROR(CheckRange(value, SettingOf(field), ParseNumber, text));
  message.GetReflection()->SetDouble(&message, &field, value);
  return absl::OkStatus();
}

absl::Status SetBool(const std::string& text, const FieldDescriptor& field, Message& message) {
  ASSIGN_OR_RETURN(const bool value, ParseBool(text));
  message.GetReflection()->SetBool(&message, &field, value);
  return absl::OkStatus();
}

absl::Status SetEnum(const std::string& text, const FieldDescriptor& field, Message& message) {
  const EnumValueDescriptor* value = FindEnumValue(*field.enum_type(), text);
  if (value == nullptr) {
    const auto names = EnumNames(*field.enum_type());
    return absl::InvalidArgumentError(absl::StrCat(
        "wants ", absl::StrJoin(names, " or "), ", not \"", text, "\"", DidYouMean(text, names)));
  }
  message.GetReflection()->SetEnum(&message, &field, value);
  return absl::OkStatus();
}

absl::Status SetString(const YamlNode& node, const FieldDescriptor& field, const PathBases& bases,
                       Message& message) {
  const v1::Setting& setting = SettingOf(field);
  std::string value = node.text;
  if (!IsUtf8(value)) return absl::InvalidArgumentError("is not UTF-8");
  if (!field.is_repeated()) RETURN_IF_ERROR(CheckLength(value.size(), setting, "length"));
  if (setting.path()) {
    if (value.empty()) return absl::InvalidArgumentError("wants a path, not an empty string");
    if (std::any_of(value.begin(), value.end(), absl::ascii_iscntrl)) {
      return absl::InvalidArgumentError("wants a path, not control characters");
    }
    const bool by_file = node.origin.kind <= Origin::kFile;
    value = JoinPath(by_file ? bases.file : bases.process, value);
  }
  if (field.is_repeated()) {
    message.GetReflection()->AddString(&message, &field, value);
  } else {
    message.GetReflection()->SetString(&message, &field, value);
  }
  return absl::OkStatus();
}

absl::Status SetDuration(const std::string& text, const FieldDescriptor& field, Message& message) {
  ASSIGN_OR_RETURN(const absl::Duration value, ParseDuration(text));
  RETURN_IF_ERROR(CheckRange(value, SettingOf(field), ParseDuration, text));
  message.GetReflection()->MutableMessage(&message, &field)->CopyFrom(FromDuration(value));
  return absl::OkStatus();
}

absl::Status SetWorkerCount(const std::string& text, const FieldDescriptor& field,
                            Message& message) {
  ASSIGN_OR_RETURN(const v1::WorkerCount count, ParseWorkerCount(text));
  for (const uint64_t value : {count.min(), count.max()}) {
    RETURN_IF_ERROR(CheckRange(value, SettingOf(field), ParseCount, text));
  }
  message.GetReflection()->MutableMessage(&message, &field)->CopyFrom(count);
  return absl::OkStatus();
}

absl::Status SetStaleness(const std::string& text, const FieldDescriptor& field, Message& message) {
  ASSIGN_OR_RETURN(const v1::Staleness staleness, ParseStaleness(text));
  RETURN_IF_ERROR(CheckRange(uint64_t{staleness.steps()}, SettingOf(field), ParseCount, text));
  message.GetReflection()->MutableMessage(&message, &field)->CopyFrom(staleness);
  return absl::OkStatus();
}

}  // namespace

absl::Status SetScalar(const YamlNode& node, const FieldDescriptor& field, const PathBases& bases,
                       Message& message) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return SetString(node, field, bases, message);
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(node.text, field, message);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (IsDuration(field)) return SetDuration(node.text, field, message);
      if (IsStaleness(field)) return SetStaleness(node.text, field, message);
      return SetWorkerCount(node.text, field, message);
    default:
      break;
  }
  if (node.quoted && !SettingOf(field).bytes()) {
    return absl::InvalidArgumentError(absl::StrCat("wants no quotes around \"", node.text, "\""));
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return SetNumber(node.text, field, message);
    case FieldDescriptor::CPPTYPE_BOOL:
      return SetBool(node.text, field, message);
    default:
      return SetCount(node.text, field, message);
  }
}

absl::Status CheckLength(size_t length, const v1::Setting& setting, absl::string_view what) {
  return CheckRange(uint64_t{length}, setting, ParseCount, absl::StrCat(what, " ", length));
}

}  // namespace paramd
