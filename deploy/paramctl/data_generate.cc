#include "deploy/paramctl/data_generate.h"

#include <charconv>
#include <cstdint>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/atomic_file_writer.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "deploy/paramctl/click_log.h"
#include "deploy/paramctl/flag_values.h"
#include "worker/eval/metrics.h"

namespace paramd {
namespace {

constexpr char kUsage[] =
    "usage: paramctl data generate --out DIR [flags]\n"
    "Writes a click log as DIR/train.libsvm and DIR/test.libsvm, the same for the same flags.\n"
    "  --rows N              rows of train.libsvm (200000)\n"
    "  --eval_rows N         rows of test.libsvm (50000)\n"
    "  --features_per_row N  categorical fields, one value of each in a row (39)\n"
    "  --cardinality N       values of the largest field; the smallest has 2 (200)\n"
    "  --zipf S              values have frequencies k^-S (1.1)\n"
    "  --seed N              another seed, another log (42)\n"
    "  -o text|json          how the result is printed (text)\n";

struct Request {
  std::string out;
  uint64_t rows = 200000;
  uint64_t eval_rows = 50000;
  ClickLog::Options log;
  bool json = false;
};

// Sets `value` from the last --`name`, if there is one.
template <typename T>
absl::Status ReadNumber(const FlagValues& flags, const std::string& name, T min, T max, T* value) {
  const auto found = flags.find(name);
  if (found == flags.end()) return absl::OkStatus();
  const std::string& text = found->second.back();
  T parsed;
  const std::from_chars_result result =
      std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (result.ec == std::errc() && result.ptr == text.data() + text.size() && parsed >= min &&
      parsed <= max) {
    *value = parsed;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--", name, ": \"", text, "\" is not a number from ", min, " to ", max));
}

absl::StatusOr<Request> ParseRequest(absl::Span<const std::string> args) {
  ASSIGN_OR_RETURN(const FlagValues flags,
                   ParseFlagValues(args, {"out", "rows", "eval_rows", "features_per_row",
                                          "cardinality", "zipf", "seed", "output"}));
  Request request;
  constexpr uint64_t kMaxRows = uint64_t{1} << 40;
  RETURN_IF_ERROR(ReadNumber<uint64_t>(flags, "rows", 1, kMaxRows, &request.rows));
  RETURN_IF_ERROR(ReadNumber<uint64_t>(flags, "eval_rows", 1, kMaxRows, &request.eval_rows));
  RETURN_IF_ERROR(ReadNumber<int>(flags, "features_per_row", 1, 10000, &request.log.fields));
  RETURN_IF_ERROR(
      ReadNumber<uint64_t>(flags, "cardinality", 2, uint64_t{1} << 40, &request.log.cardinality));
  RETURN_IF_ERROR(ReadNumber<double>(flags, "zipf", 0, 10, &request.log.zipf));
  RETURN_IF_ERROR(ReadNumber<uint64_t>(flags, "seed", 0, ~uint64_t{0}, &request.log.seed));
  if (!flags.contains("out")) return absl::InvalidArgumentError("--out is missing");
  request.out = flags.at("out").back();
  if (flags.contains("output")) {
    const std::string& output = flags.at("output").back();
    if (output != "text" && output != "json") {
      return absl::InvalidArgumentError(absl::StrCat("-o: \"", output, "\" is not text or json"));
    }
    request.json = output == "json";
  }
  return request;
}

void AppendRow(const ClickLog::Row& row, std::string* line) {
  line->push_back(row.click ? '1' : '0');
  char digits[20];
  for (const uint64_t key : row.keys) {
    char* const end = std::to_chars(digits, digits + sizeof(digits), key).ptr;
    line->push_back(' ');
    line->append(digits, end);
    line->append(":1");
  }
  line->push_back('\n');
}

// Writes part `part` of the log; the metrics are those of the true probabilities.
absl::StatusOr<v1::Metrics> WritePart(const ClickLog& log, uint64_t part, uint64_t rows,
                                      const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<AtomicFileWriter> writer, AtomicFileWriter::Create(path));
  MetricsAccumulator metrics(Task::kBinary, 1);
  ClickLog::Row row;
  std::string line;
  for (uint64_t i = 0; i < rows; ++i) {
    log.Fill(part, i, &row);
    line.clear();
    AppendRow(row, &line);
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
  const std::string train = JoinPath(request.out, "train.libsvm");
  const std::string test = JoinPath(request.out, "test.libsvm");
  const ClickLog log(request.log);
  RETURN_IF_ERROR(WritePart(log, 0, request.rows, train).status());
  ASSIGN_OR_RETURN(const v1::Metrics bayes, WritePart(log, 1, request.eval_rows, test));
  if (request.json) {
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
  if (args.size() == 1 && args[0] == "--help") {
    std::cout << kUsage << std::flush;
    return kExitDone;
  }
  const absl::StatusOr<Request> request = ParseRequest(args);
  if (!request.ok()) {
    std::cerr << "paramctl data generate: " << request.status().message() << "\n" << kUsage;
    return kExitUsage;
  }
  const absl::Status status = Generate(*request);
  if (status.ok()) return kExitDone;
  std::cerr << "paramctl data generate: " << status.message() << "\n";
  return kExitFailure;
}

}  // namespace paramd
