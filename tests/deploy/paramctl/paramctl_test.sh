#!/usr/bin/env bash
# paramctl as a person meets it: exit codes, what is on stdout and stderr, and what stays behind.
set -uo pipefail

paramctl=$PWD/deploy/paramctl/paramctl
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

rm -rf "$dir"
[ "$failures" = 0 ] && echo "all good"
exit $((failures > 0))
