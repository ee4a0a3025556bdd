#include "common/config/reader.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/schema.h"
#include "common/config/suggest.h"

namespace paramd {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string Join(const std::string& path, absl::string_view part) {
  return absl::StrCat(path, path.empty() ? "" : ".", part);
}

absl::string_view KindName(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::kNull:
      return "nothing";
    case YamlNode::kScalar:
      return "a single value";
    case YamlNode::kList:
      return "a list";
    case YamlNode::kMap:
      return "a mapping";
  }
  return "";
}

const Origin& KeyOrigin(const YamlNode& map, absl::string_view name) {
  for (const YamlNode::Key& key : map.keys)
    if (key.text == name) return key.origin;
  return map.origin;
}

// The highest kind of origin in `node`.
Origin::Kind Precedence(const YamlNode& node) {
  Origin::Kind highest = node.origin.kind;
  for (const YamlNode& item : node.items) highest = std::max(highest, Precedence(item));
  return highest;
}

class Reader {
 public:
  Reader(const PathBases& bases, Origins& origins, ConfigErrors& errors)
      : bases_(bases), origins_(origins), errors_(errors) {}

  // `node`: nullptr when there is nothing but defaults; `enclosing`: the nearest place there is.
  void ReadMessage(const YamlNode* node, const Origin& enclosing, const std::string& path,
                   Message& message) {
    if (node != nullptr && !Expect(*node, YamlNode::kMap, path)) return;
    const Origin& origin = node != nullptr ? node->origin : enclosing;
    const Descriptor& type = *message.GetDescriptor();
    if (node != nullptr) CheckKeys(*node, path, type);
    const FieldDescriptor* selector = SelectorOf(type);
    if (selector != nullptr) ReadField(node, origin, path, *selector, message);
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (&field == selector || !CheckApplies(node, path, field, message)) continue;
      ReadField(node, origin, path, field, message);
    }
  }

 private:
  bool Expect(const YamlNode& node, YamlNode::Kind kind, const std::string& path) {
    if (node.kind == kind) return true;
    if (node.kind == YamlNode::kNull) {
      errors_.Add(node.origin, path, "has no value");
    } else {
      errors_.Add(node.origin, path,
                  absl::StrCat("wants ", KindName({.kind = kind}), ", not ", KindName(node)));
    }
    return false;
  }

  void CheckKeys(const YamlNode& node, const std::string& path, const Descriptor& type) {
    for (const YamlNode::Key& key : node.keys) {
      if (type.FindFieldByName(key.text) != nullptr) continue;
      errors_.Add(key.origin, Join(path, key.text),
                  absl::StrCat("unknown key", DidYouMean(key.text, FieldNames(type))));
    }
  }

  // Whether `field` is to be read; everything is when the selector has no good value.
  bool CheckApplies(const YamlNode* node, const std::string& path, const FieldDescriptor& field,
                    const Message& message) {
    if (Applies(field, message)) return true;
    const FieldDescriptor& selector = *SelectorOf(*message.GetDescriptor());
    const auto selected = origins_.find(Join(path, selector.name()));
    if (selected == origins_.end()) return true;
    const YamlNode* value = node != nullptr ? node->Find(field.name()) : nullptr;
    if (value == nullptr || Precedence(*value) < selected->second.kind) return false;
    const EnumValueDescriptor* type = message.GetReflection()->GetEnum(message, &selector);
    errors_.Add(
        KeyOrigin(*node, field.name()), Join(path, field.name()),
        absl::StrCat("is a setting of ", absl::StrJoin(SettingOf(field).only_for(), " and "),
                     ", not of ", EnumName(*type)));
    return false;
  }

  void ReadField(const YamlNode* parent, const Origin& enclosing, const std::string& parent_path,
                 const FieldDescriptor& field, Message& message) {
    const YamlNode* node = parent != nullptr ? parent->Find(field.name()) : nullptr;
    const std::string path = Join(parent_path, field.name());
    const v1::Setting& setting = SettingOf(field);
    const bool unset = node == nullptr || node->kind == YamlNode::kNull;
    if (unset && setting.optional()) {
      origins_[path] = node != nullptr ? node->origin : Origin();
    } else if (node != nullptr && field.is_repeated()) {
      ReadList(*node, path, field, message);
    } else if (IsMapping(field)) {
      ReadMessage(node, enclosing, path,
                  *message.GetReflection()->MutableMessage(&message, &field));
    } else if (node != nullptr) {
      ReadScalar(*node, path, field, message);
    } else if (const std::string text = DefaultOf(field, message); !text.empty()) {
      ReadScalar({.kind = YamlNode::kScalar, .text = text}, path, field, message);
    } else {
      errors_.Add(enclosing, path, "is missing");
    }
  }

  void ReadList(const YamlNode& node, const std::string& path, const FieldDescriptor& field,
                Message& message) {
    if (!Expect(node, YamlNode::kList, path)) return;
    const absl::Status length = CheckLength(node.items.size(), SettingOf(field), "length");
    if (!length.ok()) errors_.Add(node.origin, path, length.message());
    origins_[path] = node.origin;
    for (size_t i = 0; i < node.items.size(); ++i) {
      const std::string item_path = Join(path, absl::StrCat(i));
      if (IsMapping(field)) {
        ReadMessage(&node.items[i], node.origin, item_path,
                    *message.GetReflection()->AddMessage(&message, &field));
      } else {
        ReadScalar(node.items[i], item_path, field, message);
      }
    }
  }

  void ReadScalar(const YamlNode& node, const std::string& path, const FieldDescriptor& field,
                  Message& message) {
    if (!Expect(node, YamlNode::kScalar, path)) return;
    const absl::Status status = SetScalar(node, field, bases_, message);
    if (status.ok()) {
      origins_[path] = node.origin;
    } else {
      errors_.Add(node.origin, path, status.message());
    }
  }

  const PathBases& bases_;
  Origins& origins_;
  ConfigErrors& errors_;
};

}  // namespace

v1::Optimizer DefaultOptimizer(v1::Optimizer::Type type) {
  YamlNode root = {.kind = YamlNode::kMap};
  YamlNode& name = root.Add({.text = "type"});
  name.kind = YamlNode::kScalar;
  name.text = EnumName(*v1::Optimizer::Type_descriptor()->FindValueByNumber(type));
  v1::Optimizer optimizer;
  Origins origins;
  ConfigErrors errors;
  Reader({}, origins, errors).ReadMessage(&root, root.origin, "", optimizer);
  return optimizer;
}

void ReadConfig(const YamlNode& root, const PathBases& bases, v1::Config& config, Origins& origins,
                ConfigErrors& errors) {
  Reader(bases, origins, errors).ReadMessage(&root, root.origin, "", config);
}

}  // namespace paramd
