"""The oracle: parameters at the end of a job against what its workers know was acknowledged.

The workers (tests/testing/oracle) push integers and write down every step before they send it and when every server has
acknowledged it. With sgd and learning rate 1 a parameter ends as minus the sum of what was taken, without rounding. Each
acknowledged step counts exactly once. Of a killed worker the last steps, sent and not answered, may have been taken or
not, in order, by each shard for itself.
"""

import collections
import itertools
import os
import signal
import tempfile
import time

import numpy as np

from tests.testing.paramd_cluster import TIMEOUT_SECONDS, Cluster
from tests.testing.programs import ORACLE_WORKER
from tests.testing.safetensors import read_model

CONFIG = """
version: 1
cluster: {{name: oracle, heartbeat: {{interval: 100ms, lease: {lease}}}, linger: {linger},
          coordinator: {{store: {{dir: {dir}/state}}}}}}
consistency: {consistency}
model: {{type: linear_regression}}
optimizer: {{type: sgd, learning_rate: 1}}
data: {{train: [{dir}/records.libsvm], assignment: ranges, partitions_per_worker: 16}}
output: {{model: {dir}/model.safetensors}}
{more}
"""

# As in tests/testing/oracle/integer_step.h.
KEYS, DENSE_ROWS, DIM = 4096, 16, 2
ROWS = KEYS + DENSE_ROWS  # of both tables, one behind the other


class Step:
    """What a worker pushed at a clock: values[i] (of dim) to row rows[i]."""

    def __init__(self, clock, keys, sparse, dense):
        self.clock = clock
        self.acknowledged = False
        self.rows = np.concatenate([keys, np.arange(KEYS, ROWS)])
        self.values = np.concatenate([sparse, dense]).reshape(-1, DIM)


class StepLog:
    """The file of an oracle worker: its steps, and the shard of each row (None: it never began)."""

    def __init__(self, path):
        self.steps = []
        self.shards = None
        by_clock = {}
        shards = {}
        with open(path, encoding="ascii") as file:
            for line in file:
                if not line.endswith("\n"):
                    break  # killed while it wrote; what the line says had not happened
                kind, first, rest = (line.split(maxsplit=2) + [""])[:3]
                if kind == "shards":
                    shards[first] = np.array(rest.split(), np.int64)
                elif kind == "push":
                    parts = [np.array(part.split(), np.int64) for part in rest.split("|")]
                    by_clock[int(first)] = Step(int(first), *parts)
                    self.steps.append(by_clock[int(first)])
                elif kind == "ack":
                    by_clock[int(first)].acknowledged = True
                else:
                    raise ValueError(f"{path}: {line}")
        if shards:
            # One number for each shard of either table.
            self.shards = np.concatenate([shards["counts"], shards["counts"].max() + 1 + shards["totals"]])

    def unanswered(self):
        return [step for step in self.steps if not step.acknowledged]


def total(steps, synchronous):
    """What the steps come to, int64[ROWS][DIM]; synchronous ones count as the mean over the workers of a clock."""
    workers = collections.Counter(step.clock for step in steps)
    result = np.zeros((ROWS, DIM), np.int64)
    for step in steps:
        share = workers[step.clock] if synchronous else 1
        if 12 % share:
            raise ValueError(f"{share} workers at a time have no integer mean")
        result[step.rows] += step.values // share
    return result


def parameters(path):
    """All rows of a saved model, float32[ROWS][DIM]."""
    model = read_model(path)
    rows = np.zeros((ROWS, DIM), np.float32)
    rows[model["counts.keys"].astype(np.int64)] = model["counts.values"]
    rows[KEYS:] = model["totals"]
    return rows


def differences(rows, logs, synchronous):
    """What is wrong with the rows of a model, a sentence for each shard; none: every step of the `logs` that was
    acknowledged counts exactly once, and of each log a first part of the steps that were not answered."""
    steps = [step for log in logs for step in log.steps]
    unanswered = [log.unanswered() for log in logs]
    # Unanswered steps change the mean of their clock.
    open_clocks = {step.clock for part in unanswered for step in part} if synchronous else set()
    base = total([s for s in steps if s.acknowledged and s.clock not in open_clocks], synchronous)
    beside = [s for s in steps if s.acknowledged and s.clock in open_clocks]
    possible = []
    for taken in itertools.product(*(range(len(part) + 1) for part in unanswered)):
        extra = [step for part, count in zip(unanswered, taken) for step in part[:count]]
        possible.append(-(base + total(beside + extra, synchronous)))
    shards = next(log.shards for log in logs if log.shards is not None)
    wrong = []
    for shard in np.unique(shards):
        here = shards == shard
        if not any(np.array_equal(rows[here], expected[here]) for expected in possible):
            off = rows[here] - possible[0][here]
            wrong.append(f"shard {shard}: off by {off[np.any(off != 0, axis=1)][:3].tolist()} in some of its "
                         f"{np.count_nonzero(np.any(off != 0, axis=1))} wrong rows")
    return wrong


