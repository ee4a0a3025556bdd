"""Jobs whose models count: every row has a feature of its own, which the model adds up, so a row that is lost or doubled shows."""

import numpy as np

from tests.testing.paramd_cluster import Cluster, ClusterTestCase
from tests.testing.safetensors import read_model

ROWS = 4001

CONFIG = """
version: 1
cluster: {{name: counting, heartbeat: {{interval: 100ms, lease: 1s}}, linger: 0s,
          coordinator: {{store: {{dir: {dir}/state}}}}}}
sharding: {{shards_per_table: 16, {sharding}}}
consistency: {consistency}
{model}
data: {{train: [{dir}/rows.libsvm], batch_size: 16, epochs: {epochs}}}
output: {{model: {dir}/model.safetensors}}
{more}
"""

COUNTING = "model: {type: feature_sum}\noptimizer: {type: sgd, learning_rate: 1}"
LEARNING = "model: {type: logistic_regression}\noptimizer: {type: adagrad}"


def training(epoch):
    return lambda s: s["job"].get("phase") == "TRAINING" and int(s["job"].get("epoch", 0)) >= epoch


class CountingTestCase(ClusterTestCase):
    def cluster(self, consistency, servers=3, workers=3, epochs=60, sharding="replication: 2", model=COUNTING, more=""):
        # Row i has a feature of its own, with value 1, and feature 0 with value 1.
        self.write("rows.libsvm", "".join(f"{i % 3 % 2} 0:1 {i + 1}:1\n" for i in range(ROWS)))
        self.epochs = epochs
        config = CONFIG.format(dir=self.dir, consistency=consistency, epochs=epochs, sharding=sharding, model=model, more=more)
        return Cluster(self, config, servers, workers)

    def check(self, cluster):
        """The job has ended well and every row was added once in every epoch."""
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
        model = read_model(self.path("model.safetensors"))
        np.testing.assert_array_equal(model["weights.keys"], np.arange(ROWS + 1, dtype=np.uint64))
        np.testing.assert_array_equal(model["weights.values"][1:, 0], self.epochs)
        self.assertEqual(model["weights.values"][0, 0], ROWS * self.epochs)
