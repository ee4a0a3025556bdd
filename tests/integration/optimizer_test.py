"""Whole clusters with every optimizer, schedule and delay compensation on real data."""

import math
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model
from tests.testing.workloads import a9a, config


def a9a_config(optimizer, epochs=3, consistency="{mode: asp}"):
    return config("{type: logistic_regression}", a9a(batch=64, epochs=epochs), consistency=consistency, optimizer=optimizer)


class OptimizerTest(ClusterTestCase):
    def train(self, optimizer, **kwargs):
        result = self.run_job(a9a_config(optimizer, **kwargs))
        self.assertEqual(result["state"], "Succeeded")
        self.assertTrue(math.isfinite(result["eval"]["logloss"]))
        model = read_model(result["model"])
        for values in (model["weights.values"], model["bias"]):
            self.assertTrue(np.isfinite(values).all())
        return result["eval"], model

    def check(self, optimizer):
        figures, _ = self.train(optimizer)
        self.assertGreaterEqual(figures["auc"], 0.89)

    def test_every_optimizer_on_its_defaults(self):
        for name in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw", "ftrl"):
            with self.subTest(name=name):
                self.check(f"{{type: {name}}}")

    def test_schedules(self):
        for schedule in ("{type: step, every: 200, warmup: 20}", "{type: polynomial, steps: 700}",
                         "{type: cosine, steps: 700, warmup: 50}"):
            with self.subTest(schedule=schedule):
                self.check(f"{{type: adagrad, schedule: {schedule}}}")

    def test_delay_compensation(self):
        for delay in ("{type: scaled_rate}", "{type: dc_asgd_c}", "{type: dc_asgd_a, lambda: 2}"):
            with self.subTest(delay=delay):
                self.check(f"{{type: sgd, learning_rate: 0.2, delay: {delay}}}")
        self.check("{type: sgd, learning_rate: 2, delay: {type: ada_delay}}")

    def test_l1_makes_zeros(self):
        _, free = self.train("{type: sgd}", epochs=1)
        _, sparse = self.train("{type: sgd, l1: 0.02}", epochs=1)
        self.assertGreater((sparse["weights.values"] == 0).sum(), 10)
        self.assertGreater(np.abs(sparse["weights.values"]).max(), 0.01)
        self.assertLess(np.abs(sparse["weights.values"]).sum(), np.abs(free["weights.values"]).sum() / 2)

    def test_the_norm_of_a_push_is_clipped(self):
        # One step of all examples together moves the weights by at most the clipped norm times the rate; the gradient's
        # own norm is larger.
        text = a9a_config("{type: sgd, learning_rate: 1, clip_norm: 0.01}", epochs=1, consistency="{mode: bsp}")
        text = text.replace("batch_size: 64", "batch_size: 40000")
        model = read_model(self.run_job(text, "--workers", "1")["model"])
        self.assertAlmostEqual(float(np.linalg.norm(model["weights.values"].astype(np.float64))), 0.01, places=6)


if __name__ == "__main__":
    unittest.main()
