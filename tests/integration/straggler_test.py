"""A worker that is much slower than the others, with and without help."""

import threading
import unittest

import numpy as np

from tests.testing.counting import ROWS, CountingTestCase, training
from tests.testing.safetensors import read_model


class SlowDown:
    """Until end() a daemon runs for a small part of the time."""

    def __init__(self, test, daemon):
        self.daemon = daemon
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        test.addCleanup(self.end)

    def run(self):
        while self.daemon.is_running() and not self.ended.is_set():
            self.daemon.stop()
            self.ended.wait(0.3)
            self.daemon.cont()
            self.ended.wait(0.01)

    def end(self):
        self.ended.set()
        self.thread.join()


class StragglerTest(CountingTestCase):
    def test_what_a_straggler_does_last_others_do_as_well(self):
        """Its partition is completed by another one, and it goes on to the end of the job."""
        cluster = self.cluster("{mode: asp}", servers=1, workers=3, epochs=400, sharding="replication: 1",
                               more="training: {straggler: {backup: true}}")
        cluster.wait_for(training(2))
        slow = cluster.workers[1]
        slow_down = SlowDown(self, slow)
        helped = "another worker has completed a partition of this one"
        while helped not in self.log_of(slow) and cluster.coordinator.is_running():
            cluster.status()
        slow_down.end()
        self.assertIn(helped, self.log_of(slow), cluster.logs())
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
        self.assertEqual([worker.wait() for worker in cluster.workers], [0] * 3, cluster.logs())
        counts = read_model(self.path("model.safetensors"))["weights.values"][1:, 0]
        # Nothing is missing. What two workers have pushed of a partition counts twice.
        self.assertEqual(len(counts), ROWS)
        self.assertGreaterEqual(counts.min(), self.epochs)
        self.assertGreater(np.count_nonzero(counts == self.epochs), 0)

    def log_of(self, daemon):
        with open(daemon.log, encoding="utf-8") as file:
            return file.read()


if __name__ == "__main__":
    unittest.main()
