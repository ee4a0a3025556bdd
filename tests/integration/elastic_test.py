"""Servers and workers come and go while a job runs, and nothing is lost or doubled: counted by a model that adds rows up."""

import json
import os
import shutil
import unittest

import numpy as np

from tests.testing.paramd_cluster import Cluster, ClusterTestCase, data_dir
from tests.testing.safetensors import read_model

ROWS = 4001

CONFIG = """
version: 1
cluster: {{name: elastic, heartbeat: {{interval: 100ms, lease: 1s}}, linger: 0s,
          coordinator: {{store: {{dir: {dir}/state}}}}}}
sharding: {{shards_per_table: 16, {sharding}}}
consistency: {consistency}
{model}
data: {{train: [{train}], batch_size: {batch}, epochs: {epochs}{data}}}
output: {{model: {dir}/model.safetensors}}
"""

COUNTING = "model: {type: feature_sum}\noptimizer: {type: sgd, learning_rate: 1}"
LEARNING = "model: {type: logistic_regression}\noptimizer: {type: adagrad}"


def training(epoch):
    return lambda s: s["job"].get("phase") == "TRAINING" and int(s["job"].get("epoch", 0)) >= epoch


def server(status, name):
    return next((s for s in status["servers"] if s["name"] == name and s["state"] == "ALIVE"), None)


def primaries(status, name):
    found = server(status, name)
    return int(found["shards"]) - int(found["backup_shards"]) if found else 0


