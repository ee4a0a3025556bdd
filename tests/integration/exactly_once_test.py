"""Every row of the training files is used exactly once in an epoch: counted by a model that adds rows up."""

import gzip
import random
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model

CONFIG = """
version: 1
cluster: {{name: count, servers: 2, workers: 2}}
consistency: {consistency}
model: {{type: feature_sum}}
optimizer: {{type: sgd, learning_rate: 1}}
data: {{train: [{files}], batch_size: {batch}, epochs: {epochs}, assignment: {assignment}}}
output: {{model: model.safetensors}}
"""


class ExactlyOnceTest(ClusterTestCase):
    def rows(self, first, count):
        """Row i has a feature of its own, with value 1, and feature 0 with value 2."""
        return "".join(f"1 0:2 {i + 1}:1\n" for i in range(first, first + count))

    def check(self, result, rows, epochs):
        self.assertEqual(result["examples"], rows * epochs)
        model = read_model(result["model"])
        np.testing.assert_array_equal(model["weights.keys"], np.arange(rows + 1, dtype=np.uint64))
        np.testing.assert_array_equal(model["weights.values"][1:, 0], epochs)
        self.assertEqual(model["weights.values"][0, 0], 2 * rows * epochs)

    def test_any_shape_of_cluster(self):
        self.write("a.libsvm", self.rows(0, 10007))
        for servers, workers in ((1, 1), (2, 2), (3, 4), (5, 3)):
            for consistency, assignment in (("{mode: asp}", "ranges"), ("{mode: ssp, staleness: 1}", "ranges"),
                                            ("{mode: ssp, staleness: 1}", "stripes")):
                with self.subTest(servers=servers, workers=workers, consistency=consistency, assignment=assignment):
                    config = CONFIG.format(consistency=consistency, assignment=assignment, files="a.libsvm", batch=97,
                                           epochs=3)
                    result = self.run_job(config, "--servers", str(servers), "--workers", str(workers))
                    self.check(result, 10007, 3)

    def test_files_of_all_kinds(self):
        self.write("a.libsvm", self.rows(0, 500).replace("\n", "\r\n"))
        self.write("b.libsvm", self.rows(500, 301).rstrip("\n"))
        self.write("empty.libsvm", "")
        with gzip.open(self.path("c.libsvm.gz"), "wt") as file:
            file.write(self.rows(801, 700))
        self.write("d.libsvm", "# a comment\n\n" + self.rows(1501, 1))
        for assignment in ("ranges", "stripes"):
            with self.subTest(assignment=assignment):
                config = CONFIG.format(consistency="{mode: asp}", assignment=assignment, batch=64, epochs=2,
                                       files="a.libsvm, b.libsvm, empty.libsvm, c.libsvm.gz, d.libsvm")
                self.check(self.run_job(config, "--workers", "3"), 1502, 2)

    def test_more_workers_than_rows(self):
        self.write("a.libsvm", self.rows(0, 2))
        config = CONFIG.format(consistency="{mode: asp}", files="a.libsvm", assignment="auto", batch=10, epochs=2)
        self.check(self.run_job(config, "--workers", "4"), 2, 2)

    def test_bad_records_are_skipped_and_the_rest_is_used(self):
        lines = self.rows(0, 3000).splitlines(keepends=True)
        lines.insert(random.Random(1).randrange(3000), "1 7:x\n")
        lines.insert(random.Random(2).randrange(3000), "nonsense\n")
        self.write("a.libsvm", "".join(lines))
        config = CONFIG.format(consistency="{mode: asp}", files="a.libsvm", assignment="auto", batch=10, epochs=1)
        self.check(self.run_job(config), 3000, 1)


if __name__ == "__main__":
    unittest.main()
