#include "common/config/override.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/config/schema.h"
#include "common/config/suggest.h"
#include "paramd/v1/config.pb.h"

namespace paramd {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// A walk from the root of the tree along a path, in step with the schema.
class Walk {
 public:
  Walk(YamlNode& root, const Origin& origin, ConfigErrors& errors)
      : origin_(origin), errors_(errors), node_(&root) {}

  // Goes one part further, making what is not there. False when it cannot.
  bool Step(const std::string& part) {
    const bool stepped =
        field_ != nullptr && field_->is_repeated() && !in_list_ ? IntoList(part) : IntoMap(part);
    path_.push_back(part);
    return stepped;
  }

  // Replaces the value that was reached. False when `text` is not YAML.
  bool Assign(absl::string_view text) {
    const bool is_string = field_->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
                           (!field_->is_repeated() || in_list_);
    const bool is_quoted = absl::StartsWith(text, "\"") || absl::StartsWith(text, "'");
    const bool is_null = text.empty() || text == "~" || text == "null";
    std::optional<YamlNode> value;
    if (is_string && !is_quoted && !(is_null && SettingOf(*field_).optional())) {
      value = YamlNode{.kind = YamlNode::kScalar, .quoted = true, .text = std::string(text)};
    } else {
      value = ParseYaml(text, origin_, errors_);
    }
    if (!value.has_value()) return false;
    *node_ = *std::move(value);
    node_->origin = origin_;
    return true;
  }

 private:
  bool Fail(absl::string_view part, absl::string_view message) {
    std::vector<std::string> path = path_;
    if (!part.empty()) path.emplace_back(part);
    errors_.Add(origin_, absl::StrJoin(path, "."), message);
    return false;
  }

  // Makes the node `kind` where it is nothing yet. False when the file has something else there,
  // which is reported when the tree is read.
  bool Become(YamlNode::Kind kind) {
    if (node_->kind == YamlNode::kNull) {
      node_->kind = kind;
      node_->origin = origin_;
    }
    return node_->kind == kind;
  }

  bool IntoMap(const std::string& part) {
    if (type_ == nullptr) return Fail("", "is a single value, without settings below it");
    field_ = type_->FindFieldByName(part);
    in_list_ = false;
    if (field_ == nullptr) {
      return Fail(part, absl::StrCat("unknown key", DidYouMean(part, FieldNames(*type_))));
    }
    type_ = IsMapping(*field_) ? field_->message_type() : nullptr;
    if (!Become(YamlNode::kMap)) return false;
    YamlNode* next = node_->Find(part);
    node_ = next != nullptr ? next : &node_->Add({part, origin_});
    return true;
  }

  bool IntoList(const std::string& part) {
    in_list_ = true;
    if (!Become(YamlNode::kList)) return false;
    size_t index = 0;
    if (!absl::SimpleAtoi(part, &index)) return type_ != nullptr ? IntoNamed(part) : NoIndex(part);
    if (index > node_->items.size()) {
      return Fail(part, absl::StrCat("is past the end of a list of ", node_->items.size()));
    }
    if (index == node_->items.size()) node_->items.emplace_back();
    node_ = &node_->items[index];
    return true;
  }

  bool NoIndex(const std::string& part) { return Fail(part, "wants the index of an element"); }

  bool IntoNamed(const std::string& name) {
    if (type_->FindFieldByName("name") == nullptr) return NoIndex(name);
    for (YamlNode& item : node_->items) {
      const YamlNode* found = item.Find("name");
      if (found == nullptr) continue;
      if (found->text == name ||
          (origin_.kind == Origin::kEnvironment && absl::EqualsIgnoreCase(found->text, name))) {
        node_ = &item;
        return true;
      }
    }
    node_ = &node_->items.emplace_back();
    Become(YamlNode::kMap);
    node_->Add({"name", origin_}) =
        YamlNode{.kind = YamlNode::kScalar, .quoted = true, .text = name, .origin = origin_};
    return true;
  }

  const Origin& origin_;
  ConfigErrors& errors_;
  YamlNode* node_;
  const Descriptor* type_ = v1::Config::descriptor();  // of the value at node_; nullptr: single
  const FieldDescriptor* field_ = nullptr;             // that node_ is a value of
  bool in_list_ = false;                               // node_ is an element of field_'s list
  std::vector<std::string> path_;
};

}  // namespace

void ApplyOverride(absl::string_view path, absl::string_view text, const Origin& origin,
                   YamlNode& root, ConfigErrors& errors) {
  YamlNode changed = root;
  Walk walk(changed, origin, errors);
  for (const absl::string_view part : absl::StrSplit(path, '.'))
    if (!walk.Step(std::string(part))) return;
  if (walk.Assign(text)) root = std::move(changed);
}

}  // namespace paramd
