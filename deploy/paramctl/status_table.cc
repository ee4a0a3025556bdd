#include "deploy/paramctl/status_table.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "deploy/paramctl/job_names.h"
#include "deploy/paramctl/staleness_line.h"
#include "deploy/paramctl/text_table.h"

namespace paramd {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string JobLines(const v1::ClusterStatus& status) {
  const v1::JobStatus& job = status.job();
  std::string text = absl::StrCat("cluster ", status.cluster(), ": ", JobStateName(job.state()));
  if (job.state() == v1::RUNNING) absl::StrAppend(&text, ", ", JobPhaseName(job.phase()));
  if (!job.message().empty()) absl::StrAppend(&text, ": ", job.message());
  absl::StrAppendFormat(&text, "\nepoch %d of %d, %.0f %%, %s examples in %s, %s a second, loss %s",
                        job.epoch(), job.epochs(), 100 * job.progress(), HumanCount(job.examples()),
                        HumanSeconds(job.seconds()), HumanCount(job.examples_per_second()),
                        HumanNumber(job.loss(), 4));
  if (job.state() == v1::RUNNING) {
    absl::StrAppend(&text, ", ", HumanSeconds(job.eta_seconds()), " left");
  }
  if (job.bad_records() > 0) absl::StrAppend(&text, ", ", job.bad_records(), " bad records");
  absl::StrAppendFormat(&text, "\nshard map epoch %d, view %d\n", status.epoch(),
                        status.view_version());
  for (const v1::Evaluation& evaluation : job.evaluations()) {
    absl::StrAppend(&text, "held out after epoch ", evaluation.epoch(), ": ",
                    FormatMetrics(evaluation.metrics()), "\n");
  }
  if (job.best_evaluation() > 0) {
    absl::StrAppend(&text, "best evaluation: number ", job.best_evaluation(), "\n");
  }
  if (!job.stopped().empty()) absl::StrAppend(&text, "training stopped: ", job.stopped(), "\n");
  if (!job.model().empty()) absl::StrAppend(&text, "model: ", job.model(), "\n");
  return text;
}

std::string CheckpointLine(const v1::ClusterStatus& status) {
  if (!status.has_checkpoint()) return "";
  const v1::CheckpointStatus& checkpoint = status.checkpoint();
  std::string text = "checkpoint: ";
  if (checkpoint.number() == 0) {
    text += "none yet";
  } else if (checkpoint.bytes() == 0) {
    absl::StrAppend(&text, "number ", checkpoint.number());
  } else {
    absl::StrAppend(&text, "number ", checkpoint.number(), ", ",
                    HumanBytes(static_cast<double>(checkpoint.bytes())), " in ",
                    HumanSeconds(checkpoint.seconds()), ", ",
                    HumanSeconds(checkpoint.age_seconds()), " ago");
  }
  if (checkpoint.writing()) text += "; one is being written";
  if (checkpoint.restored_from() > 0) {
    absl::StrAppend(&text, "; the job began with number ", checkpoint.restored_from());
  }
  return text + "\n";
}

std::string MemberState(const v1::MemberStatus& member) {
  return absl::StrCat(absl::AsciiStrToLower(v1::MemberStatus::State_Name(member.state())),
                      member.draining() ? ", draining" : "");
}

std::string Servers(const v1::ClusterStatus& status) {
  Rows rows = {{"SERVER", "STATE", "ADDRESS", "PID", "HEARTBEAT", "SHARDS", "ROWS", "MEMORY",
                "PUSHES", "PULLS", "REFUSED", "WAITING"}};
  for (const v1::MemberStatus& member : status.servers()) {
    uint64_t table_rows = 0, bytes = 0;
    for (const v1::TableReport& table : member.server().tables()) {
      table_rows += table.rows();
      bytes += table.bytes();
    }
    rows.push_back({member.name(), MemberState(member), member.address(),
                    absl::StrCat(member.pid()), HumanSeconds(member.heartbeat_age_seconds()),
                    absl::StrCat(member.shards()), absl::StrCat(table_rows), HumanBytes(bytes),
                    absl::StrCat(member.server().pushes()), absl::StrCat(member.server().pulls()),
                    absl::StrCat(member.server().refused()),
                    absl::StrCat(member.server().waiting_size())});
  }
  return FormatTable(rows);
}

std::string Workers(const v1::ClusterStatus& status) {
  Rows rows = {{"WORKER", "STATE", "ADDRESS", "PID", "HEARTBEAT", "CLOCK", "BEHIND", "EXAMPLES",
                "EXAMPLES/S", "LOSS", "ACTIVITY"}};
  for (const v1::MemberStatus& member : status.workers()) {
    const v1::WorkerReport& report = member.worker();
    rows.push_back({member.name(), MemberState(member), member.address(),
                    absl::StrCat(member.pid()), HumanSeconds(member.heartbeat_age_seconds()),
                    absl::StrCat(report.clock()), absl::StrCat(member.behind()),
                    absl::StrCat(report.examples()), HumanCount(report.examples_per_second()),
                    HumanNumber(report.recent_loss(), 4),
                    member.straggler().empty()
                        ? report.activity()
                        : absl::StrCat(report.activity(), ", slow: ", member.straggler())});
  }
  return FormatTable(rows);
}

std::string Tables(const v1::ClusterStatus& status) {
  Rows rows = {{"TABLE", "KIND", "DIM", "ROWS", "MEMORY", "SHARDS", "MODE", "WAITED", "OPTIMIZER"}};
  for (const v1::TableStatus& table : status.tables()) {
    std::string mode =
        absl::AsciiStrToLower(v1::Consistency::Mode_Name(table.consistency().mode()));
    if (table.consistency().mode() == v1::Consistency::SSP) {
      const v1::Staleness& staleness = table.consistency().staleness();
      absl::StrAppend(&mode, staleness.auto_() ? " auto " : " ", staleness.steps());
    }
    if (table.consistency_from() > 0) {
      absl::StrAppend(&mode, " from clock ", table.consistency_from());
    }
    rows.push_back({table.name(), absl::AsciiStrToLower(v1::TableSpec::Kind_Name(table.kind())),
                    absl::StrCat(table.dim()), absl::StrCat(table.rows()),
                    HumanBytes(table.bytes()), absl::StrCat(table.shards()), mode,
                    HumanSeconds(table.waited_seconds()),
                    absl::AsciiStrToLower(v1::Optimizer::Type_Name(table.optimizer().type()))});
  }
  return FormatTable(rows);
}

template <typename Sentences>
std::string List(absl::string_view title, const Sentences& sentences) {
  if (sentences.empty()) return "";
  return absl::StrCat("\n", title, ":\n  ", absl::StrJoin(sentences, "\n  "), "\n");
}

bool AllInOrder(const google::protobuf::RepeatedPtrField<v1::MemberStatus>& members) {
  for (const v1::MemberStatus& member : members)
    if (member.state() != v1::MemberStatus::ALIVE && member.state() != v1::MemberStatus::LEFT)
      return false;
  return true;
}

}  // namespace

