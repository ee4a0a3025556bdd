#include "deploy/paramctl/run_result.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/exit_code.h"
#include "deploy/paramctl/status_table.h"
#include "deploy/paramctl/text_table.h"

namespace paramd {
namespace {

using Json = nlohmann::ordered_json;

v1::JobStatus JobOf(const LocalCluster::Outcome& outcome) {
  return outcome.status.has_value() ? outcome.status->job() : v1::JobStatus();
}

double Rate(const v1::JobStatus& job) {
  return job.seconds() > 0 ? static_cast<double>(job.examples()) / job.seconds() : 0;
}

Json MetricsJson(const v1::JobStatus& job) {
  if (job.evaluations().empty()) return nullptr;
  const v1::Metrics& metrics = job.evaluations().rbegin()->metrics();
  Json json = {
      {"auc", metrics.auc()}, {"logloss", metrics.logloss()}, {"accuracy", metrics.accuracy()}};
  if (!std::isnan(metrics.rmse())) json["rmse"] = metrics.rmse();
  if (!std::isnan(metrics.loss())) json["loss"] = metrics.loss();
  return json;
}

}  // namespace

std::string RunResultJson(const LocalCluster::Outcome& outcome, uint32_t servers,
                          uint32_t workers) {
  const v1::JobStatus job = JobOf(outcome);
  const bool succeeded = outcome.exit_code == kExitDone;
  Json json = {{"state", succeeded ? "Succeeded" : "Failed"},
               {"servers", servers},
               {"workers", workers},
               {"examples", job.examples()},
               {"seconds", job.seconds()},
               {"examples_per_second", Rate(job)},
               {"eval", MetricsJson(job)},
               {"model", job.model().empty() ? Json(nullptr) : Json(job.model())}};
  if (!succeeded) json["message"] = outcome.message;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string RunResultText(const LocalCluster::Outcome& outcome) {
  if (!outcome.status.has_value()) return "";
  const v1::JobStatus job = JobOf(outcome);
  return absl::StrCat(outcome.exit_code == kExitDone ? "Succeeded" : "Failed", " after ",
                      HumanSeconds(job.seconds()), ": ", job.examples(), " examples, ",
                      HumanCount(Rate(job)), " a second\n\n", FormatStatus(*outcome.status));
}

}  // namespace paramd
