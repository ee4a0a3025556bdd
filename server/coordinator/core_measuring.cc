// The part of CoordinatorCore that has the columns measured before training.

#include "absl/strings/str_cat.h"
#include "common/model_file/table_specs.h"
#include "server/coordinator/column_scales.h"
#include "server/coordinator/core.h"

namespace paramd {
namespace {

int ColumnsOf(const v1::DataShape& data) {
  return static_cast<int>(data.sparse() ? data.fields() : data.columns());
}

std::string NameOf(v1::Data::Scaling scaling) {
  return scaling == v1::Data::STANDARD  ? "standard"
         : scaling == v1::Data::MIN_MAX ? "min_max"
                                        : "as_is";
}

}  // namespace

absl::Status CoordinatorCore::CheckInitialModel(const std::vector<v1::TableSpec>& specs) const {
  const std::string& file = config_.model().init();
  if (file.empty()) return absl::OkStatus();
  if (!init_.ok()) return init_.status();
  if (absl::Status status = CheckTables(init_->tables, specs, file); !status.ok()) return status;
  const v1::Data::Scaling scaling = config_.data().scaling();
  if (scaling > v1::Data::AS_IS && scaling != init_->scaling) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": was trained with data.scaling: ", NameOf(init_->scaling), ", not ",
                     NameOf(scaling), "; leave data.scaling out, a saved model has its own"));
  }
  const int columns = ColumnsOf(declared_.data());
  const int scales = static_cast<int>(init_->scales.size());
  if (scales == 0 || scales == columns) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": was trained on ", scales, " feature columns, the data have ", columns));
}

void CoordinatorCore::SetScales(const std::vector<v1::ColumnScale>& scales) {
  *shard_map_.mutable_data()->mutable_scales() = {scales.begin(), scales.end()};
}

void CoordinatorCore::StartMeasuring(absl::Duration now) {
  ChangePhase(v1::MEASURING, now);
  work_.AddMeasuring(static_cast<uint32_t>(train_.size()));
}

void CoordinatorCore::EndMeasuring(absl::Duration now) {
  const WorkQueue::Totals totals = work_.Of(0);
  const std::vector<v1::ColumnStatistics> columns =
      MergeColumns(work_.state(), ColumnsOf(declared_.data()));
  work_.Remove(0);
  if (!RecordsAreGood(totals, now)) return;
  // Every epoch finds its own.
  bad_record_examples_.clear();
  std::vector<v1::ColumnScale> scales;
  for (const v1::ColumnStatistics& column : columns) {
    scales.push_back(ScaleOf(column, config_.data().scaling()));
  }
  SetScales(scales);
  BroadcastView();
  ChangePhase(v1::TRAINING, now);
  StartEpoch(1);
}

}  // namespace paramd
