"""What is done with a saved model: predictions, export to NumPy and LIBLINEAR, rounding and pruning."""

import csv
import json
import os
import random
import shutil
import subprocess
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model

CONFIG = """
version: 1
cluster: {name: saved, servers: 2, workers: 1}
model: MODEL
data: {format: FORMAT, train: [train], eval: [test], epochs: 5, batch_size: 50}
output: {model: model.safetensors}
"""


def sparse_rows(count, labels, seed):
    """LIBSVM lines of features 1 to 40, of which feature 1 + c, 1 + c + classes, ... speak for class c."""
    rng = random.Random(seed)
    lines = []
    for _ in range(count):
        c = rng.randrange(len(labels))
        keys = {rng.randrange(40) for _ in range(6)} | {c + len(labels) * rng.randrange(40 // len(labels))}
        lines.append(f"{labels[c]} " + " ".join(f"{key + 1}:{rng.uniform(0.5, 1.5):.3f}" for key in sorted(keys)))
    return "\n".join(lines) + "\n"


class SavedModelTest(ClusterTestCase):
    def train(self, model="{type: logistic_regression}", labels=("0", "1"), data_format="libsvm", rows=None):
        for name, seed, count in (("train", 1, 2000), ("test", 2, 500)):
            self.write(name, rows(count, seed) if rows else sparse_rows(count, labels, seed))
        config = CONFIG.replace("MODEL", model).replace("FORMAT", data_format)
        return self.run_job(config)["eval"]

    def predict(self, model="model.safetensors", *flags):
        self.paramctl("predict", "--model", model, "--data", "test", "-o", "predictions.csv", *flags)
        with open(self.path("predictions.csv"), encoding="utf-8") as file:
            return list(csv.reader(file))

    def export(self, *flags, expect=0):
        return self.paramctl("model", "export", "--model", "model.safetensors", "-o", "out", *flags, expect=expect)

    def evaluate(self, model):
        done = self.paramctl("evaluate", "--model", model, "--data", "test", "-o", "json")
        return json.loads(done.stdout)

    def test_predictions_of_two_classes(self):
        figures = self.train()
        rows = self.predict()
        self.assertEqual(rows[0], ["label", "score"])
        labels = np.array([float(row[0]) for row in rows[1:]])
        scores = np.array([float(row[1]) for row in rows[1:]])
        with open(self.path("test"), encoding="utf-8") as file:
            self.assertEqual([float(line.split()[0]) for line in file], labels.tolist())
        self.assertAlmostEqual(np.mean((scores > 0.5) == (labels > 0)), figures["accuracy"], places=6)
        loss = -np.mean(np.where(labels > 0, np.log(scores), np.log(1 - scores)))
        self.assertAlmostEqual(loss, figures["logloss"], places=5)
        # The model by hand.
        model = read_model(self.path("model.safetensors"))
        weights = dict(zip(model["weights.keys"].tolist(), model["weights.values"][:, 0].tolist()))
        with open(self.path("test"), encoding="utf-8") as file:
            features = [field.split(":") for field in file.readline().split()[1:]]
        z = model["bias"][0, 0] + sum(weights.get(int(key), 0) * float(value) for key, value in features)
        self.assertAlmostEqual(scores[0], 1 / (1 + np.exp(-z)), places=5)

    def test_predictions_of_many_classes_and_of_values(self):
        figures = self.train("{type: softmax_regression, classes: 4}", ("0", "1", "2", "3"))
        rows = self.predict()
        self.assertEqual(rows[0], ["label", "score_0", "score_1", "score_2", "score_3"])
        table = np.array(rows[1:], dtype=float)
        np.testing.assert_allclose(table[:, 1:].sum(axis=1), 1, atol=1e-5)
        self.assertAlmostEqual(np.mean(table[:, 1:].argmax(axis=1) == table[:, 0]), figures["accuracy"], places=6)

        def dense(count, seed):
            x = np.random.default_rng(seed).normal(size=(count, 3))
            return "".join(f"{r @ [1, -2, 0.5]:.5f},{r[0]:.5f},{r[1]:.5f},{r[2]:.5f}\n" for r in x)
        figures = self.train("{type: linear_regression}", data_format="csv", rows=dense)
        table = np.array(self.predict()[1:], dtype=float)
        self.assertAlmostEqual(np.sqrt(np.mean((table[:, 1] - table[:, 0]) ** 2)), figures["rmse"], places=5)
        # The same data with other signs between the fields.
        with open(self.path("test"), encoding="utf-8") as file:
            text = file.read()
        self.write("test", text.replace(",", ";"))
        again = np.array(self.predict("model.safetensors", "--set", "data.csv.delimiter=;")[1:], dtype=float)
        np.testing.assert_array_equal(table, again)

    def test_what_does_not_go_together_is_told(self):
        self.train()
        predict = ["predict", "--model", "model.safetensors", "--data", "test", "-o", "p"]
        self.assertIn("--output", self.paramctl(*predict[:5], expect=2).stderr)
        self.assertIn("CSV", self.paramctl(*predict, "--set", "data.format=csv", expect=65).stderr)
        self.assertIn("data.formt", self.paramctl(*predict, "--set", "data.formt=csv", expect=78).stderr)
        self.assertIn("only takes", self.paramctl(*predict, "--set", "model.seed=1", expect=78).stderr)
        self.assertIn("test: ", self.paramctl("predict", "--model", "test", "--data", "test", "-o", "p",
                                              expect=65).stderr)
        self.assertFalse(os.path.exists(self.path("p")))
        self.assertIn("--quantize", self.export("--format", "npz", "--quantize", "int8", expect=2).stderr)

    def test_npz(self):
        self.train()
        self.export("--format", "npz")
        model = read_model(self.path("model.safetensors"))
        with np.load(self.path("out")) as archive:
            self.assertEqual(sorted(archive.files), sorted(model))
            for name in archive.files:
                self.assertEqual(archive[name].dtype, model[name].dtype)
                np.testing.assert_array_equal(archive[name], model[name])
            self.assertIsNone(archive.zip.testzip())

    def test_int8_and_bf16(self):
        figures = self.train()
        model = read_model(self.path("model.safetensors"))
        for quantize, error in (("int8", 1 / 254), ("bf16", 1 / 256)):
            done = self.export("--quantize", quantize, "--data", "test")
            self.assertRegex(done.stdout, r"size +\d+ bytes before, \d+ bytes after")
            self.assertRegex(done.stdout, rf"auc +{figures['auc']:.6f} before, 0\.\d+ after")
            after = self.evaluate("out")
            self.assertAlmostEqual(after["auc"], figures["auc"], delta=0.01)
            self.assertAlmostEqual(after["logloss"], figures["logloss"], delta=0.01)
            # Read back and written as float32.
            self.paramctl("model", "export", "--model", "out", "-o", "back")
            back = read_model(self.path("back"))
            values, exact = back["weights.values"], model["weights.values"]
            np.testing.assert_array_equal(back["weights.keys"], model["weights.keys"])
            self.assertLessEqual((np.abs(values - exact) / np.maximum(np.abs(exact), 1e-9)).max(), error * 1.001)

    def test_pruning(self):
        self.train()
        model = read_model(self.path("model.safetensors"))
        self.assertIn("after", self.export("--prune", "0.5", "--data", "test").stdout)
        pruned = read_model(self.path("out"))
        keys, values = model["weights.keys"], model["weights.values"][:, 0]
        kept = sorted(np.argsort(np.abs(values), kind="stable")[len(values) // 2:])
        self.assertEqual(pruned["weights.keys"].tolist(), keys[kept].tolist())
        self.assertEqual(pruned["weights.values"][:, 0].tolist(), values[kept].tolist())
        self.assertEqual(pruned["bias"].tolist(), model["bias"].tolist())

    @unittest.skipUnless(shutil.which("liblinear-predict"), "liblinear-tools is not installed")
    def test_liblinear_predicts_the_same_labels(self):
        def theirs(*flags):
            self.export("--format", "liblinear", *flags)
            subprocess.run(["liblinear-predict", "test", "out", "labels"], cwd=self.dir, check=True,
                           stdout=subprocess.DEVNULL)
            with open(self.path("labels"), encoding="utf-8") as file:
                return [float(line) for line in file]

        def ours():
            return np.array(self.predict()[1:], dtype=float)

        for labels, flags in ((("0", "1"), ()), (("-1", "1"), ("--negative_label", "-1"))):
            self.train(labels=labels)
            self.assertEqual(theirs(*flags), np.where(ours()[:, 1] > 0.5, 1, float(labels[0])).tolist())
        for classes in (2, 3):
            names = [str(c) for c in range(classes)]
            self.train(f"{{type: softmax_regression, classes: {classes}}}", names)
            self.assertEqual(theirs(), ours()[:, 1:].argmax(axis=1).tolist())
        self.train("{type: linear_regression}", ("1.5", "-2"))
        np.testing.assert_allclose(theirs(), ours()[:, 1], atol=1e-4)

    def test_liblinear_has_no_feature_0(self):
        self.write("train", "1 0:1\n0 1:1\n" * 50)
        shutil.copy(self.path("train"), self.path("test"))
        self.run_job(CONFIG.replace("MODEL", "{type: logistic_regression}").replace("FORMAT", "libsvm"))
        self.assertIn("feature 0", self.export("--format", "liblinear", expect=65).stderr)


if __name__ == "__main__":
    unittest.main()
