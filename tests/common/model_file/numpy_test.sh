#!/usr/bin/env bash
# The Python lines in FORMAT.md read a model, and its worked example is what the program writes.
set -euo pipefail
model="$TEST_TMPDIR/example.safetensors"
tests/common/model_file/write_example "$model"
if ! /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  echo "skipped: there is no NumPy for /usr/bin/python3 (deploy/install_deps.sh installs it)"
  exit 0
fi
/usr/bin/python3 - "$model" common/model_file/FORMAT.md <<'EOF'
import re
import sys

path, document = sys.argv[1], open(sys.argv[2]).read()
exec(re.search(r"```python\n(.*?)```", document, re.S).group(1))
assert set(tensors) == {"bias", "weights.keys", "weights.values"}, tensors
assert tensors["weights.keys"].tolist() == [3, 7], tensors
assert tensors["weights.values"].tolist() == [[0.5], [-1.0]], tensors
assert tensors["bias"].tolist() == [[0.25]], tensors
assert header["__metadata__"]["format"] == "paramd.model.v1", header

dump = re.search(r"```text\n(.*?)```", document, re.S).group(1)
shown = bytes.fromhex("".join(line[10:49] for line in dump.splitlines()))
assert shown == raw, "the worked example in FORMAT.md is not what is written"
EOF
