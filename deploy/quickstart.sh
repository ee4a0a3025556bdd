#!/usr/bin/env bash
# From a clone to a trained model: installs what is missing, builds, generates a click log, trains a sparse logistic
# regression on it with a coordinator, 2 servers and 2 workers (a process each), and compares the held-out figures with the
# best possible ones. Leaves no process behind; everything it makes is in ./quickstart (or the folder given).
#
#   deploy/quickstart.sh [FOLDER]
set -euo pipefail
folder=$(realpath -m "${1:-quickstart}")
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "packages"
./deploy/install_deps.sh

step "build (the first time takes a few minutes)"
bazel build //server:paramd_server //worker:paramd_worker //deploy/paramctl
paramctl=$PWD/bazel-bin/deploy/paramctl/paramctl

step "a click log in $folder"
mkdir -p "$folder"
"$paramctl" data generate --out "$folder" -o json | tee "$folder/generated.json"

cat >"$folder/ctr.yaml" <<YAML
version: 1
cluster: {name: quickstart, servers: 2, workers: 2}
model: {type: logistic_regression, seed: 42}
optimizer: {type: ftrl, alpha: 0.05, beta: 1.0, l1: 0.0, l2: 1.0}
data: {format: libsvm, train: [train.libsvm], eval: [test.libsvm], batch_size: 256, epochs: 3, eval_every: 1}
output: {model: model.safetensors}
YAML

step "training: $paramctl run $folder/ctr.yaml"
"$paramctl" run "$folder/ctr.yaml"

step "the model again, from its file, against the best that this log allows"
"$paramctl" evaluate --model "$folder/model.safetensors" --data "$folder/test.libsvm" -o json >"$folder/evaluated.json"
python3 - "$folder" <<'PYTHON'
import json, sys
last = lambda name: json.loads(open(f"{sys.argv[1]}/{name}.json").read().splitlines()[-1])
best, reached = last("generated")["bayes"], last("evaluated")
print(f"{'':16} {'AUC':>8} {'log loss':>9}")
print(f"{'best possible':16} {best['auc']:8.4f} {best['logloss']:9.4f}")
print(f"{'reached':16} {reached['auc']:8.4f} {reached['logloss']:9.4f}")
PYTHON
