"""Wide & deep, DeepFM and word2vec on data whose truth is known."""

import json
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model

FIELDS, VALUES = 4, 10


class InteractionsTest(ClusterTestCase):
    """Click probabilities of which most depends on pairs of features: sigmoid of the products of hidden vectors."""

    def setUp(self):
        super().setUp()
        random = np.random.default_rng(7)
        self.vectors = random.normal(size=(FIELDS, VALUES, 3)) * 0.9
        self.linear = random.normal(size=(FIELDS, VALUES)) * 0.3
        self.write_log("train.ffm", 30000, random)
        self.bayes = self.write_log("test.ffm", 10000, random)

    def write_log(self, name, rows, random):
        """Returns the log loss of the true probabilities."""
        values = random.integers(VALUES, size=(rows, FIELDS))
        hidden = np.stack([self.vectors[f, values[:, f]] for f in range(FIELDS)], axis=1)
        total = hidden.sum(axis=1)
        pairs = ((total ** 2).sum(axis=1) - (hidden ** 2).sum(axis=(1, 2))) / 2
        linear = sum(self.linear[f, values[:, f]] for f in range(FIELDS))
        p = 1 / (1 + np.exp(-(pairs + linear)))
        labels = random.random(rows) < p
        with open(self.path(name), "w") as file:
            for label, row in zip(labels, values):
                features = " ".join(f"{f}:{f * VALUES + v}:1" for f, v in enumerate(row))
                file.write(f"{int(label)} {features}\n")
        return -np.log(np.where(labels, p, 1 - p)).mean()

    def train(self, model, epochs):
        return self.run_job(f"""
version: 1
cluster: {{name: deep, servers: 2, workers: 2}}
model: {model}
data: {{format: libffm, libffm: {{fields: {FIELDS}}}, train: [train.ffm], eval: [test.ffm], batch_size: 128, epochs: {epochs}}}
output: {{model: model.safetensors}}
""")

    def check(self, model_type, share):
        linear = self.train("{type: logistic_regression}", 3)["eval"]["logloss"]
        self.assertGreater(linear - self.bayes, 0.1)
        result = self.train(f"{{type: {model_type}}}", 10)
        closed = (linear - result["eval"]["logloss"]) / (linear - self.bayes)
        self.assertGreaterEqual(closed, share, f"{linear} {result['eval']} {self.bayes}")
        model = read_model(result["model"])
        self.assertEqual(model["embeddings.values"].shape, (FIELDS * VALUES, 8))
        self.assertEqual(model["layer0.weights"].shape, (FIELDS * 8, 64))
        done = self.paramctl("evaluate", "--model", result["model"], "--data", self.path("test.ffm"), "-o", "json")
        figures = json.loads(done.stdout.splitlines()[-1])
        for name in ("auc", "logloss", "accuracy"):
            self.assertAlmostEqual(figures[name], result["eval"][name], places=5)

    def test_deep_fm(self):
        self.check("deep_fm", 0.8)

    def test_wide_deep(self):
        self.check("wide_deep", 0.8)


class Word2vecTest(ClusterTestCase):
    GROUPS, WORDS = 10, 10

    def groups_by_key(self):
        """The models know words by their hashes: word i, which comes i + 1 times, is the key that comes so often."""
        with open(self.path("words.txt"), "w") as file:
            for i in range(self.GROUPS * self.WORDS):
                file.write(f"{self.word(i)} " * (i + 1) + "\n")
        result = self.run_job("""
version: 1
cluster: {name: words}
consistency: {mode: asp}
model: {type: feature_sum}
optimizer: {type: sgd, learning_rate: 1}
data: {format: text, train: [words.txt]}
output: {model: sums.safetensors}
""")
        sums = read_model(result["model"])
        return {key: (int(count) - 1) // self.WORDS
                for key, (count,) in zip(sums["weights.keys"], sums["weights.values"])}

    def word(self, i):
        return f"word{i}"

    def test_nearest_neighbours_are_of_the_group(self):
        random = np.random.default_rng(7)
        with open(self.path("corpus.txt"), "w") as file:
            for group in random.integers(self.GROUPS, size=20000):
                words = random.integers(self.WORDS, size=10)
                file.write(" ".join(self.word(group * self.WORDS + word) for word in words) + "\n")
        result = self.run_job("""
version: 1
cluster: {name: words, servers: 2, workers: 2}
model: {type: word2vec, dim: 16}
data: {format: text, train: [corpus.txt], batch_size: 128, epochs: 3}
output: {model: model.safetensors}
""")
        self.assertEqual(result["examples"], 3 * 20000)
        model = read_model(result["model"])
        groups_by_key = self.groups_by_key()
        self.assertEqual(set(model["input.keys"]), set(groups_by_key))
        groups = np.array([groups_by_key[key] for key in model["input.keys"]])
        vectors = model["input.values"] / np.linalg.norm(model["input.values"], axis=1, keepdims=True)
        cosine = vectors @ vectors.T
        np.fill_diagonal(cosine, -1)
        self.assertGreaterEqual(np.mean(groups[cosine.argmax(axis=1)] == groups), 0.95)


if __name__ == "__main__":
    unittest.main()