class OracleCluster(Cluster):
    """A cluster whose workers are the oracle's.

    `consistency`: of all tables, such as "{mode: asp}"; bsp wants at most four workers at a time. `more`: further
    sections of the configuration, in which {dir} is a folder of the cluster's. Further arguments as of Cluster.
    """

    def __init__(self, test, consistency, servers, workers=1, lease="2s", linger="0s", more="", **options):
        self.synchronous = "bsp" in consistency
        self.names = []
        self.killed = set()
        self.counted = {}  # by worker: acknowledged steps, and where the log was read to
        self.dir = tempfile.mkdtemp(dir=test.dir)
        with open(self._path("records.libsvm"), "w", encoding="ascii") as file:
            file.write("1 1:1\n" * 64)
        config = CONFIG.format(dir=self.dir, consistency=consistency, lease=lease, linger=linger,
                               more=more.format(dir=self.dir))
        super().__init__(test, config, servers, f"{workers}:16", start_workers=False, **options)
        for i in range(workers):
            self.start_oracle(f"oracle-{i}")

    def start_oracle(self, name, steps=1 << 62):
        """A worker that pushes until finish(), or so many steps. The name is its own."""
        flags = ["--log", self._log_of(name), "--seed", str(self.seed + len(self.names)), "--steps", str(steps)]
        self.names.append(name)
        return self.start_worker(name, ORACLE_WORKER, flags)

    def kill_oracle(self, name):
        self.killed.add(name)
        self.daemons[name].kill()
        self.daemons[name].wait()

    def acknowledged(self, name):
        """Steps of a worker that were acknowledged so far."""
        count, end = self.counted.get(name, (0, 0))
        if os.path.exists(self._log_of(name)):
            with open(self._log_of(name), "rb") as file:
                file.seek(end)
                new = file.read()
            new = new[:new.rfind(b"\n") + 1]
            self.counted[name] = (count + new.count(b"ack "), end + len(new))
        return self.counted.get(name, (0, 0))[0]

    def wait_for_steps(self, steps, names=None):
        """Waits until each worker (by default all that live) has had so many further steps acknowledged."""
        hopeless = time.monotonic() + TIMEOUT_SECONDS
        for name in names or self.living():
            goal = self.acknowledged(name) + steps
            while self.acknowledged(name) < goal:
                if self.daemons[name].ends_within(seconds=0.01) or time.monotonic() > hopeless:
                    raise AssertionError(f"{name} does not go on: {self.logs()}")

    def living(self):
        return [name for name in self.names if name not in self.killed]

    def end_steps(self):
        """No worker takes further steps, so that the job ends. Once."""
        for name in self.living():
            self.daemons[name].kill(signal.SIGTERM)

    def finish(self):
        """Ends the job in good order and checks its parameters."""
        self.end_steps()
        self.wait_and_check()

    def wait_and_check(self):
        """After end_steps: waits for the end of the job and checks its parameters."""
        self.test.assertEqual(self.coordinator.wait(), 0, self.logs())
        ended = [self.daemons[name].wait() for name in self.living()]
        self.test.assertEqual(ended, [0] * len(ended), self.logs())
        self.check()

    def check(self):
        """Compares the saved model with what the workers know."""
        logs = {name: StepLog(self._log_of(name)) for name in self.names}
        for name in self.living():
            self.test.assertEqual(logs[name].unanswered(), [], name)
        self.test.assertGreater(sum(len(log.steps) for log in logs.values()), 0)
        wrong = differences(parameters(self._path("model.safetensors")), list(logs.values()), self.synchronous)
        self.test.assertEqual(wrong, [], f"seed {self.seed}")

    def _path(self, name):
        return os.path.join(self.dir, name)

    def _log_of(self, name):
        return self._path(name + ".steps")
