"""Servers whose memory is short refuse new rows, are not killed, and go on when there is room."""

import gzip
import os
import signal
import unittest

import numpy as np

from tests.testing.paramd_cluster import Cluster, ClusterTestCase
from tests.testing.safetensors import read_model

CONFIG = """
version: 1
cluster: {{name: pressure, heartbeat: {{interval: 100ms, lease: {lease}}}, linger: 0s, {server}
          coordinator: {{store: {{dir: {dir}/state}}}}}}
consistency: {{mode: asp}}
model: {{type: feature_sum}}
optimizer: {{type: sgd, learning_rate: 1}}
data: {{train: [{train}], batch_size: 4096, shuffle: false}}
output: {{model: {dir}/model.safetensors}}
"""

FEATURES = 20  # of a row
FIRST_KEY = 10_000_000


def flood(keys):
    """Rows of LIBSVM, each with FEATURES keys of its own, with value 1: FIRST_KEY and those after it."""
    key = np.arange(FIRST_KEY, FIRST_KEY + keys)
    features = np.empty((keys, len(" 12345678:1")), np.uint8)
    features[:] = np.frombuffer(b" 00000000:1", np.uint8)
    for digit in range(8):
        features[:, 8 - digit] += (key // 10**digit % 10).astype(np.uint8)
    rows = keys // FEATURES
    text = np.empty((rows, 2 + FEATURES * features.shape[1]), np.uint8)
    text[:, 0] = ord("1")
    text[:, 1:-1] = features.reshape(rows, -1)
    text[:, -1] = ord("\n")
    return text.tobytes()


def refuses(status):
    return any("memory is full" in problem and "RESOURCE_EXHAUSTED" in problem for problem in status["problems"])


class MemoryGroup:
    """A control group (cgroup) with a memory limit, below the one that the test is in; the test is skipped where that cannot
    be made."""

    def __init__(self, test, limit):
        if os.geteuid() != 0:
            test.skipTest("control groups want root")
        with open("/proc/self/cgroup", encoding="ascii") as file:
            groups = [line.strip().split(":", maxsplit=2) for line in file]
        version1 = [path for _, controllers, path in groups if "memory" in controllers.split(",")]
        version2 = [path for _, controllers, path in groups if controllers == ""]
        parent = "/sys/fs/cgroup/memory" + version1[0] if version1 else "/sys/fs/cgroup" + "".join(version2[:1])
        self.folder = os.path.join(parent, f"paramd-test-{os.getpid()}")
        self.file = os.path.join(self.folder, "memory.limit_in_bytes" if version1 else "memory.max")
        try:
            os.mkdir(self.folder)
            test.addCleanup(os.rmdir, self.folder)
            self.set_limit(limit)
        except OSError as error:
            test.skipTest(f"no control group can be made: {error}")

    def set_limit(self, limit):
        with open(self.file, "r+", encoding="ascii") as file:
            file.write(str(limit))

    def add(self, daemon):
        with open(os.path.join(self.folder, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(daemon.process.pid))


class PressureTest(ClusterTestCase):
    def config(self, *files, lease="1s", server=""):
        return CONFIG.format(dir=self.dir, train=", ".join(self.path(file) for file in files), lease=lease, server=server)

    def test_new_rows_are_refused_and_others_are_updated_until_the_job_ends(self):
        # One partition, which the first worker gets; the second one finds only rows that are there.
        with gzip.open(self.path("flood.libsvm.gz"), "wb", compresslevel=1) as file:
            file.write(flood(5_000_000))
        self.write("hot.libsvm", f"1 {FIRST_KEY}:1 {FIRST_KEY + 1}:1\n" * 100_000)
        cluster = Cluster(self, self.config("flood.libsvm.gz", "hot.libsvm", server="server: {memory: 100MiB},"), 1, "1:2")
        status = cluster.wait_for(lambda s: refuses(s) and int(s["servers"][0]["server"]["refused"]) > 0)
        self.assertLess(int(status["servers"][0]["server"]["memory"]), 105 << 20)
        cluster.start_worker("worker-1")
        status = cluster.wait_for(lambda s: len(s["workers"]) == 2 and
                                  int(s["workers"][1].get("worker", {}).get("examples", 0)) > 0)
        self.assertTrue(refuses(status), status["problems"])
        self.assertEqual(cluster.coordinator.wait(), 1)
        # It was told that the job has failed, and was not killed.
        self.assertEqual(cluster.servers[0].wait(), 1)
        self.assertIn("RESOURCE_EXHAUSTED", cluster.logs())
        self.assertIn("server-0 has no memory for more rows", cluster.logs())

    def test_the_limit_of_a_control_group_is_kept_and_training_goes_on_when_it_is_raised(self):
        keys = 11_000_000
        group = MemoryGroup(self, 256 << 20)
        with open(self.path("flood.libsvm"), "wb") as file:
            file.write(flood(keys))
        cluster = Cluster(self, self.config("flood.libsvm", lease="3s"), 1, 1, start_workers=False)
        group.add(cluster.servers[0])
        cluster.start_worker("worker-0")
        cluster.wait_for(refuses)
        self.assertTrue(cluster.servers[0].is_running())
        group.set_limit(2 << 30)
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
        self.assertNotEqual(cluster.servers[0].wait(), -signal.SIGKILL)
        model = read_model(self.path("model.safetensors"))
        np.testing.assert_array_equal(model["weights.keys"], np.arange(FIRST_KEY, FIRST_KEY + keys, dtype=np.uint64))
        np.testing.assert_array_equal(model["weights.values"][:, 0], 1)


if __name__ == "__main__":
    unittest.main()
