"""Hosts that are cut off from the others, in network namespaces."""

import time
import unittest

from tests.testing.netns import Network
from tests.testing.oracle import OracleCluster
from tests.testing.paramd_cluster import ClusterTestCase


class NetworkTest(ClusterTestCase):
    def cluster(self, **options):
        # Before the cluster: it goes after the processes in it.
        network = Network(self)
        cluster = OracleCluster(self, "{mode: ssp, staleness: 2}", servers=2, workers=2, network=network, **options)
        cluster.wait_for_steps(20)
        return cluster, network

    def test_short_cuts_lose_nothing_and_nobody(self):
        cluster, network = self.cluster(lease="5s")
        for name in ("server-0", "oracle-0", "coordinator", "server-1"):
            network.cut(name)
            time.sleep(0.3)
            network.heal(name)
            cluster.wait_for_steps(10)
        status = cluster.status()
        states = [member["state"] for member in status["workers"] + status["servers"]]
        self.assertEqual(states, ["ALIVE"] * len(states))
        cluster.finish()

    def test_a_worker_that_is_cut_off_for_longer_than_its_lease_is_replaced(self):
        cluster, network = self.cluster(lease="1s")
        network.cut("oracle-0")
        cluster.wait_for(lambda s: any(w["name"] == "oracle-0" and w.get("state") == "LOST" for w in s["workers"]))
        cluster.kill_oracle("oracle-0")
        cluster.start_oracle("late")
        cluster.wait_for_steps(20)
        cluster.finish()

    def test_a_coordinator_out_of_reach_stops_nobody(self):
        cluster, network = self.cluster(lease="5s")
        network.cut("coordinator")
        # Many more than are under way.
        cluster.wait_for_steps(50)
        network.heal("coordinator")
        cluster.finish()


if __name__ == "__main__":
    unittest.main()
