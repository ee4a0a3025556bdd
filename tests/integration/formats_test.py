"""Files of every format, from the reader to the saved model: what a model that adds rows up counts, and what one learns."""

import gzip
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model

COUNT = """
version: 1
cluster: {{name: count, servers: 2, workers: 2}}
consistency: {{mode: asp}}
model: {{type: feature_sum}}
optimizer: {{type: sgd, learning_rate: 1}}
data: {{{data}, batch_size: 97, epochs: 2}}
output: {{model: model.safetensors}}
"""

LEARN = """
version: 1
cluster: {{name: learn, servers: 2, workers: 2}}
model: {{type: logistic_regression}}
data: {{{data}, batch_size: 64, epochs: 3}}
output: {{model: model.safetensors}}
"""


class FormatsTest(ClusterTestCase):
    def count(self, data, rows):
        """The sum of every feature over one epoch, by key."""
        result = self.run_job(COUNT.format(data=data))
        self.assertEqual(result["examples"], 2 * rows)
        model = read_model(result["model"])
        return dict(zip(model["weights.keys"].tolist(), (model["weights.values"][:, 0] / 2).tolist()))

    def learn(self, data, held_out, auc=0.95):
        """Trains and evaluates; the saved model evaluates the same."""
        result = self.run_job(LEARN.format(data=data + f", eval: [{held_out}]"))
        self.assertGreaterEqual(result["eval"]["auc"], auc)
        done = self.paramctl("evaluate", "--model", result["model"], "--data", held_out, "-o", "json")
        self.assertIn(f'"auc":{result["eval"]["auc"]}', done.stdout)
        return result

    def test_libffm(self):
        rng = np.random.default_rng(1)
        kinds = rng.integers(0, 50, (3000, 3))
        labels = (kinds.sum(axis=1) > 73).astype(int)
        lines = [f"{y} " + " ".join(f"{f}:{100 * f + k}:1" for f, k in enumerate(row)) + "\n"
                 for y, row in zip(labels, kinds)]
        self.write("a.ffm", "".join(lines))
        self.write("b.ffm", "".join(lines[:500]))
        data = "format: libffm, libffm: {fields: 3}, train: [a.ffm]"
        keys, counts = np.unique(kinds + 100 * np.arange(3), return_counts=True)
        self.assertEqual(self.count(data, 3000), dict(zip(keys.tolist(), counts.tolist())))
        self.learn(data, self.path("b.ffm"))
        # Features that collide add up, and the saved model says how it was read.
        hashed = self.count(data + ", hash_bits: 4", 3000)
        self.assertLessEqual(max(hashed), 15)
        self.assertEqual(sum(hashed.values()), 9000)
        self.learn(data + ", hash_bits: 16", self.path("b.ffm"))

    def test_criteo(self):
        rng = np.random.default_rng(2)
        rows = 2000
        counts = rng.integers(0, 1000, (rows, 13))
        kinds = rng.integers(0, 20, (rows, 26))
        labels = (kinds[:, 0] + kinds[:, 1] > 18).astype(int)
        missing = rng.random((rows, 39)) < 0.1
        missing[:, 13:15] = False
        lines = []
        for i in range(rows):
            columns = [str(x) for x in counts[i]] + [f"{x:08x}" for x in kinds[i]]
            lines.append("\t".join([str(labels[i])] + ["" if m else c for c, m in zip(columns, missing[i])]) + "\n")
        lines[100] = lines[100].replace("\n", "\r\n")
        self.write("a.tsv", "".join(lines))
        self.write("b.tsv", "".join(lines[:500]))
        data = "format: criteo, train: [a.tsv]"
        sums = self.count(data, rows)
        logs = np.log1p(counts)
        expected = [logs[~missing[:, j], j].sum() for j in range(13)]
        for j in range(26):
            expected += np.unique(kinds[~missing[:, 13 + j], j], return_counts=True)[1].tolist()
        np.testing.assert_allclose(sorted(sums.values()), sorted(expected), rtol=1e-4)
        self.learn(data, self.path("b.tsv"))

    def test_csv_with_categories(self):
        rng = np.random.default_rng(5)
        rows = 3000
        cities, jobs = rng.integers(0, 30, rows), rng.integers(0, 30, rows)
        labels = (cities + jobs > 28).astype(int)
        lines = [f'{y},"city {c}",{j},{i},{x}\n'
                 for y, c, j, i, x in zip(labels, cities, jobs, range(rows), rng.integers(0, 2, rows))]
        self.write("a.csv", "click,city,job,id,x\n" + "".join(lines))
        self.write("b.csv", "click,city,job,id,x\n" + "".join(lines[:500]))
        columns = "{name: city, kind: categorical}, {name: job, kind: categorical}, {name: id, kind: ignored}"
        data = f"format: csv, csv: {{header: true, label: click, columns: [{columns}]}}, train: [a.csv]"
        sums = self.count(data, rows)
        expected = [*np.unique(cities, return_counts=True)[1], *np.unique(jobs, return_counts=True)[1],
                    sum(int(line.split(",")[4]) for line in lines)]
        self.assertEqual(sorted(sums.values()), sorted(expected))
        self.learn(data, self.path("b.csv"))
        done = self.run_job(COUNT.format(data=data.replace("name: id", "name: ident")), expect=65)
        self.assertIn('there is no column "ident"; the columns are "click", "city"', done["message"])

    def test_text(self):
        words = np.random.default_rng(3).choice(["a", "b", "c", "d"], 5000)
        self.write("a.txt", "\n".join(" ".join(words[i:i + 10]) for i in range(0, 5000, 10)))
        sums = self.count("format: text, train: [a.txt]", 500)
        self.assertEqual(sorted(sums.values()), sorted(np.unique(words, return_counts=True)[1].tolist()))

    def test_idx(self):
        rng = np.random.default_rng(4)
        rows = 1000
        labels = rng.integers(0, 2, rows).astype(np.uint8)
        images = rng.integers(0, 20, (rows, 3, 2)).astype(np.uint8)
        images[:, 1, 1] = 5 * labels + rng.integers(0, 4, rows)
        header = bytes([0, 0, 8, 3]) + np.array(images.shape, ">u4").tobytes()
        with open(self.path("images"), "wb") as file:
            file.write(header + images.tobytes())
        with gzip.open(self.path("images.gz"), "wb") as file:
            file.write(header + images.tobytes())
        with open(self.path("labels"), "wb") as file:
            file.write(bytes([0, 0, 8, 1]) + np.array([rows], ">u4").tobytes() + labels.tobytes())
        for name in ("images", "images.gz"):
            data = f"format: idx, idx: {{train_labels: [labels]}}, train: [{name}]"
            result = self.run_job(COUNT.format(data=data))
            sums = read_model(result["model"])["weights"][:, 0] / 2
            np.testing.assert_array_equal(sums, images.reshape(rows, 6).sum(axis=0, dtype=np.float32))
        data = ("format: idx, idx: {train_labels: [labels], eval_labels: [labels]}, train: [images], "
                f"eval: [{self.path('images.gz')}]")
        result = self.run_job(LEARN.format(data=data))
        self.assertGreaterEqual(result["eval"]["auc"], 0.9)
        done = self.paramctl("evaluate", "--model", result["model"], "--data", "images.gz", "--labels", "labels",
                             "-o", "json")
        self.assertIn(f'"auc":{result["eval"]["auc"]}', done.stdout)
        done = self.paramctl("evaluate", "--model", result["model"], "--data", "images.gz", expect=65)
        self.assertIn("--labels wants one file for each of --data", done.stderr)

    def test_held_out_fraction(self):
        rows = 2000
        self.write("a.libsvm", "".join(f"{i % 2} {i + 10}:1 {i % 2}:1\n" for i in range(rows)))
        for assignment in ("ranges", "stripes"):
            data = f"train: [a.libsvm], eval_fraction: 0.25, assignment: {assignment}"
            result = self.run_job(COUNT.format(data=data))
            model = read_model(result["model"])
            # What is trained on is the same in both epochs, and held out is the rest.
            used = model["weights.values"][2:, 0]
            self.assertEqual(set(used.tolist()), {2})
            self.assertEqual(result["examples"], 2 * len(used))
            self.assertAlmostEqual(len(used) / rows, 0.75, delta=0.05)
            result = self.run_job(LEARN.format(data=data))
            self.assertEqual(result["eval"]["auc"], 1)


if __name__ == "__main__":
    unittest.main()
