#include "tests/bench/report.h"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "deploy/paramctl/text_table.h"

namespace paramd {
namespace {

std::vector<std::string> NamesOf(const Report::Row& row) {
  std::vector<std::string> names;
  for (const auto& [name, value] : row.items()) names.push_back(name);
  return names;
}

std::vector<std::string> CellsOf(const Report::Row& row) {
  std::vector<std::string> cells;
  for (const auto& [name, value] : row.items()) {
    if (value.is_string()) {
      cells.push_back(value.get<std::string>());
    } else if (value.is_number_float()) {
      cells.push_back(absl::StrFormat("%.2f", value.get<double>()));
    } else {
      cells.push_back(value.dump());
    }
  }
  return cells;
}

}  // namespace

std::string Report::Text() const {
  std::string text;
  for (auto begin = rows_.begin(), end = begin; begin != rows_.end(); begin = end) {
    const std::vector<std::string> names = NamesOf(*begin);
    end = std::find_if(begin, rows_.end(), [&](const Row& row) { return NamesOf(row) != names; });
    std::vector<std::vector<std::string>> table = {names};
    std::transform(begin, end, std::back_inserter(table), CellsOf);
    absl::StrAppend(&text, text.empty() ? "" : "\n", FormatTable(table));
  }
  return text;
}

absl::Status Report::WriteJson(const std::string& path) const {
  std::ofstream file(path);
  file << nlohmann::ordered_json({{"rows", rows_}}).dump(1) << "\n";
  file.close();
  if (file) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
}

int Report::Finish(int argc, char** argv) const {
  std::fputs(Text().c_str(), stdout);
  for (int i = 1; i < argc; ++i) {
    absl::string_view path = argv[i];
    if (!absl::ConsumePrefix(&path, "--json=")) {
      std::fprintf(stderr, "usage: %s [--json=FILE]\n", argv[0]);
      return 2;
    }
    if (const absl::Status written = WriteJson(std::string(path)); !written.ok()) {
      std::fprintf(stderr, "%s\n", written.ToString().c_str());
      return 1;
    }
  }
  return 0;
}

double Seconds(const std::function<void()>& work) {
  const absl::Duration begin = Clock::System().SinceBoot();
  work();
  return absl::ToDoubleSeconds(Clock::System().SinceBoot() - begin);
}

double MedianSeconds(const std::function<void()>& work, int runs) {
  work();
  std::vector<double> seconds(runs);
  for (double& second : seconds) second = Seconds(work);
  std::nth_element(seconds.begin(), seconds.begin() + runs / 2, seconds.end());
  return seconds[runs / 2];
}

}  // namespace paramd