std::string FormatStatus(const v1::ClusterStatus& status) {
  std::string text = absl::StrCat(JobLines(status), CheckpointLine(status));
  if (status.servers_size() > 0) absl::StrAppend(&text, "\n", Servers(status));
  if (status.workers_size() > 0) absl::StrAppend(&text, "\n", Workers(status));
  if (status.tables_size() > 0) absl::StrAppend(&text, "\n", Tables(status));
  std::vector<std::string> staleness;
  for (const v1::TableStatus& table : status.tables()) {
    if (std::string line = FormatStaleness(table); !line.empty()) {
      staleness.push_back(std::move(line));
    }
  }
  absl::StrAppend(&text, List("staleness in steps, from", staleness));
  std::vector<std::string> choices;
  for (const v1::StalenessChoice& choice : status.job().staleness_choices()) {
    choices.push_back(FormatChoice(choice));
  }
  absl::StrAppend(&text, List("bounds that were chosen", choices));
  absl::StrAppend(&text, List("waiting", status.waiting()), List("problems", status.problems()));
  return text;
}

bool IsDegraded(const v1::ClusterStatus& status) {
  return status.problems_size() > 0 || status.job().state() == v1::FAILED ||
         !AllInOrder(status.servers()) || !AllInOrder(status.workers());
}

std::string FormatMetrics(const v1::Metrics& metrics) {
  std::vector<std::string> figures;
  const auto add = [&](absl::string_view name, double value) {
    if (!std::isnan(value)) figures.push_back(absl::StrCat(name, " ", HumanNumber(value, 4)));
  };
  add("AUC", metrics.auc());
  add("log loss", metrics.logloss());
  add("accuracy", metrics.accuracy());
  add("RMSE", metrics.rmse());
  // Of most models it is one of the others.
  if (figures.empty()) add("loss", metrics.loss());
  return absl::StrJoin(figures, ", ");
}

}  // namespace paramd
