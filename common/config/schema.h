#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "paramd/v1/config.pb.h"

namespace paramd {

// How the messages of config.proto are seen from YAML.

const v1::Setting& SettingOf(const google::protobuf::FieldDescriptor& field);

// A single message field that YAML spells as one word.
bool IsDuration(const google::protobuf::FieldDescriptor& field);
bool IsWorkerCount(const google::protobuf::FieldDescriptor& field);
bool IsStaleness(const google::protobuf::FieldDescriptor& field);

// Whether a value (of a repeated field: an element) is a mapping in YAML.
bool IsMapping(const google::protobuf::FieldDescriptor& field);

// The `type`, `mode`, `format` or `action` of a message that (setting).only_for of its other fields
// refers to: its first enum field. nullptr when there is none.
const google::protobuf::FieldDescriptor* SelectorOf(const google::protobuf::Descriptor& type);

// Whether `field` has a meaning in `message`, by its only_for and the message's selector.
bool Applies(const google::protobuf::FieldDescriptor& field,
             const google::protobuf::Message& message);

// How YAML would spell the field's default in `message`, whose selector is set; empty: there is
// none.
std::string DefaultOf(const google::protobuf::FieldDescriptor& field,
                      const google::protobuf::Message& message);

// YAML name of an enum value: LOGISTIC_REGRESSION -> "logistic_regression".
std::string EnumName(const google::protobuf::EnumValueDescriptor& value);
// Of every value but the one that stands for "unspecified".
std::vector<std::string> EnumNames(const google::protobuf::EnumDescriptor& type);
// nullptr when there is none of that name.
const google::protobuf::EnumValueDescriptor* FindEnumValue(
    const google::protobuf::EnumDescriptor& type, const std::string& name);

std::vector<std::string> FieldNames(const google::protobuf::Descriptor& type);

}  // namespace paramd
