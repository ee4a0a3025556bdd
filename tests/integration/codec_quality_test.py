"""That values in fewer bytes train to the same quality: held-out AUC beside the float32 run of the same settings."""

import os
import unittest

from tests.testing.paramd_cluster import ClusterTestCase, data_dir

# How far the AUC may be from that of float32, and the settings.
CODECS = {
    "bf16": (0.0005, ["transport.push.values=bf16", "transport.pull.values=bf16"]),
    "int8": (0.001, ["transport.push.values=int8"]),
    "top_k": (0.003, ["transport.push.values=top_k", "transport.push.fraction=0.1"]),
}


class CodecQuality(ClusterTestCase):
    """Compares every codec with float32. Subclasses have config(), and LEAST_AUC, which float32 must reach."""

    def auc(self, config, servers, workers, settings=()):
        flags = [word for setting in settings for word in ("--set", setting)]
        result = self.run_job(config, "--servers", str(servers), "--workers", str(workers), *flags)
        self.assertEqual(result["state"], "Succeeded")
        return result["eval"]["auc"]

    def compare(self, servers, workers):
        config = self.config()
        exact = self.auc(config, servers, workers)
        self.assertGreater(exact, self.LEAST_AUC)
        for name, (bound, settings) in CODECS.items():
            with self.subTest(codec=name):
                auc = self.auc(config, servers, workers, settings)
                self.assertLessEqual(abs(auc - exact), bound)
                # The same to the last digit would mean that nothing was encoded.
                self.assertNotEqual(auc, exact)

    def test_one_server_and_one_worker(self):
        self.compare(1, 1)

    def test_two_servers_and_two_workers(self):
        self.compare(2, 2)


def job(train, test, batch, epochs):
    # Synchronous steps: the same figures in every run.
    return f"""
version: 1
cluster: {{name: codecs}}
consistency: {{mode: bsp}}
model: {{type: logistic_regression, seed: 42}}
optimizer: {{type: ftrl, alpha: 0.05, beta: 1.0, l1: 0.0, l2: 1.0}}
data: {{format: libsvm, train: [{train}], eval: [{test}], batch_size: {batch}, epochs: {epochs}}}
"""


class A9aTest(CodecQuality):
    # LIBLINEAR's optimum: 0.9022.
    LEAST_AUC = 0.901

    def config(self):
        folder = data_dir("a9a")
        return job(os.path.join(folder, "train.libsvm"), os.path.join(folder, "test.libsvm"), 128, 5)


class ClickLogTest(CodecQuality):
    # The best that can be known of this log: 0.7907.
    LEAST_AUC = 0.78

    def config(self):
        self.paramctl("data", "generate", "--out", self.path("clicks"))
        return job(self.path("clicks/train.libsvm"), self.path("clicks/test.libsvm"), 256, 3)


# Not a test of its own.
del CodecQuality

if __name__ == "__main__":
    unittest.main()
