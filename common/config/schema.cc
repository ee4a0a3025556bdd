#include "common/config/schema.h"

#include <google/protobuf/message.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace paramd {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const v1::Setting& SettingOf(const FieldDescriptor& field) {
  return field.options().GetExtension(v1::setting);
}

bool IsDuration(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type()->full_name() == "google.protobuf.Duration";
}

bool IsWorkerCount(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type() == v1::WorkerCount::descriptor();
}

bool IsStaleness(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type() == v1::Staleness::descriptor();
}

bool IsMapping(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !IsDuration(field) &&
         !IsWorkerCount(field) && !IsStaleness(field);
}

const FieldDescriptor* SelectorOf(const Descriptor& type) {
  for (int i = 0; i < type.field_count(); ++i)
    if (type.field(i)->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) return type.field(i);
  return nullptr;
}

bool Applies(const FieldDescriptor& field, const Message& message) {
  const auto& types = SettingOf(field).only_for();
  const FieldDescriptor* selector = SelectorOf(*message.GetDescriptor());
  if (types.empty() || selector == nullptr) return true;
  const EnumValueDescriptor* chosen = message.GetReflection()->GetEnum(message, selector);
  return std::find(types.begin(), types.end(), EnumName(*chosen)) != types.end();
}

std::string DefaultOf(const FieldDescriptor& field, const Message& message) {
  const v1::Setting& setting = SettingOf(field);
  const FieldDescriptor* selector = SelectorOf(*message.GetDescriptor());
  if (selector != nullptr && selector != &field) {
    const std::string chosen = EnumName(*message.GetReflection()->GetEnum(message, selector));
    for (absl::string_view value : setting.default_for()) {
      if (absl::ConsumePrefix(&value, chosen) && absl::ConsumePrefix(&value, "=")) {
        return std::string(value);
      }
    }
  }
  return setting.default_value();
}

std::string EnumName(const EnumValueDescriptor& value) {
  return absl::AsciiStrToLower(value.name());
}

std::vector<std::string> EnumNames(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i)
    if (type.value(i)->number() != 0) names.push_back(EnumName(*type.value(i)));
  return names;
}

const EnumValueDescriptor* FindEnumValue(const EnumDescriptor& type, const std::string& name) {
  for (int i = 0; i < type.value_count(); ++i)
    if (type.value(i)->number() != 0 && EnumName(*type.value(i)) == name) return type.value(i);
  return nullptr;
}

std::vector<std::string> FieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

}  // namespace paramd
