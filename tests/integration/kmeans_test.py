"""k-means on generated blobs, held against the planted centres and scikit-learn."""

import json
import unittest

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model
from tests.testing.workloads import blobs, config, inertia, write_blobs

try:
    from sklearn.cluster import KMeans
except ImportError:
    KMeans = None

def job(mode):
    return config("{type: kmeans, clusters: 12}", blobs(), consistency=f"{{mode: {mode}}}")


class KmeansTest(ClusterTestCase):
    def test_blobs(self):
        points, planted = write_blobs(self.dir)
        best = inertia(points, planted)
        if KMeans is None:
            print("python3-sklearn is not there: compared with the planted centres only")
        else:
            fitted = KMeans(12, n_init=10, random_state=0).fit(points)
            best = min(best, fitted.inertia_ / len(points))
        for mode in ("asp", "ssp", "bsp"):
            with self.subTest(mode=mode):
                result = self.run_job(job(mode))
                loss = result["eval"]["loss"]
                print(f"{mode}: mean squared distance {loss:.4f}, best known {best:.4f}, ratio {loss / best:.4f}")
                self.assertLessEqual(loss, 1.02 * best)
                sums = read_model(result["model"])["sums"]
                self.assertAlmostEqual(inertia(points, sums[:, :-1] / sums[:, -1:]), loss, delta=1e-3 * loss)
                done = self.paramctl("evaluate", "--model", result["model"], "--data", "blobs.csv", "-o", "json")
                self.assertAlmostEqual(json.loads(done.stdout)["loss"], loss, delta=1e-4 * loss)

    def test_every_point_is_counted_once_an_epoch(self):
        points, _ = write_blobs(self.dir)
        result = self.run_job(job("asp"), "--workers", "1")
        sums = read_model(result["model"])["sums"]
        # The sample has 256 points for each of the 12 clusters.
        self.assertEqual(sums[:, -1].sum(), 2 * len(points) + 12 * 256)

    def test_an_optimizer_has_no_meaning(self):
        path = self.write("job.yaml", job("asp") + "optimizer: {type: adagrad}\n")
        self.assertRegex(self.paramctl("run", path, expect=78).stderr, r"job\.yaml:7:\d+: optimizer\.type: .*kmeans")


if __name__ == "__main__":
    unittest.main()
