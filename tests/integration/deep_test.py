"""Wide & deep, DeepFM and word2vec on data whose truth is known."""

import json
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model
from tests.testing.workloads import (COUNT_WORDS, config, corpus, interactions, neighbours_of_the_group, write_corpus,
                                     write_interactions)

FIELDS, VALUES = 4, 10


class InteractionsTest(ClusterTestCase):
    def setUp(self):
        super().setUp()
        self.bayes = write_interactions(self.dir, fields=FIELDS, values=VALUES)

    def train(self, model, epochs):
        return self.run_job(config(model, interactions(FIELDS, epochs=epochs)))

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
    def test_nearest_neighbours_are_of_the_group(self):
        write_corpus(self.dir)
        result = self.run_job(config("{type: word2vec, dim: 16}", corpus(held_out="eval_fraction: 0.05,")))
        self.assertAlmostEqual(result["examples"], 3 * 0.95 * 20000, delta=0.01 * 60000)
        model = read_model(result["model"])
        counts = read_model(self.run_job(COUNT_WORDS)["model"])
        self.assertEqual(set(model["input.keys"]), set(counts["weights.keys"]))
        self.assertGreaterEqual(neighbours_of_the_group(model, counts), 0.95)
        # Of six outputs of a pair, each an even guess at first.
        self.assertLess(result["eval"]["loss"], 0.8 * 6 * np.log(2))


if __name__ == "__main__":
    unittest.main()
