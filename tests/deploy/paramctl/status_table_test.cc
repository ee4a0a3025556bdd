#include "deploy/paramctl/status_table.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

namespace paramd {
namespace {

v1::ClusterStatus Example() {
  v1::ClusterStatus status;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(R"(
    cluster: "ctr" epoch: 3 view_version: 7
    job { state: RUNNING phase: TRAINING epoch: 2 epochs: 5 progress: 0.41 examples: 123456
          seconds: 10 eta_seconds: 12.3 examples_per_second: 12345 loss: 0.34121 bad_records: 2
          evaluations { epoch: 1 metrics { auc: 0.9 logloss: 0.33 accuracy: 0.85 rmse: nan } } }
    servers { id: 1 name: "server-0" address: "127.0.0.1:4001" pid: 11 state: ALIVE
              heartbeat_age_seconds: 0.2 shards: 32
              server { tables { table: 1 rows: 100 bytes: 2048 } pushes: 5 pulls: 6 } }
    workers { id: 1 name: "worker-0" address: "127.0.0.1:4003" pid: 13 state: ALIVE
              heartbeat_age_seconds: 0.1 behind: 1
              worker { clock: 41 examples: 1000 examples_per_second: 500 recent_loss: nan
                       activity: "training" } }
    tables { name: "weights" kind: SPARSE dim: 1 rows: 100 bytes: 2048 shards: 64
             consistency { mode: SSP staleness { steps: 4 } } optimizer { type: FTRL }
             push_staleness: 3 push_staleness: 1 pull_staleness: 5 }
    waiting: "worker 1 at clock 41 waits for worker 2 at clock 36, table weights"
  )",
                                                        &status));
  return status;
}

TEST_CASE("a member that is to leave") {
  v1::ClusterStatus status = Example();
  status.mutable_servers(0)->set_draining(true);
  CHECK(FormatStatus(status).find("server-0  alive, draining  ") != std::string::npos);
  CHECK_FALSE(IsDegraded(status));
}

TEST_CASE("how old the last checkpoint is") {
  v1::ClusterStatus status = Example();
  status.mutable_checkpoint()->set_writing(true);
  CHECK(FormatStatus(status).find("\ncheckpoint: none yet; one is being written\n") !=
        std::string::npos);
  status.mutable_checkpoint()->set_writing(false);
  status.mutable_checkpoint()->set_number(12);
  status.mutable_checkpoint()->set_bytes(2048);
  status.mutable_checkpoint()->set_seconds(0.5);
  status.mutable_checkpoint()->set_age_seconds(20);
  status.mutable_checkpoint()->set_restored_from(9);
  CHECK(FormatStatus(status).find("\ncheckpoint: number 12, 2.0 KiB in 0.5 s, 20 s ago; the job "
                                  "began with number 9\n") != std::string::npos);
}

TEST_CASE("the cluster as tables") {
  CHECK(FormatStatus(Example()) ==
        R"(cluster ctr: Running, training
epoch 2 of 5, 41 %, 123.5k examples in 10 s, 12.3k a second, loss 0.3412, 12 s left, 2 bad records
shard map epoch 3, view 7
held out after epoch 1: AUC 0.9000, log loss 0.3300, accuracy 0.8500

SERVER    STATE  ADDRESS         PID  HEARTBEAT  SHARDS  ROWS   MEMORY  PUSHES  PULLS  REFUSED  WAITING
server-0  alive  127.0.0.1:4001   11      0.2 s      32   100  2.0 KiB       5      6        0        0

WORKER    STATE  ADDRESS         PID  HEARTBEAT  CLOCK  BEHIND  EXAMPLES  EXAMPLES/S  LOSS  ACTIVITY
worker-0  alive  127.0.0.1:4003   13      0.1 s     41       1      1000         500     -  training

TABLE    KIND    DIM  ROWS   MEMORY  SHARDS  MODE   WAITED  OPTIMIZER
weights  sparse    1   100  2.0 KiB      64  ssp 4   0.0 s  ftrl

staleness in steps, from:
  weights: pushes 0: 75 %, 1: 25 %; pulls 0: 100 %

waiting:
  worker 1 at clock 41 waits for worker 2 at clock 36, table weights
)");
}

TEST_CASE("an empty status has no tables") {
  CHECK(FormatStatus({}) ==
        "cluster : Unknown\n"
        "epoch 0 of 0, 0 %, 0 examples in 0.0 s, 0 a second, loss 0.0000\n"
        "shard map epoch 0, view 0\n");
}

TEST_CASE("what a person should look at is degraded") {
  CHECK_FALSE(IsDegraded(Example()));
  v1::ClusterStatus status = Example();
  status.add_problems("server-1 is lost");
  CHECK(IsDegraded(status));
  CHECK(FormatStatus(status).find("problems:\n  server-1 is lost\n") != std::string::npos);
  status = Example();
  status.mutable_job()->set_state(v1::FAILED);
  CHECK(IsDegraded(status));
  status = Example();
  status.mutable_workers(0)->set_state(v1::MemberStatus::DISCONNECTED);
  CHECK(IsDegraded(status));
  status.mutable_workers(0)->set_state(v1::MemberStatus::LEFT);
  CHECK_FALSE(IsDegraded(status));
}

}  // namespace
}  // namespace paramd
