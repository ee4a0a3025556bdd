"""The cache of parsed batches: the same results with it, the second run reads from it, and a kill leaves nothing half."""

import os
import signal
import unittest

import numpy as np

from tests.testing.paramd_cluster import Cluster, ClusterTestCase
from tests.testing.safetensors import read_model

LEARN = """
version: 1
cluster: {{name: learn, servers: 2, workers: 2}}
consistency: {{mode: bsp}}
model: {{type: factorization_machine, dim: 4}}
optimizer: {{type: adagrad, learning_rate: 0.1}}
data: {{train: [a.libsvm], batch_size: 64, epochs: 3, eval_every: 1, eval_fraction: 0.2{cache}}}
output: {{model: {model}}}
"""

COUNT = """
version: 1
cluster: {{name: count, heartbeat: {{interval: 100ms, lease: 1s}}, linger: 0s, coordinator: {{store: {{dir: {dir}/state}}}}}}
consistency: {{mode: asp}}
model: {{type: feature_sum}}
optimizer: {{type: sgd, learning_rate: 1}}
data: {{train: [{dir}/a.libsvm], batch_size: 1, partitions_per_worker: 1, epochs: 2, cache: {dir}/cache}}
output: {{model: {dir}/model.safetensors}}
"""


def write_features(path, rows):
    """Rows of 5 of 200 features, whose sum decides the label."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=200)
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(rows):
            keys = np.sort(rng.choice(200, 5, replace=False))
            label = int(weights[keys].sum() > 0)
            file.write(f"{label} " + " ".join(f"{k}:{k % 3 + 0.5}" for k in keys) + "\n")


def garble(path):
    """Other lines, of the same lengths and time: whoever parses them finds no good record."""
    info = os.stat(path)
    with open(path, "r+b") as file:
        text = np.frombuffer(file.read(), dtype=np.uint8)
        file.seek(0)
        file.write(np.where(text == ord("\n"), text, ord("?")).astype(np.uint8).tobytes())
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


class CacheTest(ClusterTestCase):
    def files(self):
        """Names in the cache, with their times."""
        return {name: os.stat(self.path(f"cache/{name}")).st_mtime_ns for name in os.listdir(self.path("cache"))}

    def learn(self, model, cache=True):
        result = self.run_job(LEARN.format(model=model, cache=", cache: cache" if cache else ""))
        return result["examples"], result["eval"], read_model(self.path(model))

    def assert_same(self, one, other):
        self.assertEqual(one[:2], other[:2])
        for name, array in one[2].items():
            np.testing.assert_array_equal(array, other[2][name], name)

    def test_runs_with_a_cache_are_the_same_to_the_bit(self):
        write_features(self.path("a.libsvm"), 3000)
        plain = self.learn("plain", cache=False)
        self.assertGreater(plain[1]["auc"], 0.8)
        self.assertFalse(os.path.exists(self.path("cache")))
        self.assert_same(plain, self.learn("first"))
        files = self.files()
        # Two stripes of what is trained on, and what is held out.
        self.assertEqual(len(files), 3)
        garble(self.path("a.libsvm"))
        self.assert_same(plain, self.learn("second"))
        self.assertEqual(self.files(), files)
        # What is damaged is not used; now there is nothing else.
        for name in files:
            with open(self.path(f"cache/{name}"), "r+b") as file:
                file.truncate(1000)
        done = self.run_job(LEARN.format(model="third", cache=", cache: cache"), expect=65)
        self.assertIn("bad", done["message"])

    def test_a_worker_that_is_killed_while_it_writes_leaves_nothing_that_is_read(self):
        rows = 3000
        with open(self.path("a.libsvm"), "w", encoding="utf-8") as file:
            file.write("".join(f"1 0:2 {i + 1}:1\n" for i in range(rows)))
        cluster = Cluster(self, COUNT.format(dir=self.dir), 1, "1:2")
        cluster.wait_for(lambda s: any(int(w["worker"].get("examples", 0)) > 10 for w in s["workers"]))
        cluster.workers[0].kill(signal.SIGSTOP)
        left = self.files()
        self.assertTrue(any(name.endswith(".tmp") for name in left), left)
        cluster.workers[0].kill()
        other = cluster.start_worker("other")
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
        self.assertEqual(other.wait(), 0)
        self.assertEqual([name for name in self.files() if name.endswith(".tmp")], [])
        # Every record in both epochs; those of the killed worker once more.
        sums = read_model(self.path("model.safetensors"))
        np.testing.assert_array_equal(sums["weights.keys"], np.arange(rows + 1, dtype=np.uint64))
        self.assertGreaterEqual(sums["weights.values"][:, 0].min(), 2)
        files = self.files()
        garble(self.path("a.libsvm"))
        again = Cluster(self, COUNT.format(dir=self.dir).replace("/state", "/state2"), 1, "1:2")
        self.assertEqual(again.coordinator.wait(), 0, again.logs())
        self.assertIn("batches are read from the cache in " + self.path("cache"), again.logs())
        sums = read_model(self.path("model.safetensors"))
        np.testing.assert_array_equal(sums["weights.values"][:, 0], [4 * rows] + [2] * rows)
        self.assertEqual(self.files(), files)


if __name__ == "__main__":
    unittest.main()
