"""Every model in whole clusters: of any number of servers, and with every optimizer."""

import math
import statistics
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model
from tests.testing.workloads import OPTIMIZERS, SMALL_WORKLOADS


class ModelsTest(ClusterTestCase):
    def train(self, workload, *flags, **kwargs):
        """The held-out loss and the model."""
        result = self.run_job(workload.config(**kwargs), *flags)
        self.assertEqual(result["state"], "Succeeded")
        self.assertTrue(math.isfinite(result["eval"]["loss"]), result["eval"])
        return result["eval"]["loss"], read_model(result["model"])

    def test_as_good_on_three_servers_as_on_one(self):
        for name, workload in SMALL_WORKLOADS.items():
            with self.subTest(name=name):
                workload.write(self.dir)
                one, three = (statistics.median(self.train(workload, servers=servers)[0] for _ in range(3))
                              for servers in (1, 3))
                print(f"{name}: loss {one:.4f} on one server, {three:.4f} on three")
                self.assertAlmostEqual(three, one, delta=workload.tolerance * abs(one))

    def test_the_same_on_three_servers_as_on_one_in_synchronous_steps(self):
        for name, workload in SMALL_WORKLOADS.items():
            with self.subTest(name=name):
                workload.write(self.dir)
                one, first = self.train(workload, servers=1, consistency="{mode: bsp}")
                three, second = self.train(workload, servers=3, consistency="{mode: bsp}")
                self.assertEqual(three, one)
                for tensor, values in first.items():
                    np.testing.assert_array_equal(second[tensor], values, tensor)

    def test_no_optimizer_makes_nan(self):
        for name, workload in SMALL_WORKLOADS.items():
            if name == "kmeans":
                continue  # it takes no optimizer
            workload.write(self.dir)
            for optimizer in OPTIMIZERS:
                with self.subTest(name=name, optimizer=optimizer):
                    _, model = self.train(workload, optimizer=f"{{type: {optimizer}}}")
                    for tensor, values in model.items():
                        self.assertTrue(np.isfinite(values).all(), tensor)


if __name__ == "__main__":
    unittest.main()
