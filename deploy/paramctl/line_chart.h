#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace paramd {

// Lines over common axes. Every point is finite.
struct LineChart {
  struct Line {
    std::string name;
    std::vector<std::pair<double, double>> points;  // (x, y), ascending by x
  };

  std::string x_label;
  std::string y_label;
  std::vector<Line> lines;
};

// Where an axis over [low, high] has its ticks: the multiples of 1, 2 or 5 times a power of ten in
// it, 3 to 12 of them. low < high. Pure.
std::vector<double> Ticks(double low, double high);

// Charts side by side, `columns` in a row, as a picture in SVG 1.1 that needs nothing else: axes
// with ticks and labels, a grid, a legend. Pure.
std::string DrawSvg(absl::Span<const LineChart> charts, int columns);

}  // namespace paramd
