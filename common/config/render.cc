#include "common/config/render.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/config/duration.h"
#include "common/config/schema.h"
#include "common/config/value.h"

namespace paramd {
namespace {

using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kCommentColumn = 44;

std::string SpellScalar(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64: {
      const uint64_t value = reflection.GetUInt64(message, &field);
      return SettingOf(field).bytes() ? SpellBytes(value) : absl::StrCat(value);
    }
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return SpellNumber(reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumName(*reflection.GetEnum(message, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return SpellString(reflection.GetString(message, &field));
    default:
      break;
  }
  const Message& value = reflection.GetMessage(message, &field);
  if (IsDuration(field)) return SpellDuration(ToDuration(static_cast<const Duration&>(value)));
  if (IsStaleness(field)) return SpellStaleness(static_cast<const v1::Staleness&>(value));
  return SpellWorkerCount(static_cast<const v1::WorkerCount&>(value));
}

class Renderer {
 public:
  explicit Renderer(const LoadedConfig& loaded) : loaded_(loaded) {}

  // `indent`: what every line starts with; `first`: what the first line does instead.
  void Render(const Message& message, const std::string& path, const std::string& indent,
              std::string first) {
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *message.GetDescriptor()->field(i);
      if (!Applies(field, message) || IsUnspecified(message, field)) continue;
      RenderField(message, field, absl::StrCat(path, path.empty() ? "" : ".", field.name()), indent,
                  absl::StrCat(first, field.name(), ":"));
      first = indent;
    }
  }

  std::string Take() && { return std::move(text_); }

 private:
  // A line with where the value of `path` came from.
  void Line(std::string line, const std::string& path) {
    const auto origin = loaded_.origins.find(path);
    line.resize(std::max(line.size() + 2, kCommentColumn), ' ');
    absl::StrAppend(
        &text_, line, "# ",
        Describe(origin != loaded_.origins.end() ? origin->second : Origin(), loaded_.file), "\n");
  }

  void RenderField(const Message& message, const FieldDescriptor& field, const std::string& path,
                   const std::string& indent, const std::string& head) {
    const auto& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      RenderList(message, field, path, indent, head);
    } else if (IsMapping(field) && reflection.HasField(message, &field)) {
      absl::StrAppend(&text_, head, "\n");
      Render(reflection.GetMessage(message, &field), path, indent + "  ", indent + "  ");
    } else if (IsMapping(field) || IsUnset(message, field)) {
      Line(head + " null", path);
    } else {
      Line(absl::StrCat(head, " ", SpellScalar(message, field)), path);
    }
  }

  // A choice that nobody made, of a configuration that LoadConfig did not fill in.
  static bool IsUnspecified(const Message& message, const FieldDescriptor& field) {
    return !field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
           message.GetReflection()->GetEnum(message, &field)->number() == 0;
  }

  static bool IsUnset(const Message& message, const FieldDescriptor& field) {
    return SettingOf(field).optional() && !message.GetReflection()->HasField(message, &field);
  }

  void RenderList(const Message& message, const FieldDescriptor& field, const std::string& path,
                  const std::string& indent, const std::string& head) {
    const auto& reflection = *message.GetReflection();
    const int size = reflection.FieldSize(message, &field);
    Line(size == 0 ? head + " []" : head, path);
    for (int i = 0; i < size; ++i) {
      const std::string item = absl::StrCat(path, ".", i);
      if (IsMapping(field)) {
        Render(reflection.GetRepeatedMessage(message, &field, i), item, indent + "  ",
               indent + "- ");
      } else {
        const bool number = field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32;
        Line(absl::StrCat(indent, "- ",
                          number ? absl::StrCat(reflection.GetRepeatedUInt32(message, &field, i))
                                 : SpellString(reflection.GetRepeatedString(message, &field, i))),
             item);
      }
    }
  }

  const LoadedConfig& loaded_;
  std::string text_;
};

}  // namespace

std::string RenderConfig(const LoadedConfig& loaded) {
  Renderer renderer(loaded);
  renderer.Render(loaded.config, "", "", "");
  return std::move(renderer).Take();
}

}  // namespace paramd
