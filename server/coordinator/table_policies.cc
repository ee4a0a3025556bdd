#include "server/coordinator/table_policies.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/consistency/policy.h"

namespace paramd {
namespace {

// Looking for a shorter row in a cache takes longer than pulling it.
constexpr uint32_t kShortRow = 16;

// Steps for which rows are used again by default: beyond that learning suffers more from them than
// pulling takes.
constexpr uint32_t kLongestReuse = 4;

// Fills in transport.pull.max_age.
absl::Status SetMaxAge(v1::TableSpec* spec) {
  const v1::Consistency& consistency = spec->consistency();
  const bool is_ssp = consistency.mode() == v1::Consistency::SSP;
  const uint32_t bound = is_ssp ? consistency.staleness().steps() : 0;
  v1::PullValues& pull = *spec->mutable_pull();
  if (!pull.has_max_age()) {
    const bool is_short = spec->kind() == v1::TableSpec::SPARSE && spec->dim() < kShortRow;
    pull.set_max_age(is_short ? 0 : std::min(bound, kLongestReuse));
    return absl::OkStatus();
  }
  // Whatever the bound comes to be.
  const uint32_t allowed = HasAutoStaleness(consistency) ? consistency.staleness_min() : bound;
  if (consistency.mode() == v1::Consistency::ASP || pull.max_age() <= allowed) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("transport.pull.max_age: table ", spec->name(), " allows rows that are ",
                   allowed, " steps old by its consistency mode, not ", pull.max_age()));
}

absl::Status SetRows(const v1::Rows& rows, const v1::Config& config, v1::TableSpec* spec) {
  const auto invalid = [&](const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat("tables: ", spec->name(), ": ", what...));
  };
  if (spec->kind() != v1::TableSpec::SPARSE) {
    return invalid("rows is for sparse tables; this one is dense");
  }
  const uint32_t shards = config.sharding().shards_per_table();
  if (rows.max_rows() > 0 && rows.max_rows() < shards) {
    return invalid("rows.max_rows of ", rows.max_rows(), " is fewer than its ", shards,
                   " shards (sharding.shards_per_table)");
  }
  *spec->mutable_rows_kept() = rows;
  return absl::OkStatus();
}

// Whether the optimizer is w <- w - learning_rate g and nothing else.
bool IsPlainSgd(const v1::Optimizer& optimizer) {
  return optimizer.type() == v1::Optimizer::SGD && optimizer.l1() == 0 && optimizer.l2() == 0 &&
         !optimizer.has_clip_value() && !optimizer.has_clip_norm() &&
         optimizer.schedule().type() <= v1::Schedule::CONSTANT &&
         optimizer.schedule().warmup() == 0 &&
         optimizer.delay().type() <= v1::DelayCompensation::NONE;
}

// A worker that keeps changes back applies the rule itself, and pushes sums of gradients.
absl::Status CheckOptimizer(const v1::TableSpec& spec) {
  const v1::Consistency::Mode mode = spec.consistency().mode();
  const bool keeps_back = mode == v1::Consistency::LOCAL || mode == v1::Consistency::VALUE_BOUND;
  if (!keeps_back || IsPlainSgd(spec.optimizer())) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("consistency.mode: table ", spec.name(),
                   mode == v1::Consistency::LOCAL ? ", local" : ", value_bound",
                   ": wants optimizer.type: sgd, without l1, l2, clip_value, clip_norm, schedule "
                   "and delay, as workers apply the rule too"));
}

}  // namespace

absl::StatusOr<std::vector<v1::TableSpec>> WithPolicies(const v1::TableDeclaration& declared,
                                                        const v1::Config& config) {
  std::vector<v1::TableSpec> specs(declared.tables().begin(), declared.tables().end());
  for (v1::TableSpec& spec : specs) {
    *spec.mutable_consistency() = config.consistency();
    if (config.has_optimizer()) *spec.mutable_optimizer() = config.optimizer();
    *spec.mutable_push() = config.transport().push();
    *spec.mutable_pull() = config.transport().pull();
    spec.set_seed(config.model().seed());
    const uint64_t row_bytes = sizeof(uint64_t) + uint64_t{spec.dim()} * sizeof(float);
    if (row_bytes > config.transport().max_message() / 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("transport.max_message: a row of table ", spec.name(), " has ", row_bytes,
                       " bytes; set it to at least ", 2 * row_bytes, "B"));
    }
  }
  for (const v1::Table& table : config.tables()) {
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const v1::TableSpec& s) {
      return s.name() == table.name();
    });
    if (spec == specs.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tables: the model has no table '", table.name(), "'; it has ",
          absl::StrJoin(specs, ", ",
                        [](std::string* out, const v1::TableSpec& s) { out->append(s.name()); })));
    }
    if (table.has_consistency()) *spec->mutable_consistency() = table.consistency();
    if (table.has_optimizer()) *spec->mutable_optimizer() = table.optimizer();
    if (table.has_rows()) {
      if (const absl::Status status = SetRows(table.rows(), config, &*spec); !status.ok()) {
        return status;
      }
    }
    const v1::TableTransport& transport = table.transport();
    if (transport.has_push()) *spec->mutable_push() = transport.push();
    if (transport.has_pull()) *spec->mutable_pull() = transport.pull();
  }
  for (v1::TableSpec& spec : specs) {
    if (spec.rows_kept().decay() < 1 && spec.has_rows_kept() &&
        spec.optimizer().type() == v1::Optimizer::FTRL) {
      return absl::InvalidArgumentError(
          absl::StrCat("tables: ", spec.name(), ": rows.decay has no effect with optimizer.type: ",
                       "ftrl, which computes parameters from its sums of gradients; use another"));
    }
    if (HasAutoStaleness(spec.consistency())) {
      spec.mutable_consistency()->mutable_staleness()->set_steps(
          WithinLimits(spec.consistency(), spec.consistency().staleness().steps()));
    }
    if (const absl::Status status = SetMaxAge(&spec); !status.ok()) return status;
    if (const absl::Status status = CheckOptimizer(spec); !status.ok()) return status;
  }
  return specs;
}

}  // namespace paramd
