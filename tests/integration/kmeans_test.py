"""k-means on generated blobs, held against the planted centres and scikit-learn."""

import json
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model

try:
    from sklearn.cluster import KMeans
except ImportError:
    KMeans = None

CONFIG = """
version: 1
cluster: {name: blobs, servers: 2, workers: 2}
consistency: {mode: MODE}
model: {type: kmeans, clusters: 12}
data: {format: csv, train: [blobs.csv], eval: [blobs.csv], batch_size: 256, epochs: 2}
output: {model: model.safetensors}
"""


def inertia(points, centres):
    """Mean squared distance of points to the nearest centre."""
    distances = ((points[:, None, :] - centres[None]) ** 2).sum(axis=2)
    return distances.min(axis=1).mean()


class KmeansTest(ClusterTestCase):
    def write_blobs(self):
        """12 blobs of unequal size, far from the origin, one behind the other in the file."""
        random = np.random.default_rng(3)
        centres = random.uniform(-10, 10, (12, 5)) + 1000
        sizes = random.integers(500, 3000, 12)
        points = np.concatenate([random.normal(c, 1.5, (n, 5)) for c, n in zip(centres, sizes)])
        np.savetxt(self.path("blobs.csv"), np.column_stack([np.zeros(len(points)), points]), fmt="%.5f", delimiter=",")
        return points, centres

    def test_blobs(self):
        points, planted = self.write_blobs()
        best = inertia(points, planted)
        if KMeans is None:
            print("python3-sklearn is not there: compared with the planted centres only")
        else:
            fitted = KMeans(12, n_init=10, random_state=0).fit(points)
            best = min(best, fitted.inertia_ / len(points))
        for mode in ("asp", "ssp", "bsp"):
            with self.subTest(mode=mode):
                result = self.run_job(CONFIG.replace("MODE", mode))
                loss = result["eval"]["loss"]
                print(f"{mode}: mean squared distance {loss:.4f}, best known {best:.4f}, ratio {loss / best:.4f}")
                self.assertLessEqual(loss, 1.02 * best)
                sums = read_model(result["model"])["sums"]
                self.assertAlmostEqual(inertia(points, sums[:, :-1] / sums[:, -1:]), loss, delta=1e-3 * loss)
                done = self.paramctl("evaluate", "--model", result["model"], "--data", "blobs.csv", "-o", "json")
                self.assertAlmostEqual(json.loads(done.stdout)["loss"], loss, delta=1e-4 * loss)

    def test_every_point_is_counted_once_an_epoch(self):
        points, _ = self.write_blobs()
        result = self.run_job(CONFIG.replace("MODE", "asp"), "--workers", "1")
        sums = read_model(result["model"])["sums"]
        # The sample has 256 points for each of the 12 clusters.
        self.assertEqual(sums[:, -1].sum(), 2 * len(points) + 12 * 256)

    def test_an_optimizer_has_no_meaning(self):
        path = self.write("job.yaml", CONFIG.replace("MODE", "asp") + "optimizer: {type: adagrad}\n")
        self.assertRegex(self.paramctl("run", path, expect=78).stderr, r"job\.yaml:8:\d+: optimizer\.type: .*kmeans")


if __name__ == "__main__":
    unittest.main()
