"""What happens when processes die in the middle."""

import signal
import unittest

from tests.testing.paramd_cluster import Cluster, ClusterTestCase, data_dir

# Long enough that it does not end before it is disturbed; the tests end what goes on for too long.
CONFIG = """
version: 1
cluster: {{name: failures, heartbeat: {{interval: 100ms, lease: 1s}}, linger: {linger},
          coordinator: {{store: {{dir: {dir}/state}}}}}}
consistency: {consistency}
model: {{type: logistic_regression}}
data: {{train: [{data}/train.libsvm], eval: [{data}/test.libsvm], batch_size: 64, epochs: {epochs}}}
output: {{model: {dir}/model.safetensors}}
"""


def training(status):
    """Training has passed its first epochs."""
    return int(status["job"].get("epoch", 0)) >= 2


class FailureTest(ClusterTestCase):
    def cluster(self, servers=2, workers=3, epochs=40, consistency="{mode: ssp, staleness: 4}", linger="0s"):
        config = CONFIG.format(data=data_dir("a9a"), dir=self.dir, epochs=epochs, consistency=consistency,
                               linger=linger)
        return Cluster(self, config, servers, workers)

    def test_others_finish_the_partitions_of_a_killed_worker(self):
        for consistency in ("{mode: asp}", "{mode: ssp, staleness: 2}", "{mode: bsp}"):
            with self.subTest(consistency=consistency):
                cluster = self.cluster(consistency=consistency)
                cluster.wait_for(training)
                cluster.workers[1].kill()
                self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
                self.assertEqual([w.wait() for w in cluster.workers], [0, -signal.SIGKILL, 0])
                self.assertEqual([s.wait() for s in cluster.servers], [0, 0])

    def test_a_worker_that_is_stopped_longer_than_its_lease_does_not_hold_the_others(self):
        cluster = self.cluster(epochs=60)
        cluster.wait_for(training)
        cluster.workers[0].kill(signal.SIGSTOP)
        cluster.wait_for(lambda s: any(w.get("state") == "LOST" for w in s["workers"]))
        cluster.workers[0].kill(signal.SIGCONT)
        # It is told that its lease is over and ends; the job goes on.
        self.assertEqual(cluster.workers[0].wait(), 1, cluster.logs())
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())

    def test_a_worker_that_comes_later_takes_part(self):
        cluster = self.cluster(workers="1:3")
        cluster.wait_for(training)
        late = cluster.start_worker("late")
        cluster.wait_for(lambda s: any(w["name"] == "late" and int(w["worker"].get("examples", 0)) > 0
                                       for w in s["workers"]))
        cluster.workers[0].kill()
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
        self.assertEqual(late.wait(), 0)

    def test_a_terminated_worker_leaves_in_good_order(self):
        cluster = self.cluster()
        cluster.wait_for(training)
        cluster.workers[2].kill(signal.SIGTERM)
        self.assertEqual(cluster.workers[2].wait(), 1)
        status = cluster.wait_for(lambda s: any(w.get("state") == "LEFT" for w in s["workers"]))
        self.assertFalse(status.get("problems"))
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())

    def test_a_terminated_coordinator_ends_everything(self):
        cluster = self.cluster(workers=2, epochs=100000)
        cluster.wait_for(training)
        cluster.coordinator.kill(signal.SIGTERM)
        self.assertEqual(cluster.coordinator.wait(), 1)
        for daemon in cluster.workers + cluster.servers:
            self.assertEqual(daemon.wait(), 1, cluster.logs())

    def test_a_killed_coordinator_starts_again_and_goes_on(self):
        cluster = self.cluster(epochs=30)
        cluster.wait_for(training)
        before = cluster.status()
        cluster.coordinator.kill()
        cluster.coordinator.wait()
        cluster.restart_coordinator()
        after = cluster.wait_for(training)
        self.assertGreaterEqual(int(after["job"]["epoch"]), int(before["job"]["epoch"]))
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
        self.assertEqual([w.wait() for w in cluster.workers], [0, 0, 0])


if __name__ == "__main__":
    unittest.main()
