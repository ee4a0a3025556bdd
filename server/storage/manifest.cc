#include "server/storage/manifest.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/storage/sha256.h"

namespace paramd {
namespace {

constexpr absl::string_view kFirstLine = "paramd checkpoint 1";
constexpr absl::string_view kShaWord = "sha256 ";
constexpr size_t kShaDigits = 64;
constexpr size_t kLastLineBytes = kShaWord.size() + kShaDigits + 1;
constexpr size_t kMaxNameBytes = 200;

// Takes the lines of a text one by one.
class Lines {
 public:
  explicit Lines(absl::string_view text) : text_(text) {}

  // The next line's words; none at the end and for a line that does not end.
  std::vector<absl::string_view> Next() {
    const size_t end = text_.find('\n');
    if (end == absl::string_view::npos) return {};
    const absl::string_view line = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return absl::StrSplit(line, ' ');
  }

  absl::string_view rest() const { return text_; }

 private:
  absl::string_view text_;
};

bool IsNumber(const std::vector<absl::string_view>& words, absl::string_view name, size_t count,
              size_t at, uint64_t* number) {
  return words.size() == count && words[0] == name && absl::SimpleAtoi(words[at], number);
}

// Whether the text before the last line is that of a manifest, but for what can be written in
// several ways.
bool ParseLines(absl::string_view text, Manifest* manifest) {
  Lines lines(text);
  lines.Next();
  if (!IsNumber(lines.Next(), "number", 2, 1, &manifest->number)) return false;
  std::vector<absl::string_view> words = lines.Next();
  CheckpointParent parent;
  if (IsNumber(words, "parent", 3, 1, &parent.number)) {
    parent.sha256 = std::string(words[2]);
    manifest->parent = std::move(parent);
  } else if (words != std::vector<absl::string_view>{"full"}) {
    return false;
  }
  uint64_t bytes = 0;
  while (IsNumber(words = lines.Next(), "file", 4, 2, &bytes)) {
    manifest->files.push_back({.name = std::string(words[1]),
                               .digest = {.bytes = bytes, .sha256 = std::string(words[3])}});
  }
  if (!IsNumber(words, "payload", 2, 1, &bytes)) return false;
  manifest->payload = std::string(lines.rest().substr(0, bytes));
  return true;
}

absl::Status Damaged(absl::string_view path, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(path, " is damaged: ", what));
}

// SHA-256 and the first line.
absl::Status CheckText(absl::string_view text, absl::string_view path) {
  if (text.size() < kLastLineBytes) return Damaged(path, "it is too short");
  const size_t end = text.size() - kLastLineBytes;
  if (text.substr(end) != absl::StrCat(kShaWord, Sha256Hex(text.substr(0, end)), "\n")) {
    return Damaged(path, "its SHA-256 is not the one at its end");
  }
  if (!absl::StartsWith(text, absl::StrCat(kFirstLine, "\n"))) {
    return Damaged(path, absl::StrCat("it does not begin with '", kFirstLine, "'"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFileName(absl::string_view name) {
  const bool good = !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
                    !absl::StartsWith(name, "MANIFEST") &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
                             c == '-' || c == '_';
                    });
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "'", name, "' cannot be the name of a file of a checkpoint: letters, digits, '.', '-', '_'"));
}

std::string SerializeManifest(const Manifest& manifest) {
  std::string text = absl::StrCat(kFirstLine, "\nnumber ", manifest.number, "\n");
  if (manifest.parent.has_value()) {
    absl::StrAppend(&text, "parent ", manifest.parent->number, " ", manifest.parent->sha256, "\n");
  } else {
    absl::StrAppend(&text, "full\n");
  }
  for (const CheckpointFile& file : manifest.files) {
    absl::StrAppend(&text, "file ", file.name, " ", file.digest.bytes, " ", file.digest.sha256,
                    "\n");
  }
  absl::StrAppend(&text, "payload ", manifest.payload.size(), "\n", manifest.payload, "\n");
  return absl::StrCat(text, kShaWord, Sha256Hex(text), "\n");
}

absl::StatusOr<Manifest> ParseManifest(absl::string_view text, absl::string_view path) {
  if (absl::Status status = CheckText(text, path); !status.ok()) return status;
  Manifest manifest;
  if (!ParseLines(text, &manifest) || SerializeManifest(manifest) != text) {
    return Damaged(path, "it is not the text of a manifest");
  }
  const auto unsorted = std::adjacent_find(
      manifest.files.begin(), manifest.files.end(),
      [](const CheckpointFile& a, const CheckpointFile& b) { return a.name >= b.name; });
  const bool good_names =
      std::all_of(manifest.files.begin(), manifest.files.end(),
                  [](const CheckpointFile& file) { return CheckFileName(file.name).ok(); });
  if (unsorted != manifest.files.end() || !good_names) {
    return Damaged(path, "it names files that it cannot have");
  }
  if (manifest.parent.has_value() && manifest.parent->number >= manifest.number) {
    return Damaged(path, "it was added to a later checkpoint");
  }
  return manifest;
}

std::string ManifestSha256(absl::string_view text) {
  return std::string(text.substr(text.size() - kShaDigits - 1, kShaDigits));
}

}  // namespace paramd
