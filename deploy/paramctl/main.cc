#include "common/base/failpoint.h"
#include "common/config/flags.h"
#include "deploy/paramctl/checkpoint_command.h"
#include "deploy/paramctl/command.h"
#include "deploy/paramctl/config_command.h"
#include "deploy/paramctl/data_generate.h"
#include "deploy/paramctl/evaluate.h"
#include "deploy/paramctl/member_command.h"
#include "deploy/paramctl/model_export.h"
#include "deploy/paramctl/plot.h"
#include "deploy/paramctl/predict.h"
#include "deploy/paramctl/run_command.h"
#include "deploy/paramctl/shard_command.h"
#include "deploy/paramctl/status_command.h"
#include "deploy/paramctl/table_command.h"

namespace {

const paramd::Command kCommands[] = {
    {"run", "run a whole cluster on this machine, until its job ends", paramd::RunRun},
    {"status", "show the state of a cluster", paramd::RunStatus},
    {"table set", "change how a table's pulls wait while a job runs", paramd::RunTableSet},
    {"checkpoint save", "write a checkpoint of a running job", paramd::RunCheckpointSave},
    {"checkpoint list", "show the checkpoints in a folder", paramd::RunCheckpointList},
    {"checkpoint verify", "tell whether a checkpoint is as it was written",
     paramd::RunCheckpointVerify},
    {"checkpoint restore", "have the next job begin with a checkpoint",
     paramd::RunCheckpointRestore},
    {"server add", "start one more server for a job that runs", paramd::RunServerAdd},
    {"server drain", "move a server's shards away, and let it leave", paramd::RunServerDrain},
    {"worker add", "start one more worker for a job that runs", paramd::RunWorkerAdd},
    {"worker drain", "let a worker end its work, and leave", paramd::RunWorkerDrain},
    {"shard plan", "show which shards move, or would move now, and why", paramd::RunShardPlan},
    {"config validate", "tell everything that is wrong with a configuration",
     paramd::RunConfigValidate},
    {"config render", "print a configuration with every setting filled in",
     paramd::RunConfigRender},
    {"data generate", "write a click log to train on, and say how well it can be learnt",
     paramd::RunDataGenerate},
    {"evaluate", "the figures of a saved model on data files", paramd::RunEvaluate},
    {"predict", "the scores of a saved model for data files, as CSV", paramd::RunPredict},
    {"model export", "a saved model in another format, rounded or pruned", paramd::RunModelExport},
    {"plot", "draw how a run went, from its history", paramd::RunPlot},
};

}  // namespace

int main(int argc, char** argv) {
  if (const auto exit_code = paramd::FailpointsExitCode()) return *exit_code;
  return paramd::RunCommandLine(kCommands, paramd::Arguments(argc, argv));
}
