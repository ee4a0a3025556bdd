"""What it costs that nothing is lost, and how long it takes to go on.

  bazel run -c opt //tests/bench:durability_bench -- [--only=SECTION] [--runs=N] [--json=FILE]

Sections: replication  examples a second and bytes on the network: replication 1, 2 and the operation log, whose disk's own
                       sequential speed is printed beside them
          failover     a server of 1 M keys x dim 16 is killed, lease 1 s: seconds until every shard has acknowledged pushes
                       again, and until training is back at 90 % of its speed

Clusters of real processes on this machine, two servers and two workers (failover: three servers). The bytes are those of the
loopback device, so nothing else may use it. Medians of --runs (3). A quiet machine.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time

import numpy as np

from tests.testing.paramd_cluster import Cluster, ClusterTestCase

CONFIG = """
version: 1
cluster: {{name: bench, heartbeat: {{interval: 100ms, lease: 1s}}, linger: 0s, coordinator: {{store: {{dir: {dir}/state}}}}}}
sharding: {{replication: {replication}}}
consistency: {{mode: ssp, staleness: 4}}
{model}
data: {{train: [{dir}/rows.libsvm], batch_size: {batch}, epochs: {epochs}}}
{more}
"""
LINEAR = "model: {type: logistic_regression}\noptimizer: {type: adagrad}"
MACHINE = "model: {type: factorization_machine, dim: 16}\noptimizer: {type: adagrad}"


BATCH = 1024


def trained(status):
    """Examples by worker."""
    return {worker["name"]: int(worker["worker"]["examples"]) for worker in status["workers"]}


def loopback_bytes():
    with open("/sys/class/net/lo/statistics/tx_bytes", encoding="ascii") as file:
        return int(file.read())


class Bench(ClusterTestCase):
    """A test case for its folder and its daemons."""

    runs = 3
    results = []

    def rows(self, keys, features, times=1, seed=1):
        """Every key comes so many times, each time all of them in random order."""
        random = np.random.default_rng(seed)
        with open(self.path("rows.libsvm"), "w", encoding="ascii") as file:
            for _ in range(times):
                order = random.permutation(keys).reshape(-1, features)
                order.sort(axis=1)
                for label, row in zip(random.integers(0, 2, len(order)), order):
                    file.write(f"{label} " + " ".join(f"{key}:1" for key in row) + "\n")

    def start(self, servers, replication, model=LINEAR, more="", epochs=100000):
        text = CONFIG.format(dir=self.dir, replication=replication, model=model, epochs=epochs, batch=BATCH,
                             more=more)
        return Cluster(self, text, servers, 2)

    def stop(self, cluster):
        cluster.stop()
        shutil.rmtree(self.path("state"), ignore_errors=True)

    def examples(self, cluster):
        return int(cluster.status()["job"]["examples"])

    def speed(self, cluster, seconds):
        """Examples a second, and bytes on the loopback for each."""
        first, bytes_first, begin = self.examples(cluster), loopback_bytes(), time.monotonic()
        time.sleep(seconds)
        examples = self.examples(cluster) - first
        return examples / (time.monotonic() - begin), (loopback_bytes() - bytes_first) / max(examples, 1)

    def disk_speed(self):
        """Bytes a second that the folder's disk takes, one after the other and synced."""
        block = os.urandom(1 << 20)
        begin = time.monotonic()
        with open(self.path("disk"), "wb") as file:
            for _ in range(256):
                file.write(block)
            os.fsync(file.fileno())
        speed = (256 << 20) / (time.monotonic() - begin)
        os.remove(self.path("disk"))
        return speed

    def report(self, **row):
        print("  ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()),
              flush=True)
        self.results.append(row)

    def replication(self):
        # Epochs of a second or so, not less.
        self.rows(600_000, 40, times=32)
        log = f"log: {{dir: {self.dir}/log}}"
        figures = {}
        for _ in range(self.runs):
            for name, copies, more in (("replication 1", 1, ""), ("replication 2", 2, ""), ("log", 1, log)):
                cluster = self.start(2, copies, more=more)
                cluster.wait_for(lambda s: int(s["job"]["epoch"]) >= 3)
                figures.setdefault(name, []).append(self.speed(cluster, 8))
                self.stop(cluster)
                shutil.rmtree(self.path("log"), ignore_errors=True)
        base = [statistics.median(values) for values in zip(*figures["replication 1"])]
        self.report(section="replication", disk_mb_per_second=self.disk_speed() / 1e6)
        for name, values in figures.items():
            speed, size = (statistics.median(column) for column in zip(*values))
            self.report(section="replication", what=name, examples_per_second=speed, ratio=speed / base[0],
                        bytes_per_example=size, bytes_ratio=size / base[1])

    def failover(self):
        self.rows(3_000_000, 30)
        for _ in range(self.runs):
            cluster = self.start(3, 2, model=MACHINE)
            cluster.wait_for(lambda s: int(s["job"]["epoch"]) >= 3)
            before, _ = self.speed(cluster, 6)
            cluster.servers[1].kill()
            killed = time.monotonic()
            dead = cluster.servers[1].name
            lost = cluster.wait_for(lambda s: any(m["name"] == dead and m["state"] == "LOST" for m in s["servers"]))
            # Every step has rows of every shard. A worker goes on with at most four whose pushes are not acknowledged: with six
            # more than when it stood still one is that it pushed afterwards.
            stood = trained(lost)
            cluster.wait_for(lambda s: all(count >= stood[name] + 6 * BATCH for name, count in trained(s).items()))
            acknowledged = time.monotonic() - killed
            samples = [(time.monotonic(), self.examples(cluster))]
            while time.monotonic() - killed < 30:
                time.sleep(0.2)
                samples.append((time.monotonic(), self.examples(cluster)))
                at = next((s for s in reversed(samples) if samples[-1][0] - s[0] >= 1), None)
                if at is not None and (samples[-1][1] - at[1]) / (samples[-1][0] - at[0]) >= 0.9 * before:
                    break
            self.report(section="failover", seconds_to_acknowledged_pushes=acknowledged, lease=1.0,
                        seconds_to_90_percent=time.monotonic() - killed, examples_per_second_before=before)
            self.stop(cluster)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["replication", "failover"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json")
    flags = parser.parse_args()
    os.environ.setdefault("TEST_TMPDIR", tempfile.gettempdir())
    Bench.runs = flags.runs
    for section in (flags.only,) if flags.only else ("replication", "failover"):
        bench = Bench()
        bench.setUp()
        try:
            getattr(bench, section)()
        finally:
            bench.doCleanups()
    if flags.json:
        with open(flags.json, "w", encoding="utf-8") as file:
            json.dump(Bench.results, file, indent=2)


if __name__ == "__main__":
    main()
