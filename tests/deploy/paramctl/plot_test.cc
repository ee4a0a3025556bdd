#include "deploy/paramctl/plot.h"

#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "deploy/paramctl/line_chart.h"

namespace paramd {
namespace {

constexpr char kHistory[] =
    "{\"seconds\":1.0,\"examples\":100,\"epoch\":1,\"loss\":0.7}\n"
    "{\"seconds\":1.5,\"examples\":150,\"epoch\":1,\"auc\":0.6,\"logloss\":0.65}\n"
    "{\"seconds\":2.0,\"examples\":200,\"epoch\":2,\"loss\":null}\n"
    "{\"seconds\":2.5,\"staleness\":8,\"waited\":0.5,\"reason\":\"workers waited\"}\n"
    "{\"seconds\":3.0,\"examples\":300,\"epoch\":2,\"loss\":0.5}\n"
    "{\"seconds\":3.5,\"examples\":300,\"epoch\":2,\"auc\":0.8,\"logloss\":0.5}\n";

TEST_CASE("ticks are round numbers inside the range") {
  CHECK(Ticks(0, 10) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(Ticks(0.5, 3.2) == std::vector<double>{0.5, 1, 1.5, 2, 2.5, 3});
  CHECK(Ticks(100, 300) == std::vector<double>{100, 150, 200, 250, 300});
  for (const double size : {1e-6, 0.37, 1.0, 6.1, 99.0, 1e9}) {
    const std::vector<double> ticks = Ticks(size / 3, size);
    CHECK(ticks.size() >= 3);
    CHECK(ticks.size() <= 12);
    CHECK(ticks.front() >= size / 3);
    CHECK(ticks.back() <= size);
  }
}

TEST_CASE("loss and AUC, against examples and seconds") {
  const std::string svg = *PlotHistory(kHistory, "h");
  for (const char* text : {">examples<", ">seconds<", ">loss<", ">AUC<", ">training loss<",
                           ">held-out log loss<", ">held out<"}) {
    CHECK(absl::StrContains(svg, text));
  }
  // x of the first and the last point: the sides of the axes; y: 0.7 is the top and 0.5 the bottom.
  CHECK(absl::StrContains(
      svg, "stroke=\"#1f77b4\" stroke-width=\"1.5\" points=\"70.0,40.0 460.0,270.0 \""));
}

TEST_CASE("without evaluations there is the loss, without AUC the metric there is") {
  CHECK_FALSE(
      absl::StrContains(*PlotHistory("{\"seconds\":1,\"examples\":1,\"loss\":2}\n", "h"), ">AUC<"));
  CHECK(absl::StrContains(*PlotHistory("{\"seconds\":1,\"examples\":1,\"rmse\":2}\n", "h"),
                          ">RMSE<"));
}

TEST_CASE("what is no history is told with its line") {
  const auto error = [](absl::string_view text) {
    return std::string(PlotHistory(text, "h").status().message());
  };
  CHECK(error("") == "h: there is nothing to draw");
  CHECK(error("{\"seconds\":1,\"examples\":1}\nnonsense\n") == "h:2: not a JSON object");
  CHECK(error("{\"seconds\":1}\n") == "h:1: \"examples\" is no number");
}

}  // namespace
}  // namespace paramd
