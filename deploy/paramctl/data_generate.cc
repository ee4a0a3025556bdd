#include "deploy/paramctl/data_generate.h"

#include <charconv>
#include <cstdint>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "common/base/atomic_file_writer.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/flags.h"
#include "deploy/paramctl/click_log.h"
#include "worker/eval/metrics.h"

namespace paramd {
namespace {

// Standard deviation of what --interactions adds.
constexpr double kInteraction = 2;

struct Request {
  std::string out;
  std::string format = "libsvm";
  uint64_t rows = 200000;
  uint64_t eval_rows = 50000;
  ClickLog::Options log;
  std::string output = "text";
};

// Sets `request`; what to exit with when there is nothing to do.
std::optional<int> ParseRequest(absl::Span<const std::string> args, Request& request) {
  Flags flags("paramctl data generate",
              "writes a click log as DIR/train.libsvm and DIR/test.libsvm (or .libffm), the same "
              "for the same flags, and prints the best that a model can reach.");
  constexpr uint64_t kMaxRows = uint64_t{1} << 40;
  ClickLog::Options& log = request.log;
  flags.String("out", "DIR", "folder to write to, made if need be", request.out);
  flags.Choice("format", {"libsvm", "libffm"}, "libffm: with the field before each feature",
               request.format);
  flags.Number("rows", "rows of the train file", 1, kMaxRows, request.rows);
  flags.Number("eval_rows", "rows of the test file", 1, kMaxRows, request.eval_rows);
  flags.Number("features_per_row", "categorical fields, one value of each in a row", 1, 10000,
               log.fields);
  flags.Number("cardinality", "values of the largest field; the smallest has 2", 2,
               uint64_t{1} << 40, log.cardinality);
  flags.Number("zipf", "values have frequencies k^-X", 0.0, 10.0, log.zipf);
  bool interactions = false;
  flags.Switch("interactions",
               "pairs of values have an effect too, which factorization machines can learn and "
               "linear models cannot",
               interactions);
  flags.Number("seed", "another seed, another log", 0, ~uint64_t{0}, log.seed);
  flags.Choice("output,o", {"text", "json"}, "how the result is printed", request.output);
  if (const std::optional<int> exit_code = flags.ParseOrExitCode(args)) return exit_code;
  if (interactions) log.interaction = kInteraction;
  if (!request.out.empty()) return std::nullopt;
  std::cerr << "paramctl data generate: --out is missing\n" << flags.Usage() << "\n";
  return kExitUsage;
}

void AppendNumber(uint64_t number, std::string* line) {
  char digits[20];
  line->append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

// "1 key:1 ...", or with fields "1 field:key:1 ...".
void AppendRow(const ClickLog::Row& row, bool fields, std::string* line) {
  line->push_back(row.click ? '1' : '0');
  for (size_t field = 0; field < row.keys.size(); ++field) {
    line->push_back(' ');
    if (fields) {
      AppendNumber(field, line);
      line->push_back(':');
    }
    AppendNumber(row.keys[field], line);
    line->append(":1");
  }
  line->push_back('\n');
}

// Writes part `part` of the log; the metrics are those of the true probabilities.
absl::StatusOr<v1::Metrics> WritePart(const ClickLog& log, uint64_t part, uint64_t rows,
                                      bool fields, const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<AtomicFileWriter> writer, AtomicFileWriter::Create(path));
  MetricsAccumulator metrics(Task::kBinary, 1);
  ClickLog::Row row;
  std::string line;
  for (uint64_t i = 0; i < rows; ++i) {
    log.Fill(part, i, &row);
    line.clear();
    AppendRow(row, fields, &line);
    RETURN_IF_ERROR(writer->Append(line));
    metrics.Add({row.click ? 1.0f : 0.0f}, {static_cast<float>(row.probability)});
  }
  RETURN_IF_ERROR(writer->Commit());
  return metrics.Finish();
}

void PrintJson(const Request& request, const std::string& train, const std::string& test,
               const v1::Metrics& bayes) {
  nlohmann::ordered_json result = {{"train", train},
                                   {"test", test},
                                   {"rows", request.rows},
                                   {"eval_rows", request.eval_rows},
                                   {"bayes", {{"auc", bayes.auc()}, {"logloss", bayes.logloss()}}}};
  std::cout << result.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
            << std::endl;
}

absl::Status Generate(const Request& request) {
  RETURN_IF_ERROR(MakeDirectories(request.out));
  const std::string train = JoinPath(request.out, "train." + request.format);
  const std::string test = JoinPath(request.out, "test." + request.format);
  const bool fields = request.format == "libffm";
  const ClickLog log(request.log);
  RETURN_IF_ERROR(WritePart(log, 0, request.rows, fields, train).status());
  ASSIGN_OR_RETURN(const v1::Metrics bayes, WritePart(log, 1, request.eval_rows, fields, test));
  if (request.output == "json") {
    PrintJson(request, train, test, bayes);
  } else {
    std::cout << absl::StrFormat(
                     "%s: %d rows\n%s: %d rows\n%d features in a row, %d different ones\n"
                     "best possible on %s: AUC %.4f, log loss %.4f\n",
                     train, request.rows, test, request.eval_rows, request.log.fields,
                     log.distinct_keys(), test, bayes.auc(), bayes.logloss())
              << std::flush;
  }
  return absl::OkStatus();
}

}  // namespace

int RunDataGenerate(absl::Span<const std::string> args) {
  Request request;
  if (const std::optional<int> exit_code = ParseRequest(args, request)) return *exit_code;
  const absl::Status status = Generate(request);
  if (status.ok()) return kExitDone;
  std::cerr << "paramctl data generate: " << status.message() << "\n";
  return kExitFailure;
}

}  // namespace paramd
