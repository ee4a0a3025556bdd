#include "deploy/paramctl/plot.h"

#include <cmath>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/atomic_file_writer.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/flags.h"
#include "deploy/paramctl/line_chart.h"

namespace paramd {
namespace {

// A figure at one moment.
struct Point {
  double examples = 0;
  double seconds = 0;
  double value = 0;
};

// The points of every figure of a history, by its name.
using History = std::map<std::string, std::vector<Point>>;

absl::Status AddLine(absl::string_view line, History* history) {
  const auto json = nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
  if (!json.is_object()) return absl::InvalidArgumentError("not a JSON object");
  // A bound that was chosen is no figure of the training.
  if (json.contains("staleness")) return absl::OkStatus();
  Point point;
  for (const auto& [name, place] :
       {std::pair("examples", &point.examples), {"seconds", &point.seconds}}) {
    if (!json.contains(name) || !json[name].is_number()) {
      return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is no number"));
    }
    *place = json[name].get<double>();
  }
  for (const auto& [name, value] : json.items()) {
    // A loss that is not known is null.
    if (!value.is_number()) continue;
    point.value = value.get<double>();
    (*history)[name].push_back(point);
  }
  return absl::OkStatus();
}

absl::StatusOr<History> ParseHistory(absl::string_view text, const std::string& file) {
  History history;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    if (const absl::Status status = AddLine(line, &history); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(file, ":", number, ": ", status.message()));
    }
  }
  return history;
}

// A chart of those figures that the history has, by (name in the history, name in the legend).
LineChart ChartOf(const History& history,
                  absl::Span<const std::pair<const char*, const char*>> figures, bool by_examples,
                  const std::string& y_label) {
  LineChart chart;
  chart.x_label = by_examples ? "examples" : "seconds";
  chart.y_label = y_label;
  for (const auto& [name, legend] : figures) {
    const auto found = history.find(name);
    if (found == history.end()) continue;
    LineChart::Line line{.name = legend, .points = {}};
    for (const Point& point : found->second) {
      line.points.emplace_back(by_examples ? point.examples : point.seconds, point.value);
    }
    chart.lines.push_back(std::move(line));
  }
  return chart;
}

}  // namespace

absl::StatusOr<std::string> PlotHistory(absl::string_view text, const std::string& file) {
  ASSIGN_OR_RETURN(const History history, ParseHistory(text, file));
  std::vector<LineChart> charts;
  const auto add = [&](absl::Span<const std::pair<const char*, const char*>> figures,
                       const std::string& y_label) {
    for (const bool by_examples : {true, false}) {
      LineChart chart = ChartOf(history, figures, by_examples, y_label);
      if (!chart.lines.empty()) charts.push_back(std::move(chart));
    }
  };
  add({{"loss", "training loss"}, {"logloss", "held-out log loss"}}, "loss");
  for (const auto& [name, label] :
       {std::pair("auc", "AUC"), {"accuracy", "accuracy"}, {"rmse", "RMSE"}}) {
    if (!history.contains(name)) continue;
    add({{name, "held out"}}, label);
    break;
  }
  if (charts.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": there is nothing to draw"));
  }
  return DrawSvg(charts, 2);
}

int RunPlot(absl::Span<const std::string> args) {
  std::string run;
  std::string out;
  Flags flags("paramctl plot",
              "draws loss and metrics of a run against examples and against seconds.");
  flags.Argument("RUN", "history of the run, the file that output.history names", run);
  flags.String("output,o", "FILE", "picture to write, in SVG", out);
  if (const std::optional<int> exit_code = flags.ParseOrExitCode(args)) return *exit_code;
  if (out.empty()) {
    std::cerr << "paramctl plot: --output is missing\n" << flags.Usage() << "\n";
    return kExitUsage;
  }
  const auto plot = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(run));
    ASSIGN_OR_RETURN(const std::string svg, PlotHistory(text, run));
    ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFileWriter> writer, AtomicFileWriter::Create(out));
    RETURN_IF_ERROR(writer->Append(svg));
    return writer->Commit();
  };
  const absl::Status status = plot();
  if (status.ok()) return kExitDone;
  std::cerr << "paramctl plot: " << status.message() << "\n";
  return absl::IsInvalidArgument(status) ? kExitBadData : kExitFailure;
}

}  // namespace paramd
