#include "server/coordinator/history_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/memory/memory.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace paramd {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

absl::StatusOr<std::unique_ptr<HistoryFile>> HistoryFile::Open(const std::string& path,
                                                               bool go_on) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return FileError(errno, "open", path);
  auto file = absl::WrapUnique(new HistoryFile(path, fd));
  if (go_on) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
    const size_t end = text.rfind('\n');
    file->size_ = end == std::string::npos ? 0 : end + 1;
  }
  RETURN_IF_ERROR(file->Truncate());
  return file;
}

HistoryFile::~HistoryFile() { close(fd_); }

absl::Status HistoryFile::Append(const v1::HistoryPoint& point) {
  // JSON has no NaN; it becomes null.
  return AppendLine(Json{
      {"seconds", point.seconds()},
      {"examples", point.examples()},
      {"epoch", point.epoch()},
      {"loss",
       point.loss()}}.dump());
}

absl::Status HistoryFile::Append(const v1::Evaluation& evaluation) {
  Json json = {{"seconds", evaluation.seconds()},
               {"examples", evaluation.examples()},
               {"epoch", evaluation.epoch()}};
  const v1::Metrics& metrics = evaluation.metrics();
  for (const auto& [name, value] : {std::pair("auc", metrics.auc()),
                                    {"logloss", metrics.logloss()},
                                    {"accuracy", metrics.accuracy()},
                                    {"rmse", metrics.rmse()}}) {
    if (!std::isnan(value)) json[name] = value;
  }
  return AppendLine(json.dump());
}

absl::Status HistoryFile::Append(const v1::StalenessChoice& choice) {
  return AppendLine(Json{
      {"seconds", choice.seconds()},
      {"staleness", choice.steps()},
      {"waited", choice.waited()},
      {"loss", choice.loss()},
      {"reason",
       choice.reason()}}.dump());
}

absl::Status HistoryFile::Truncate() {
  if (ftruncate(fd_, static_cast<off_t>(size_)) == 0) return absl::OkStatus();
  return FileError(errno, "truncate", path_);
}

absl::Status HistoryFile::AppendLine(absl::string_view line) {
  const std::string text = std::string(line) + "\n";
  const ssize_t written = write(fd_, text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size())) {
    size_ += text.size();
    return absl::OkStatus();
  }
  // A part of it: the disk is full.
  const int error = written < 0 ? errno : ENOSPC;
  RETURN_IF_ERROR(Truncate());
  return FileError(error, "write", path_);
}

}  // namespace paramd
