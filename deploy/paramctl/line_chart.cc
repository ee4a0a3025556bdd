#include "deploy/paramctl/line_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace paramd {
namespace {

// Sizes in pixels.
constexpr double kWidth = 480;
constexpr double kHeight = 320;
constexpr double kLeft = 70;
constexpr double kRight = 20;
constexpr double kTop = 40;
constexpr double kBottom = 50;
constexpr const char* kColors[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd"};

std::string Escape(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void Add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // With some room where there is a single value, or none.
  Range Widened() const {
    if (low < high) return *this;
    if (low > high) return {.low = 0, .high = 1};
    const double room = low == 0 ? 1 : std::abs(low) / 10;
    return {.low = low - room, .high = high + room};
  }
};

// One chart, at its place in the picture.
class Panel {
 public:
  Panel(const LineChart& chart, double x, double y) : chart_(chart), left_(x), top_(y) {
    Range xs, ys;
    for (const LineChart::Line& line : chart.lines) {
      for (const auto& [px, py] : line.points) {
        xs.Add(px);
        ys.Add(py);
      }
    }
    xs_ = xs.Widened();
    ys_ = ys.Widened();
  }

  std::string Draw() const {
    std::string svg = Axes();
    for (size_t i = 0; i < chart_.lines.size(); ++i) {
      absl::StrAppend(&svg, Line(chart_.lines[i], Color(i)), Legend(i));
    }
    return svg;
  }

 private:
  static const char* Color(size_t line) { return kColors[line % std::size(kColors)]; }

  double X(double x) const {
    return left_ + kLeft + (x - xs_.low) / (xs_.high - xs_.low) * (kWidth - kLeft - kRight);
  }
  double Y(double y) const {
    return top_ + kHeight - kBottom -
           (y - ys_.low) / (ys_.high - ys_.low) * (kHeight - kTop - kBottom);
  }

  static std::string Text(double x, double y, const char* anchor, const std::string& text,
                          const std::string& attributes = "") {
    return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y,
                           anchor, attributes, Escape(text));
  }
  static std::string Grid(double x1, double y1, double x2, double y2) {
    return absl::StrFormat(
        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#dddddd\"/>\n", x1, y1, x2,
        y2);
  }

  std::string Axes() const {
    const double right = left_ + kWidth - kRight;
    const double bottom = top_ + kHeight - kBottom;
    std::string svg;
    for (const double tick : Ticks(xs_.low, xs_.high)) {
      absl::StrAppend(&svg, Grid(X(tick), top_ + kTop, X(tick), bottom),
                      Text(X(tick), bottom + 16, "middle", absl::StrFormat("%.4g", tick)));
    }
    for (const double tick : Ticks(ys_.low, ys_.high)) {
      absl::StrAppend(&svg, Grid(left_ + kLeft, Y(tick), right, Y(tick)),
                      Text(left_ + kLeft - 6, Y(tick) + 4, "end", absl::StrFormat("%.4g", tick)));
    }
    absl::StrAppendFormat(&svg,
                          "<polyline fill=\"none\" stroke=\"black\" points=\"%.1f,%.1f %.1f,%.1f "
                          "%.1f,%.1f\"/>\n",
                          left_ + kLeft, top_ + kTop, left_ + kLeft, bottom, right, bottom);
    const double middle = top_ + (kTop + kHeight - kBottom) / 2;
    absl::StrAppend(
        &svg, Text((left_ + kLeft + right) / 2, bottom + 36, "middle", chart_.x_label),
        Text(left_ + 16, middle, "middle", chart_.y_label,
             absl::StrFormat(" transform=\"rotate(-90 %.1f %.1f)\"", left_ + 16, middle)));
    return svg;
  }

  std::string Line(const LineChart::Line& line, const char* color) const {
    std::string svg = absl::StrFormat(
        "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", color);
    for (const auto& [x, y] : line.points) absl::StrAppendFormat(&svg, "%.1f,%.1f ", X(x), Y(y));
    absl::StrAppend(&svg, "\"/>\n");
    if (line.points.size() != 1) return svg;
    absl::StrAppendFormat(&svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
                          X(line.points[0].first), Y(line.points[0].second), color);
    return svg;
  }

  std::string Legend(size_t line) const {
    constexpr double kEntry = 170;
    const double x = left_ + kLeft + static_cast<double>(line) * kEntry;
    const double y = top_ + kTop - 16;
    return absl::StrFormat(
               "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
               "stroke-width=\"3\"/>\n",
               x, y, x + 20, y, Color(line)) +
           Text(x + 26, y + 4, "start", chart_.lines[line].name);
  }

  const LineChart& chart_;
  const double left_;
  const double top_;
  Range xs_;
  Range ys_;
};

}  // namespace

std::vector<double> Ticks(double low, double high) {
  constexpr double kMost = 6;
  const double power = std::pow(10, std::floor(std::log10((high - low) / kMost)));
  double step = 10 * power;
  for (const double factor : {5, 2, 1}) {
    if ((high - low) / (factor * power) <= kMost) step = factor * power;
  }
  std::vector<double> ticks;
  for (double i = std::ceil(low / step); i * step <= high; ++i) ticks.push_back(i * step);
  return ticks;
}

std::string DrawSvg(absl::Span<const LineChart> charts, int columns) {
  const int count = static_cast<int>(charts.size());
  const int rows = (count + columns - 1) / columns;
  std::string svg = absl::StrFormat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%.0f\" height=\"%.0f\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
      columns * kWidth, rows * kHeight);
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&svg, Panel(charts[i], i % columns * kWidth, i / columns * kHeight).Draw());
  }
  return absl::StrCat(svg, "</svg>\n");
}

}  // namespace paramd
