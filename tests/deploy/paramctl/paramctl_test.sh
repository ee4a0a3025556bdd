#!/usr/bin/env bash
# paramctl as a person meets it: exit codes, what is on stdout and stderr, and what stays behind.
set -uo pipefail

paramctl=$PWD/deploy/paramctl/paramctl
fake_daemon=$PWD/tests/deploy/paramctl/fake_daemon
dir=$(mktemp -d "${TEST_TMPDIR:-/tmp}/paramctl.XXXXXX")
export TMPDIR=$dir
cd "$dir"
failures=0

# run EXIT_CODE ARGS...: runs paramctl; leaves its output in out and err.
run() {
  local wanted=$1 got=0
  shift
  "$paramctl" "$@" >out 2>err || got=$?
  if [ "$got" != "$wanted" ]; then
    echo "FAILED: paramctl $* ended with $got instead of $wanted"; cat out err
    failures=$((failures + 1))
  fi
}

# has FILE TEXT: the file has the text.
has() {
  if ! grep -qF -- "$2" "$1"; then
    echo "FAILED: no \"$2\" in $1:"; cat "$1"
    failures=$((failures + 1))
  fi
}

cat >good.yaml <<'YAML'
version: 1
model: {type: logistic_regression}
data: {train: [train.libsvm]}
YAML
printf 'version: 1\nmodle: 3\n' >bad.yaml

run 2; has err "usage: paramctl COMMAND"
run 0 help; has out "config validate"
run 2 stauts; has err 'did you mean "status"?'
run 0 run --help; has out "usage: paramctl run [flags] CONFIG"
run 2 run good.yaml --wrkers 3; has err 'did you mean "--workers"?'
run 0 --version; has out "paramd "

run 0 config validate good.yaml; has out "good.yaml: OK"
run 78 config validate bad.yaml
has err 'bad.yaml:2:1: modle: unknown key; did you mean "model"?'
has err "bad.yaml:1:1: data.train: is missing"
run 78 config validate none.yaml; has err "none.yaml"
run 0 config render good.yaml --set cluster.servers=3
has out "# --set cluster.servers=3"
cp out rendered.yaml
run 0 config validate rendered.yaml
run 78 config render good.yaml --set cluster.servers=0; has err "cluster.servers: 0 is out of range"

run 4 status --coordinator 127.0.0.1:1; has err "no answer from 127.0.0.1:1"
run 78 status --config bad.yaml

run 78 run bad.yaml; has err "bad.yaml:2:1"
run 1 run good.yaml --bin_dir "$dir/none" -o json
has out '{"state":"Failed","servers":1,"workers":1,'
has out 'paramd_server is neither'

# Daemons that do not get far.
mkdir bin
cat >bin/paramd_server <<'SH'
#!/bin/sh
echo "$@" >"$TMPDIR/server_args"
echo "cannot go on" >&2
exit 65
SH
printf '#!/bin/sh\nexit 1\n' >bin/paramd_worker
chmod +x bin/*
run 65 run good.yaml --bin_dir bin --workers 3 -o json
has err "cannot go on"
has err "exited with code 65 before it was ready"
has err "state is in $dir/paramd-run."
has server_args "--role coordinator --config good.yaml"
has server_args "--set cluster.workers=3"
has server_args "--set cluster.coordinator.address=127.0.0.1:0"
tail -n 1 out >last
has last '{"state":"Failed","servers":1,"workers":3,"examples":0,'

# Daemons that run.
rm -rf bin paramd-run.*
mkdir -p bin
for program in paramd_server paramd_worker; do
  printf '#!/bin/sh\necho $$ >>"%s/pids"\nexec "%s" "$@"\n' "$dir" "$fake_daemon" >"bin/$program"
  chmod +x "bin/$program"
done

# none_left: no daemon of the last run is there.
none_left() {
  local pid
  while read -r pid; do
    if kill -0 "$pid" 2>/dev/null; then
      echo "FAILED: daemon $pid is still there"
      failures=$((failures + 1))
    fi
  done <pids
  rm -f pids
}

running='job {state: RUNNING phase: TRAINING epoch: 1 epochs: 2 progress: 0.25 loss: 0.5 eta_seconds: 3}'
metrics='auc: 0.9 logloss: 0.25 accuracy: 0.75 rmse: nan loss: 0.25'
succeeded="job {state: SUCCEEDED phase: DONE examples: 800 seconds: 4 model: \"/m\" evaluations {epoch: 2 metrics {$metrics}}}"
failed='job {state: FAILED message: "bad record a:7" exit_code: 65}'

export FAKE_STATUSES="$running|$succeeded"
run 0 run good.yaml --bin_dir bin --servers 2 --workers 2
has out "epoch 1/2  25 %"
has out "Succeeded after 4.0 s: 800 examples, 200 a second"
has out "AUC 0.9000, log loss 0.2500, accuracy 0.7500"
[ "$(wc -l <pids)" = 5 ] || { echo "FAILED: not five daemons"; failures=$((failures + 1)); }
none_left
ls -d paramd-run.* 2>/dev/null && { echo "FAILED: the run's folder stays"; failures=$((failures + 1)); }

run 0 run good.yaml --bin_dir bin --servers 2 -o json --log_dir logs --keep
has out '{"state":"Succeeded","servers":2,"workers":1,"examples":800,"seconds":4.0,"examples_per_second":200.0,"eval":{"auc":0.9,"logloss":0.25,"accuracy":0.75,"loss":0.25},"model":"/m"}'
[ "$(wc -l <out)" = 1 ] || { echo "FAILED: more than JSON on stdout"; failures=$((failures + 1)); }
ls logs/coordinator.log logs/server-1.log logs/worker-0.log paramd-run.*/ >/dev/null || failures=$((failures + 1))
none_left

FAKE_STATUSES="$running|$failed"
run 65 run good.yaml --bin_dir bin -o json
has out '"message":"bad record a:7"'
has err "paramctl: the job failed: bad record a:7"
none_left

# Ctrl-C, once training shows.
FAKE_STATUSES="$running"
set -m
mkfifo lines
"$paramctl" run good.yaml --bin_dir bin >lines 2>err &
pid=$!
exec 3<lines
while read -r line <&3 && [[ $line != epoch* ]]; do :; done
kill -INT "$pid"
wait "$pid"
got=$?
exec 3<&-
set +m
[ "$got" = 1 ] || { echo "FAILED: ended with $got after Ctrl-C"; failures=$((failures + 1)); }
has err "stopped by signal 2 (Interrupt)"
none_left

# status: address of a coordinator that is up.
FAKE_STATUSES="$running|$failed"
coproc "$fake_daemon" --role coordinator
read -r _ _ address _ <&"${COPROC[0]}"
address=${address#address=}
run 0 status --coordinator "$address"; has out "Running, training"
run 3 status --coordinator "$address" -o json; has out '"state": "FAILED"'
kill "$COPROC_PID"
wait "$COPROC_PID"

rm -rf "$dir"
[ "$failures" = 0 ] && echo "all good"
exit $((failures > 0))
