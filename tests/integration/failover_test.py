"""Servers die in the middle and nothing that was acknowledged is lost or doubled: counted by a model that adds rows up."""

import shutil
import signal
import unittest

import numpy as np

from tests.testing.counting import LEARNING, CountingTestCase, training
from tests.testing.safetensors import read_model


class FailoverTest(CountingTestCase):
    def test_a_server_is_killed(self):
        for consistency in ("{mode: asp}", "{mode: ssp, staleness: 2}"):
            with self.subTest(consistency=consistency):
                cluster = self.cluster(consistency)
                cluster.wait_for(training(3))
                cluster.servers[1].kill()
                self.check(cluster)

    def test_synchronous_steps_are_made_of_the_same_gradients(self):
        """Under bsp a run is the same to the bit, so it is whether servers die or not."""
        models = []
        for kill in (False, True):
            cluster = self.cluster("{mode: bsp}", epochs=30, model=LEARNING)
            if kill:
                cluster.wait_for(training(3))
                cluster.servers[1].kill()
            self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
            models.append(read_model(self.path("model.safetensors")))
            shutil.rmtree(self.path("state"))
        for name, values in models[0].items():
            np.testing.assert_array_equal(values, models[1][name])

    def test_one_server_after_the_other_is_killed(self):
        cluster = self.cluster("{mode: ssp, staleness: 2}", servers=4, epochs=120)
        for epoch, server in ((3, 2), (20, 0)):
            cluster.wait_for(training(epoch))
            cluster.servers[server].kill()
            # The second one only when the shards of the first have backups again.
            cluster.wait_for(lambda s, n=server: s["servers"][n]["state"] == "LOST" and
                             int(s["shards_filling"]) + int(s["shards_without_backup"]) == 0)
        self.check(cluster)

    def test_a_server_that_was_stopped_for_too_long_acknowledges_nothing_any_more(self):
        cluster = self.cluster("{mode: asp}", servers=2, epochs=120)
        cluster.wait_for(training(3))
        cluster.servers[0].kill(signal.SIGSTOP)
        cluster.wait_for(lambda s: s["servers"][0]["state"] == "LOST")
        cluster.servers[0].kill(signal.SIGCONT)
        self.assertEqual(cluster.servers[0].wait(), 1)
        self.check(cluster)

    def test_a_new_server_gets_the_backups_of_one_that_was_killed(self):
        cluster = self.cluster("{mode: asp}", servers=2, epochs=600)
        cluster.wait_for(training(3))
        cluster.servers[1].kill()
        cluster.wait_for(lambda s: int(s["shards_without_backup"]) > 0)
        cluster.start_server("server-1")
        cluster.wait_for(lambda s: int(s["shards_filling"]) + int(s["shards_without_backup"]) == 0)
        # It may take the place of the other one then.
        cluster.servers[0].kill()
        self.check(cluster)

    def log(self, fsync="interval"):
        return f"log: {{dir: {self.dir}/log, fsync: {fsync}}}"

    def test_a_server_comes_back_with_the_log_on_its_disk(self):
        for consistency, fsync in (("{mode: asp}", "interval"), ("{mode: ssp, staleness: 2}", "never")):
            with self.subTest(consistency=consistency, fsync=fsync):
                cluster = self.cluster(consistency, servers=2, epochs=200, sharding="replication: 1",
                                       more=self.log(fsync))
                for epoch in (3, 30):
                    cluster.wait_for(training(epoch))
                    cluster.servers[1].kill()
                    cluster.wait_for(lambda s: any("on its disk only" in p for p in s["problems"]))
                    cluster.servers[1] = cluster.start_server("server-1")
                self.check(cluster)

    def test_a_server_comes_back_with_its_log_and_steps_are_made_of_the_same_gradients(self):
        models = []
        for kill in (False, True):
            cluster = self.cluster("{mode: bsp}", servers=2, epochs=30, model=LEARNING, sharding="replication: 1",
                                   more=self.log("always"))
            if kill:
                cluster.wait_for(training(3))
                cluster.servers[1].kill()
                cluster.wait_for(lambda s: any("on its disk only" in p for p in s["problems"]))
                cluster.start_server("server-1")
            self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
            models.append(read_model(self.path("model.safetensors")))
            shutil.rmtree(self.path("state"))
        for name, values in models[0].items():
            np.testing.assert_array_equal(values, models[1][name])

    def test_both_replicas_are_killed_and_come_back_with_their_logs(self):
        cluster = self.cluster("{mode: asp}", servers=2, epochs=200, more=self.log())
        cluster.wait_for(training(3))
        for server in cluster.servers:
            server.kill()
        cluster.wait_for(lambda s: all(server["state"] == "LOST" for server in s["servers"]))
        for i in range(2):
            cluster.servers[i] = cluster.start_server(f"server-{i}")
        self.check(cluster)

    def test_without_a_backup_the_job_ends_and_names_the_server(self):
        cluster = self.cluster("{mode: asp}", servers=2, epochs=100000, sharding="replication: 1")
        cluster.wait_for(training(2))
        cluster.servers[1].kill()
        self.assertEqual(cluster.coordinator.wait(), 1)
        self.assertIn("server-1", cluster.logs())


if __name__ == "__main__":
    unittest.main()
