"""What a multi-layer perceptron reaches on MNIST, held against scikit-learn: 0.953 after 15 epochs of the same network."""

import json
import os
import unittest

from tests.testing.paramd_cluster import ClusterTestCase, data_dir
from tests.testing.safetensors import read_model
from tests.testing.workloads import config, dense, write_mnist


class MlpTest(ClusterTestCase):
    def check(self, consistency):
        write_mnist(self.dir)
        result = self.run_job(config("{type: mlp, classes: 10, hidden: [128]}", dense(), workers=4, consistency=consistency))
        self.assertEqual(result["examples"], 8000 * 15)
        self.assertGreaterEqual(result["eval"]["accuracy"], 0.950)
        return result

    def test_ssp(self):
        result = self.check("{mode: ssp, staleness: 4}")
        model = read_model(result["model"])
        shapes = {name: table.shape for name, table in model.items()}
        self.assertEqual(shapes, {"layer0.weights": (784, 128), "layer0.bias": (1, 128),
                                  "layer1.weights": (128, 10), "layer1.bias": (1, 10)})
        done = self.paramctl("evaluate", "--model", result["model"], "--data", self.path("test.csv"), "-o", "json")
        figures = json.loads(done.stdout.splitlines()[-1])
        for name in ("logloss", "accuracy"):
            self.assertAlmostEqual(figures[name], result["eval"][name], places=5)

    def test_bsp(self):
        self.check("{mode: bsp}")

    def test_sparse(self):
        folder = data_dir("a9a")
        with open(os.path.join(folder, "test.libsvm")) as file:
            lines = file.read().splitlines()[:2000]
        # A feature that training has not seen has its initial weights, also when the saved model is evaluated.
        with open(self.path("test.libsvm"), "w") as file:
            file.writelines(f"{line.strip()} {1000 + i}:1\n" for i, line in enumerate(lines))
        result = self.run_job(f"""
version: 1
cluster: {{name: a9a, servers: 2, workers: 2}}
model: {{type: mlp, objective: binary, hidden: [16], dropout: 0.1}}
data: {{format: libsvm, train: [{folder}/train.libsvm], eval: [{folder}/test.libsvm, test.libsvm], epochs: 3}}
output: {{model: model.safetensors}}
""")
        self.assertGreaterEqual(result["eval"]["auc"], 0.89)
        done = self.paramctl("evaluate", "--model", result["model"], "--data", os.path.join(folder, "test.libsvm"),
                             "--data", self.path("test.libsvm"), "-o", "json")
        figures = json.loads(done.stdout.splitlines()[-1])
        for name in ("auc", "logloss", "accuracy"):
            self.assertAlmostEqual(figures[name], result["eval"][name], places=6)


if __name__ == "__main__":
    unittest.main()
