"""How training is looked at and how it ends: history, pictures, early ends, the best model."""

import json
import os
import unittest
import xml.etree.ElementTree

from tests.testing.paramd_cluster import Cluster, ClusterTestCase

CONFIG = """
version: 1
cluster: {name: training, servers: 2, workers: 2, heartbeat: {interval: 50ms, lease: 3s}}
consistency: CONSISTENCY
model: {type: logistic_regression}
data: {train: [clicks/train.libsvm], eval: [clicks/test.libsvm], batch_size: 100, DATA}
training: {TRAINING}
output: {model: model.safetensors, history: history.jsonl}
"""


class TrainingTest(ClusterTestCase):
    def setUp(self):
        super().setUp()
        self.paramctl("data", "generate", "--out", "clicks", "--rows", "20000", "--eval_rows", "3000",
                      "--cardinality", "1000", "--features_per_row", "8")

    def config(self, training="", data="epochs: 2", consistency="{mode: ssp}"):
        return CONFIG.replace("TRAINING", training).replace("DATA", data).replace("CONSISTENCY", consistency)

    def history(self):
        with open(self.path("history.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def evaluations(self):
        return [line for line in self.history() if "auc" in line]

    def figures(self, model="model.safetensors"):
        done = self.paramctl("evaluate", "--model", model, "--data", "clicks/test.libsvm", "-o", "json")
        return json.loads(done.stdout)

    def test_history_and_its_picture(self):
        result = self.run_job(self.config(data="epochs: 4, eval_every: 1"))
        evaluations = self.evaluations()
        self.assertEqual([e["epoch"] for e in evaluations], [1, 2, 3, 4])
        self.assertEqual([e["examples"] for e in evaluations], [20000, 40000, 60000, 80000])
        self.assertEqual(evaluations[-1]["auc"], result["eval"]["auc"])
        seconds = [line["seconds"] for line in self.history()]
        self.assertEqual(seconds, sorted(seconds))
        points = [line for line in self.history() if "loss" in line]
        self.assertEqual(points[-1]["examples"], 80000)
        self.paramctl("plot", "history.jsonl", "-o", "curve.svg")
        root = xml.etree.ElementTree.parse(self.path("curve.svg")).getroot()
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
        for label in ("examples", "seconds", "loss", "AUC", "held out"):
            self.assertIn(label, texts)
        self.write("broken.jsonl", "no history\n")
        self.assertIn("broken.jsonl:1:", self.paramctl("plot", "broken.jsonl", "-o", "x.svg", expect=65).stderr)
        # A run of the same name begins its history anew.
        self.run_job(self.config(data="epochs: 1"))
        self.assertEqual(len(self.evaluations()), 1)

    def test_a_history_that_cannot_be_written_is_a_problem_and_no_end(self):
        config = self.config(data="epochs: 1000000").replace("history.jsonl", "/dev/full")
        cluster = Cluster(self, config, servers=1, workers=1)
        status = cluster.wait_for(lambda s: s["job"].get("examples", "0") != "0")
        self.assertIn("output.history", " ".join(status["problems"]))

    def test_the_end_of_patience_and_the_best_model(self):
        # Rates far too large: it gets worse.
        config = self.config("patience: 2, metric: logloss, keep_best: true", "epochs: 50, eval_every: 1")
        result = self.run_job(config + "optimizer: {type: ftrl, alpha: 0.5}\n")
        evaluations = self.evaluations()
        losses = [e["logloss"] for e in evaluations]
        best = losses.index(min(losses))
        self.assertLess(len(losses), 50)
        self.assertEqual(len(losses), best + 3)
        self.assertEqual(result["examples"], 20000 * len(losses))
        self.assertAlmostEqual(self.figures()["logloss"], losses[best], places=6)
        self.assertFalse(os.path.exists(self.path("model.safetensors.best")))

    def test_max_seconds(self):
        for consistency in ("{mode: ssp}", "{mode: bsp}"):
            with self.subTest(consistency=consistency):
                result = self.run_job(self.config("max_seconds: 1", "epochs: 1000000", consistency))
                self.assertEqual(result["state"], "Succeeded")
                self.assertGreater(result["eval"]["auc"], 0.6)
                self.assertAlmostEqual(self.figures()["auc"], result["eval"]["auc"], places=6)
                # The last partitions are cut off, and counted as far as they were read.
                self.assertEqual(self.evaluations()[-1]["examples"], result["examples"])

    def test_evaluations_while_the_workers_train(self):
        result = self.run_job(self.config("eval_examples: 30000", "epochs: 10"), "--workers", "3")
        self.assertEqual(result["examples"], 200000)
        evaluations = self.evaluations()
        self.assertGreater(len(evaluations), 2)
        self.assertGreater(evaluations[0]["auc"], 0.6)
        self.assertEqual(evaluations[-1]["examples"], 200000)

    def test_bsp_runs_are_the_same_to_the_bit(self):
        def model_of_a_run(seed):
            self.run_job(self.config(data="epochs: 3", consistency="{mode: bsp}"), "--workers", "3",
                         "--set", f"model.seed={seed}")
            with open(self.path("model.safetensors"), "rb") as file:
                return file.read()
        first = model_of_a_run(7)
        for _ in range(3):
            self.assertEqual(model_of_a_run(7), first)

    def test_training_goes_on_from_a_saved_model(self):
        # Dense tables too: bias has one row.
        first = self.run_job(self.config(data="epochs: 3"))
        os.rename(self.path("model.safetensors"), self.path("first.safetensors"))
        # With FTRL the parameters come from its state; nothing that is pushed moves them, so they stay.
        for optimizer in ("{type: ftrl, alpha: 1e-9}", "{type: sgd, learning_rate: 0}"):
            config = self.config(data="epochs: 1") + f"optimizer: {optimizer}\n"
            for shape in (("--servers", "1"), ("--servers", "3", "--set", "sharding.shards_per_table=5")):
                with self.subTest(optimizer=optimizer, shape=shape):
                    again = self.run_job(config, *shape, "--set", "model.init=first.safetensors")
                    self.assertAlmostEqual(again["eval"]["logloss"], first["eval"]["logloss"], places=5)

    def test_a_model_that_does_not_suit_is_refused_before_training(self):
        self.run_job(self.config(data="epochs: 1"))
        config = self.config(data="epochs: 1")
        other = self.run_job(config.replace("logistic_regression", "softmax_regression"), "--set",
                             "model.init=model.safetensors", expect=78)
        self.assertIn("model.init: ", other["message"])
        self.assertIn("model.type", other["message"])
        missing = self.run_job(config, "--set", "model.init=none.safetensors", expect=78)
        self.assertRegex(missing["message"], "model.init: .*none.safetensors")


if __name__ == "__main__":
    unittest.main()
