#include "common/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <sstream>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/config/utf8.h"

namespace paramd {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxAliasedNodes = 10'000;

Origin At(const Origin& source, const YAML::Mark& mark) {
  Origin origin = source;
  if (source.kind == Origin::kFile && !mark.is_null()) {
    origin.line = mark.line + 1;
    origin.column = mark.column + 1;
  }
  return origin;
}

// Whether `text` can be handed to yaml-cpp, which takes byte 4 for the end of the file. Tabs are
// reported and then replaced, so that the errors after them are found too.
bool CheckText(std::string& text, const Origin& source, ConfigErrors& errors) {
  Origin here = source;
  here.line = here.column = 1;
  if (text.size() > kMaxBytes) {
    errors.Add(here, "", "larger than 1 MiB");
    return false;
  }
  size_t length = 0;
  for (size_t i = 0; i < text.size(); i += length, here.column += static_cast<int>(length)) {
    length = Utf8Length(absl::string_view(text).substr(i));
    const auto c = static_cast<unsigned char>(text[i]);
    if (length == 0) {
      errors.Add(here, "", absl::StrFormat("not UTF-8 (byte 0x%02x)", c));
      return false;
    }
    if (c == '\n') {
      ++here.line;
      here.column = 0;
    } else if (c == '\t') {
      errors.Add(here, "", "tab; use spaces, or \"\\t\" in double quotes");
      text[i] = ' ';
    } else if ((c < 0x20 && c != '\r') || c == 0x7f) {
      errors.Add(here, "", absl::StrFormat("control character 0x%02x", c));
      return false;
    }
  }
  return true;
}

struct Extent {
  size_t nodes = 1;
  size_t depth = 1;
};

Extent Measure(const YamlNode& node) {
  Extent extent;
  for (const YamlNode& item : node.items) {
    const Extent inner = Measure(item);
    extent.nodes += inner.nodes;
    extent.depth = std::max(extent.depth, inner.depth + 1);
  }
  return extent;
}

// Builds a tree out of yaml-cpp's events. Throws YAML::ParserException where it cannot go on.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const Origin& source, ConfigErrors& errors) : source_(source), errors_(errors) {}

  YamlNode Take() && { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw YAML::ParserException(mark, "more than one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Finish({.kind = YamlNode::kNull, .origin = At(source_, mark)}, anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw YAML::ParserException(mark, "an alias inside the value that it stands for");
    }
    const Extent extent = Measure(found->second);
    aliased_nodes_ += extent.nodes;
    if (aliased_nodes_ > kMaxAliasedNodes) {
      throw YAML::ParserException(mark, "aliases stand for more than 10000 values");
    }
    CheckDepth(mark, extent.depth);
    Finish(YamlNode(found->second), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(mark, tag);
    Finish({.kind = YamlNode::kScalar,
            .quoted = tag == "!",
            .text = value,
            .origin = At(source_, mark)},
           anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Start(YamlNode::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { End(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Start(YamlNode::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { End(); }

 private:
  // A list or map that has not ended yet.
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    std::optional<YamlNode::Key> key;                // kMap: waits for its value
    bool skip = false;                               // kMap: the key is not taken
    absl::flat_hash_map<std::string, Origin> known;  // kMap: the keys so far
  };

  std::string Path() const {
    std::string path;
    for (const Open& open : open_) {
      if (open.node.kind == YamlNode::kList) {
        absl::StrAppend(&path, path.empty() ? "" : ".", open.node.items.size());
      } else if (open.key.has_value()) {
        absl::StrAppend(&path, path.empty() ? "" : ".", open.key->text);
      }
    }
    return path;
  }

  void CheckDepth(const YAML::Mark& mark, size_t more) const {
    if (open_.size() + more > kMaxDepth) {
      throw YAML::ParserException(mark, "nested deeper than 32 levels");
    }
  }

  void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    errors_.Add(At(source_, mark), Path(), "tags are not supported");
  }

  void Start(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
             YAML::anchor_t anchor) {
    CheckDepth(mark, 1);
    CheckTag(mark, tag);
    open_.push_back({.node = {.kind = kind, .origin = At(source_, mark)}, .anchor = anchor});
  }

  void End() {
    Open ended = std::move(open_.back());
    open_.pop_back();
    Finish(std::move(ended.node), ended.anchor);
  }

  // Puts a complete node where it belongs.
  void Finish(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.back().node.kind == YamlNode::kList) {
      open_.back().node.items.push_back(std::move(node));
    } else if (!open_.back().key.has_value()) {
      TakeKey(node);
    } else {
      TakeValue(std::move(node));
    }
  }

  void TakeKey(const YamlNode& node) {
    Open& map = open_.back();
    map.key.emplace(YamlNode::Key{node.text, node.origin});
    const auto [known, fresh] = map.known.try_emplace(node.text, node.origin);
    map.skip = true;
    if (node.kind != YamlNode::kScalar) {
      errors_.Add(node.origin, Path(), "a key must be one word");
    } else if (node.text == "<<" && !node.quoted) {
      errors_.Add(node.origin, Path(), "merge keys are not supported");
    } else if (!fresh) {
      errors_.Add(node.origin, Path(), "given twice" + FirstAt(known->second));
    } else {
      map.skip = false;
    }
  }

  void TakeValue(YamlNode node) {
    Open& map = open_.back();
    // yaml-cpp places an absent value at whatever comes next.
    if (node.kind == YamlNode::kNull) node.origin = map.key->origin;
    if (!map.skip) map.node.Add(*map.key) = std::move(node);
    map.key.reset();
  }

  static std::string FirstAt(const Origin& first) {
    if (first.kind != Origin::kFile) return "";
    return absl::StrCat("; first in line ", first.line);
  }

  const Origin& source_;
  ConfigErrors& errors_;
  std::vector<Open> open_;  // from the root inwards
  absl::flat_hash_map<YAML::anchor_t, YamlNode> anchors_;
  size_t aliased_nodes_ = 0;
  int documents_ = 0;
  YamlNode root_;
};

}  // namespace

const YamlNode* YamlNode::Find(absl::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i].text == key) return &items[i];
  return nullptr;
}

YamlNode* YamlNode::Find(absl::string_view key) {
  return const_cast<YamlNode*>(std::as_const(*this).Find(key));
}

YamlNode& YamlNode::Add(const Key& key) {
  keys.push_back(key);
  return items.emplace_back();
}

std::optional<YamlNode> ParseYaml(absl::string_view text, const Origin& origin,
                                  ConfigErrors& errors) {
  std::string checked(text);
  if (!CheckText(checked, origin, errors)) return std::nullopt;
  TreeBuilder builder(origin, errors);
  try {
    std::istringstream stream(checked);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return std::move(builder).Take();
  } catch (const YAML::Exception& error) {
    errors.Add(At(origin, error.mark), "", error.msg);
  } catch (const std::exception& error) {
    errors.Add(origin, "", error.what());
  }
  return std::nullopt;
}

}  // namespace paramd