class ElasticTest(ClusterTestCase):
    def cluster(self, consistency, servers=2, workers=3, epochs=150, sharding="replication: 2", model=COUNTING):
        # Row i has a feature of its own, with value 1, and feature 0 with value 1.
        train = self.write("rows.libsvm", "".join(f"{i % 3 % 2} 0:1 {i + 1}:1\n" for i in range(ROWS)))
        self.epochs = epochs
        config = CONFIG.format(dir=self.dir, consistency=consistency, epochs=epochs, sharding=sharding, model=model,
                               train=train, batch=16, data="")
        return Cluster(self, config, servers, workers)

    def drain(self, cluster, role, name, expect=0):
        return self.paramctl(role, "drain", name, "--coordinator", cluster.address, expect=expect)

    def check(self, cluster):
        """The job has ended well and every row was added once in every epoch."""
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
        model = read_model(self.path("model.safetensors"))
        np.testing.assert_array_equal(model["weights.keys"], np.arange(ROWS + 1, dtype=np.uint64))
        np.testing.assert_array_equal(model["weights.values"][1:, 0], self.epochs)
        self.assertEqual(model["weights.values"][0, 0], ROWS * self.epochs)

    def test_a_server_comes_and_another_one_leaves(self):
        for consistency, sharding in (("{mode: asp}", "replication: 2"), ("{mode: ssp, staleness: 2}", "replication: 1")):
            with self.subTest(consistency=consistency):
                cluster = self.cluster(consistency, sharding=sharding)
                cluster.wait_for(training(3))
                cluster.start_server("server-2")
                cluster.wait_for(lambda s: primaries(s, "server-2") > 3)
                self.drain(cluster, "server", "server-0")
                self.assertEqual(cluster.servers[0].wait(), 0)
                self.check(cluster)

    def test_synchronous_steps_are_made_of_the_same_gradients(self):
        """Under bsp a run is the same to the bit, so it is wherever the shards go meanwhile."""
        models = []
        for moves in (False, True):
            cluster = self.cluster("{mode: bsp}", epochs=60, model=LEARNING)
            if moves:
                cluster.wait_for(training(3))
                cluster.start_server("server-2")
                cluster.wait_for(lambda s: primaries(s, "server-2") > 3)
                self.drain(cluster, "server", "server-0")
                self.assertEqual(cluster.servers[0].wait(), 0)
            self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
            models.append(read_model(self.path("model.safetensors")))
            shutil.rmtree(self.path("state"))
        for name, values in models[0].items():
            np.testing.assert_array_equal(values, models[1][name])

    def test_a_server_is_killed_while_its_shards_leave(self):
        cluster = self.cluster("{mode: ssp, staleness: 2}", servers=3)
        cluster.wait_for(training(3))
        # The first shards have gone, and it is stopped in the middle of what follows.
        cluster.start_server("server-3")
        cluster.wait_for(lambda s: primaries(s, "server-3") > 0)
        cluster.servers[0].kill()
        cluster.wait_for(lambda s: server(s, "server-0") is None)
        self.check(cluster)

    def test_the_coordinator_is_killed_while_a_server_is_drained(self):
        cluster = self.cluster("{mode: asp}", servers=3, epochs=300)
        cluster.wait_for(training(3))
        cluster.coordinator.kill()
        cluster.coordinator.wait()
        cluster.restart_coordinator()
        cluster.wait_for(lambda s: len([m for m in s["servers"] if m["state"] == "ALIVE"]) == 3)
        self.drain(cluster, "server", "server-1")
        self.assertEqual(cluster.servers[1].wait(), 0)
        self.check(cluster)

    def a9a(self, name, epochs):
        folder = data_dir("a9a")
        os.makedirs(self.path(name))
        config = CONFIG.format(dir=self.path(name), consistency="{mode: ssp, staleness: 2}", epochs=epochs,
                               sharding="replication: 2", model="model: {type: logistic_regression}\noptimizer: {type: adagrad}",
                               train=f"{folder}/train.libsvm", batch=64, data=f", eval: [{folder}/test.libsvm]")
        return Cluster(self, config, 3, "2:3")

    def auc(self, cluster, name):
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
        done = self.paramctl("evaluate", "--model", self.path(name + "/model.safetensors"), "--data",
                             os.path.join(data_dir("a9a"), "test.libsvm"), "-o", "json")
        return json.loads(done.stdout.splitlines()[-1])["auc"]

    def test_what_is_learnt_while_members_die_come_and_leave_is_as_good(self):
        epochs = 45
        undisturbed = self.auc(self.a9a("quiet", epochs), "quiet")
        cluster = self.a9a("disturbed", epochs)
        cluster.wait_for(training(2))
        cluster.servers[1].kill()
        cluster.wait_for(lambda s: server(s, "server-1") is None)
        at = ("--coordinator", cluster.address)
        added = self.paramctl("server", "add", *at, "--name", "server-9", "--log_dir", self.path("logs"))
        self.assertRegex(added.stdout, r"server server-9 \(pid \d+\) at 127.0.0.1:\d+\n.*has joined, and has \d+ shards")
        added = self.paramctl("worker", "add", *at, "--name", "worker-9", "--log_dir", self.path("logs"))
        self.assertIn("worker worker-9 has joined", added.stdout)
        plan = json.loads(self.paramctl("shard", "plan", "--dry-run", *at, "-o", "json").stdout)
        self.assertEqual({s["name"] for s in plan["servers"]}, {"server-0", "server-2", "server-9"})
        drained = self.paramctl("server", "drain", "server-0", *at)
        self.assertIn("shards are left", drained.stdout)
        self.assertIn("server server-0 has left", drained.stdout)
        self.assertEqual(cluster.servers[0].wait(), 0)
        self.paramctl("worker", "drain", "worker-0", *at)
        self.assertEqual(cluster.workers[0].wait(), 0)
        # Fewer than cluster.workers says there cannot be, nor no server.
        done = self.paramctl("worker", "drain", "worker-1", *at, expect=1)
        self.assertIn("cluster.workers wants 2", done.stderr)
        self.paramctl("server", "drain", "nobody", *at, expect=78)
        self.assertAlmostEqual(self.auc(cluster, "disturbed"), undisturbed, delta=0.001)


if __name__ == "__main__":
    unittest.main()
