#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"

namespace paramd {

// What a benchmark has measured: rows, shown as text or written as JSON.
//
//   Report report;
//   report.Add({{"op", "push"}, {"bytes", 1048576}, {"gb_per_s", 3.1}});
//   ...
//   return report.Finish(argc, argv);
class Report {
 public:
  // An object of strings and numbers, in the order of the columns.
  using Row = nlohmann::ordered_json;

  void Add(Row row) { rows_.push_back(std::move(row)); }

  // Aligned columns under their names. Rows that follow each other with the same names are one
  // table.
  std::string Text() const;

  // {"rows": [...]}. Errors of the file.
  absl::Status WriteJson(const std::string& path) const;

  // Prints the text and, with the argument --json=FILE, writes the JSON. The program's exit code:
  // 2 for other arguments.
  int Finish(int argc, char** argv) const;

 private:
  std::vector<Row> rows_;
};

// Median of the seconds that `runs` calls of `work` took, after one that is not counted.
double MedianSeconds(const std::function<void()>& work, int runs = 5);

// Seconds that one call took.
double Seconds(const std::function<void()>& work);

}  // namespace paramd
