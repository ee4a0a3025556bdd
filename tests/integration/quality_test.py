"""What whole clusters reach on real data, held against LIBLINEAR and scikit-learn (shared/data/REFERENCE.md)."""

import json
import os
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase, data_dir
from tests.testing.references import Liblinear
from tests.testing.safetensors import read_model
from tests.testing.workloads import NEAR_OPTIMUM, a9a, config, dense, write_mnist


FTRL = "{type: ftrl, alpha: 0.05, beta: 1.0, l1: 0.0, l2: 1.0}"


def a9a_config(consistency="{mode: ssp, staleness: 4}", batch=256, epochs=5, optimizer=FTRL):
    return config("{type: logistic_regression, seed: 42}", a9a(batch, epochs), consistency=consistency, optimizer=optimizer)


class A9aTest(ClusterTestCase):
    ROWS = 32561

    def check(self, result, epochs=5):
        self.assertEqual(result["state"], "Succeeded")
        self.assertEqual(result["examples"], self.ROWS * epochs)
        # LIBLINEAR's optimum: AUC 0.9022, accuracy 0.850, log loss 0.3241.
        self.assertGreaterEqual(result["eval"]["auc"], 0.901)
        self.assertGreaterEqual(result["eval"]["accuracy"], 0.848)
        self.assertLessEqual(result["eval"]["logloss"], 0.328)

    def test_asp(self):
        self.check(self.run_job(a9a_config("{mode: asp}")))

    def test_ssp(self):
        self.check(self.run_job(a9a_config("{mode: ssp, staleness: 4}")))

    def test_ssp_without_staleness(self):
        self.check(self.run_job(a9a_config("{mode: ssp, staleness: 0}")))

    def test_bsp(self):
        self.check(self.run_job(a9a_config("{mode: bsp}", batch=128)))

    def test_adagrad(self):
        self.check(self.run_job(a9a_config(optimizer="{type: adagrad, learning_rate: 0.1}")))

    def test_sgd(self):
        # Needs more passes than the adaptive ones.
        result = self.run_job(a9a_config(optimizer="{type: sgd, learning_rate: 0.3}", epochs=10))
        self.check(result, epochs=10)

    def test_a_policy_for_one_table(self):
        extra = "tables:\n- {name: bias, consistency: {mode: bsp}, optimizer: {type: adagrad, learning_rate: 0.1}}\n"
        self.check(self.run_job(a9a_config("{mode: asp}") + extra))

    def test_near_the_optimum_with_every_mode(self):
        # What LIBLINEAR says where it is installed, otherwise what it said (shared/data/REFERENCE.md).
        folder = data_dir("a9a")
        logloss, auc = 0.3241, 0.9022
        if Liblinear.is_there():
            best = Liblinear(f"{folder}/train.libsvm", f"{folder}/test.libsvm", self.dir)
            logloss, auc = best.logloss, best.auc
        for optimizer in NEAR_OPTIMUM:
            for consistency in ("{mode: asp}", "{mode: ssp, staleness: 4}", "{mode: bsp}"):
                with self.subTest(optimizer=optimizer, consistency=consistency):
                    figures = self.run_job(a9a_config(consistency, epochs=10, optimizer=optimizer))["eval"]
                    self.assertLessEqual(figures["logloss"], logloss + 0.002)
                    self.assertGreaterEqual(figures["auc"], auc - 0.001)

    def test_any_number_of_servers_and_workers(self):
        for servers in (1, 2, 3, 5):
            for workers in (1, 2, 3, 4):
                with self.subTest(servers=servers, workers=workers):
                    result = self.run_job(a9a_config(), "--servers", str(servers), "--workers", str(workers))
                    self.assertEqual((result["servers"], result["workers"]), (servers, workers))
                    self.check(result)

    def test_evaluate_gives_the_figures_of_the_run(self):
        result = self.run_job(a9a_config())
        done = self.paramctl("evaluate", "--model", result["model"], "--data",
                             os.path.join(data_dir("a9a"), "test.libsvm"), "-o", "json")
        figures = json.loads(done.stdout.splitlines()[-1])
        for name in ("auc", "logloss", "accuracy"):
            self.assertAlmostEqual(figures[name], result["eval"][name], places=6)

    def test_bsp_does_not_depend_on_the_number_of_workers(self):
        # Steps of 1024 examples, by one worker or by four.
        models = []
        for workers in (1, 4):
            config = a9a_config("{mode: bsp}", batch=1024 // workers, epochs=5)
            result = self.run_job(config, "--workers", str(workers), "--servers", "2")
            self.assertEqual(result["examples"], self.ROWS * 5)
            models.append(read_model(result["model"]))
        one, four = models
        np.testing.assert_array_equal(one["weights.keys"], four["weights.keys"])
        np.testing.assert_allclose(one["weights.values"], four["weights.values"], rtol=0, atol=1e-4)
        np.testing.assert_allclose(one["bias"], four["bias"], rtol=0, atol=1e-4)
        self.assertGreater(np.abs(one["weights.values"]).max(), 0.1)


class MnistTest(ClusterTestCase):
    def test_softmax(self):
        write_mnist(self.dir)
        result = self.run_job(config("{type: softmax_regression, classes: 10}", dense(batch=64, epochs=12),
                                     optimizer="{type: adagrad, learning_rate: 0.05}"))
        # scikit-learn's optimum: 0.9345.
        self.assertGreaterEqual(result["eval"]["accuracy"], 0.92)
        model = read_model(result["model"])
        self.assertEqual(model["weights"].shape, (784, 10))


if __name__ == "__main__":
    unittest.main()
