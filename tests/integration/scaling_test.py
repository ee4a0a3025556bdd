"""Columns that are measured before training: the same as data that NumPy scaled, from training to prediction."""

import csv
import json
import shutil
import signal
import subprocess
import unittest

import numpy as np

from tests.testing.paramd_cluster import Cluster, ClusterTestCase
from tests.testing.safetensors import read_model

CONFIG = """
version: 1
cluster: {{name: scaled, servers: 2, workers: {workers}}}
consistency: {{mode: {mode}}}
model: {{type: logistic_regression}}
optimizer: {{type: adagrad, learning_rate: 0.5}}
data: {{format: csv, {data}, batch_size: 50, epochs: 5}}
output: {{model: model.safetensors}}
"""

SCALES = {"standard": lambda x: (x.mean(axis=0), x.std(axis=0)),
          "min_max": lambda x: (x.min(axis=0), x.max(axis=0) - x.min(axis=0))}


def wild(count, seed, missing=0.0):
    """Columns whose scales are millions apart, labels by their standardised sum, and NaN where a value is missing."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(count, 4))
    labels = (hidden @ [2, -1.5, 1, 0.5] + 0.3 * random.normal(size=count) > 0).astype(int)
    values = hidden * [1e-3, 1, 500, 1e6] + [5, 0, -2e4, 3e6]
    values[random.random(values.shape) < missing] = np.nan
    return labels, values.astype(np.float32)


class ScalingTest(ClusterTestCase):
    def write_csv(self, name, labels, values, header=""):
        rows = [",".join([str(y)] + ["" if np.isnan(x) else f"{x:.9g}" for x in row]) for y, row in zip(labels, values)]
        return self.write(name, header + "\n".join(rows) + "\n")

    def train(self, data, mode="ssp", workers=2, flags=(), **how):
        return self.run_job(CONFIG.format(data=data, mode=mode, workers=workers), *flags, **how)

    def evaluate(self, model, data):
        return json.loads(self.paramctl("evaluate", "--model", model, "--data", data, "-o", "json").stdout)

    def sums(self, data):
        """The sum of every column over the records that are trained on, and their number."""
        count = CONFIG.replace("logistic_regression", "feature_sum").replace("adagrad, learning_rate: 0.5",
                                                                             "sgd, learning_rate: 1")
        result = self.run_job(count.format(data=data, mode="asp", workers=2))
        return read_model(result["model"])["weights"][:, 0] / 5, result["examples"] // 5

    def write_pair(self, missing=0.0):
        labels, values = wild(3000, 1, missing)
        held_labels, held_values = wild(1000, 2, missing)
        self.write_csv("train.csv", labels, values)
        self.write_csv("test.csv", held_labels, held_values)
        return labels, values.astype(float), held_labels, held_values.astype(float)

    def test_the_same_as_data_that_were_scaled_before(self):
        labels, values, held_labels, held_values = self.write_pair()
        # Steps of bsp have the same examples in every run.
        for scaling, mode, difference in (("standard", "bsp", 1e-4), ("standard", "ssp", 1e-2), ("min_max", "bsp", 1e-4)):
            with self.subTest(scaling=scaling, mode=mode):
                offset, size = SCALES[scaling](values)
                self.write_csv("a.csv", labels, (values - offset) / size)
                self.write_csv("b.csv", held_labels, (held_values - offset) / size)
                before = self.train("train: [a.csv], eval: [b.csv]", mode)["eval"]
                result = self.train(f"train: [train.csv], eval: [test.csv], scaling: {scaling}", mode)
                print(f"{scaling}, {mode}: {result['eval']}, scaled before {before}")
                self.assertGreaterEqual(result["eval"]["auc"], 0.95)
                for figure in ("auc", "logloss"):
                    self.assertAlmostEqual(result["eval"][figure], before[figure], delta=difference)
                scales = read_model(result["model"])["scales"]
                np.testing.assert_allclose(scales[:, 0], offset, rtol=1e-6, atol=1e-6)
                np.testing.assert_allclose(scales[:, 1], 1 / size, rtol=1e-5)
                self.assertEqual(self.evaluate(result["model"], "test.csv")["auc"], result["eval"]["auc"])

    def test_predictions_export_and_going_on(self):
        self.write_pair()
        data = "train: [train.csv], eval: [test.csv], scaling: standard"
        result = self.train(data)
        self.paramctl("predict", "--model", result["model"], "--data", "test.csv", "-o", "p.csv")
        with open(self.path("p.csv"), encoding="utf-8") as file:
            table = np.array(list(csv.reader(file))[1:], dtype=float)
        loss = -np.log(np.where(table[:, 0] > 0, table[:, 1], 1 - table[:, 1])).mean()
        self.assertAlmostEqual(loss, result["eval"]["logloss"], places=5)
        model = read_model(result["model"])
        self.paramctl("model", "export", "--model", result["model"], "--format", "npz", "-o", "m.npz")
        with np.load(self.path("m.npz")) as archive:
            np.testing.assert_array_equal(archive["scales"], model["scales"])
        refused = self.paramctl("predict", "--model", result["model"], "--data", "test.csv", "-o", "p.csv", "--set",
                                "data.scaling=min_max", expect=78)
        self.assertIn("scaled as they were for training", refused.stderr)

        shutil.copy(result["model"], self.path("old.safetensors"))
        # Other data, which would have been measured otherwise, and a configuration that does not say how.
        labels, values = wild(500, 3)
        self.write_csv("more.csv", labels, 2 * values)
        go_on = ("--set", "model.init=old.safetensors")
        again = self.train("train: [more.csv], eval: [test.csv]", flags=go_on)
        np.testing.assert_array_equal(read_model(again["model"])["scales"], model["scales"])
        other = self.train("train: [more.csv], scaling: min_max", flags=go_on, expect=78)
        self.assertIn("was trained with data.scaling: standard, not min_max", other["message"])

    @unittest.skipUnless(shutil.which("liblinear-predict"), "liblinear-tools is not installed")
    def test_liblinear_reads_the_values_of_the_files(self):
        self.write_pair()
        result = self.train("train: [train.csv], eval: [test.csv], scaling: standard")
        self.paramctl("model", "export", "--model", result["model"], "--format", "liblinear", "-o", "out")
        with open(self.path("test.csv"), encoding="utf-8") as file:
            rows = [line.split(",") for line in file.read().split()]
        self.write("test.libsvm", "".join(
            row[0] + "".join(f" {j}:{x}" for j, x in enumerate(row) if j) + "\n" for row in rows))
        done = subprocess.run(["liblinear-predict", "test.libsvm", "out", "labels"], cwd=self.dir, check=True,
                              capture_output=True, text=True)
        accuracy = float(done.stdout.split("Accuracy = ")[1].split("%")[0]) / 100
        self.assertAlmostEqual(accuracy, result["eval"]["accuracy"], delta=2e-3)

    def test_missing_numbers_are_the_mean(self):
        labels, values, held_labels, held_values = self.write_pair(missing=0.2)
        mean = np.nanmean(values, axis=0)
        # The deviation is that of the values that are there.
        offset, size = mean, np.nanstd(values, axis=0)
        self.write_csv("a.csv", labels, np.nan_to_num((values - offset) / size))
        self.write_csv("b.csv", held_labels, np.nan_to_num((held_values - offset) / size))
        imputed = self.train("train: [a.csv], eval: [b.csv]", "bsp")["eval"]
        done = self.paramctl("predict", "--model", "model.safetensors", "--data", "test.csv", "-o", "p.csv", "--set",
                             "data.csv.missing=mean", expect=78)
        self.assertIn("this one has no means", done.stderr)
        result = self.train("train: [train.csv], eval: [test.csv], scaling: standard, csv: {missing: mean}", "bsp")
        print(f"missing values: {result['eval']}, imputed before {imputed}")
        self.assertAlmostEqual(result["eval"]["logloss"], imputed["logloss"], delta=1e-4)
        np.testing.assert_allclose(read_model(result["model"])["scales"][:, 2], mean, rtol=1e-5, atol=1e-6)
        self.assertEqual(self.evaluate(result["model"], "test.csv")["logloss"], result["eval"]["logloss"])
        # Without scaling the sum of each column is that of the imputed one.
        sums, rows = self.sums("train: [train.csv], csv: {missing: mean}")
        self.assertEqual(rows, len(values))
        np.testing.assert_allclose(sums / rows, mean, rtol=1e-4, atol=1e-4)

    def test_categories_beside_numbers(self):
        random = np.random.default_rng(4)
        rows = 3000
        cities = random.integers(0, 20, rows)
        incomes = random.normal(5e4, 1e4, rows)
        effect = random.normal(size=20)
        labels = (2 * (incomes - 5e4) / 1e4 + effect[cities] > 0).astype(int)
        text = [f"{y},city{c},{x:.2f}\n" for y, c, x in zip(labels, cities, incomes)]
        self.write("train.csv", "y,city,income\n" + "".join(text[:2500]))
        self.write("test.csv", "y,city,income\n" + "".join(text[2500:]))
        columns = "csv: {header: true, label: y, columns: [{name: city, kind: categorical}]}"
        result = self.train(f"train: [train.csv], eval: [test.csv], {columns}, scaling: standard")
        self.assertGreaterEqual(result["eval"]["auc"], 0.98)
        scales = read_model(result["model"])["scales"]
        self.assertEqual(scales[0, :2].tolist(), [0, 1])
        np.testing.assert_allclose(1 / scales[1, 1], incomes[:2500].std(), rtol=1e-4)
        self.assertEqual(self.evaluate(result["model"], "test.csv")["auc"], result["eval"]["auc"])
        self.write("other.csv", "y,city,income,age\n1,a,5,6\n")
        done = self.paramctl("evaluate", "--model", result["model"], "--data", "other.csv", expect=65)
        self.assertIn("3 feature columns, but 2 were measured", done.stderr)

    def test_what_is_held_out_is_not_measured(self):
        labels, values = wild(4000, 5)
        # The rows that are trained on are found out by sums in float32, which want columns of about the same scale.
        values = ((values - values.mean(axis=0)) / values.std(axis=0) * [1, 2, 3, 4]).astype(np.float32)
        self.write_csv("all.csv", labels, values)
        data = "train: [all.csv], eval_fraction: 0.25"
        result = self.train(data + ", scaling: standard")
        self.assertGreaterEqual(result["eval"]["auc"], 0.95)
        offset = read_model(result["model"])["scales"][:, 0]
        sums, rows = self.sums(data)
        self.assertLess(rows, 3200)
        deviation = values.std(axis=0, dtype=float)
        # Those that are held out would have moved the mean by more than that.
        self.assertLess(np.abs((offset - sums / rows) / deviation).max(), 1e-3)
        self.assertGreater(np.abs((offset - values.mean(axis=0, dtype=float)) / deviation).max(), 5e-3)

    def test_k_means_begins_in_scaled_columns(self):
        random = np.random.default_rng(6)
        centres = random.uniform(-1, 1, (4, 2))
        points = (centres[random.integers(0, 4, 2000)] + 0.02 * random.normal(size=(2000, 2))) * [1, 1e6]
        scaled, planted = (points - points.mean(axis=0)) / points.std(axis=0), centres * [1, 1e6]
        planted = (planted - points.mean(axis=0)) / points.std(axis=0)
        best = ((scaled[:, None] - planted[None]) ** 2).sum(axis=2).min(axis=1).mean()
        self.write_csv("points.csv", np.zeros(2000, int), points)
        job = CONFIG.replace("logistic_regression", "kmeans, clusters: 4").replace(
            "optimizer: {{type: adagrad, learning_rate: 0.5}}\n", "")
        result = self.run_job(job.format(data="train: [points.csv], eval: [points.csv], scaling: standard", mode="asp",
                                         workers=2))
        print(f"k-means: mean squared distance {result['eval']['loss']:.5f}, of the planted centres {best:.5f}")
        self.assertLessEqual(result["eval"]["loss"], 1.02 * best)

    def test_a_column_without_values(self):
        self.write("empty.csv", "y,age,height\n" + "1,5,\n0,6,NA\n" * 50)
        csv_settings = "csv: {header: true, label: y, missing: mean}"
        result = self.train(f"train: [empty.csv], {csv_settings}", expect=65)
        self.assertRegex(result["message"], r'feature column 1 \("height"\) has no value')

    def test_a_worker_and_the_coordinator_are_killed_while_columns_are_measured(self):
        labels, values = wild(2000, 7)
        self.write_csv("part.csv", labels, values)
        config = CONFIG.format(data="train: [part.csv], scaling: min_max", mode="asp", workers=2)
        config = config.replace("name: scaled,", "name: scaled, linger: 0s,")
        cluster = Cluster(self, config, servers=1, workers=2, start_workers=False)
        first = cluster.start_worker("worker-0")
        cluster.wait_for(lambda s: s["workers"] and s["workers"][0]["worker"]["activity"] == "waiting for work")
        # It is given a part to measure, and does not.
        first.kill(signal.SIGSTOP)
        cluster.start_worker("worker-1")
        cluster.wait_for(lambda s: s["job"]["phase"] == "MEASURING" and int(s["job"]["partitions_done"]) > 0)
        cluster.coordinator.kill()
        cluster.coordinator.wait()
        cluster.restart_coordinator()
        status = cluster.status()
        self.assertEqual(status["job"]["phase"], "MEASURING")
        first.kill()
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
        scales = read_model(self.path("model.safetensors"))["scales"]
        np.testing.assert_array_equal(scales[:, 0], values.min(axis=0))


if __name__ == "__main__":
    unittest.main()
