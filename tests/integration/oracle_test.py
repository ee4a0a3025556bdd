"""Nothing that was acknowledged is lost or doubled, whatever happens to workers and connections."""

import unittest

from tests.testing.oracle import OracleCluster
from tests.testing.paramd_cluster import ClusterTestCase

# Consistency and number of servers.
SHAPES = tuple((mode, servers) for mode in ("{mode: asp}", "{mode: ssp, staleness: 2}", "{mode: bsp}")
               for servers in (1, 3))
FEW_SHAPES = (("{mode: ssp, staleness: 2}", 1), ("{mode: bsp}", 3))


class OracleTest(ClusterTestCase):
    def clusters(self, workers, shapes=SHAPES, **options):
        """A cluster of each shape, in a sub-test of its own, that works, and finishes when its turn is over."""
        for consistency, servers in shapes:
            with self.subTest(consistency=consistency, servers=servers):
                cluster = OracleCluster(self, consistency, servers, workers, **options)
                cluster.wait_for_steps(20)
                yield cluster
                cluster.finish()

    def test_without_faults(self):
        for cluster in self.clusters(2):
            cluster.wait_for_steps(100)

    def test_a_worker_is_killed_and_another_one_comes(self):
        for cluster in self.clusters(2, lease="500ms"):
            cluster.kill_oracle("oracle-0")
            cluster.start_oracle("late")
            cluster.wait_for_steps(50)

    def test_all_workers_are_killed_and_others_come(self):
        for cluster in self.clusters(2, lease="500ms"):
            for name in cluster.living():
                cluster.kill_oracle(name)
            cluster.start_oracle("late")
            cluster.wait_for_steps(50)

    def test_connections_are_reset_in_the_middle_of_pushes(self):
        for cluster in self.clusters(2, proxies=("servers",)):
            for i in range(8):
                for server in cluster.servers:
                    # In the middle of a message, at another place each time.
                    cluster.proxies[server.name](f"reset_after up {1000 + 777 * i}")
                cluster.wait_for_steps(10)
            for server in cluster.servers:
                self.assertGreaterEqual(cluster.proxies[server.name].stats()["resets"], 8)

    def test_acknowledgements_are_dropped(self):
        for cluster in self.clusters(2, proxies=("servers",)):
            for i in range(8):
                for server in cluster.servers:
                    # Whatever comes next, in one piece or in two.
                    cluster.proxies[server.name](f"swallow down {1 + 30 * (i % 2)}")
                cluster.wait_for_steps(10)
            for server in cluster.servers:
                self.assertGreaterEqual(cluster.proxies[server.name].stats()["resets"], 8)

    def test_a_slow_network_is_no_reason_to_be_lost(self):
        for cluster in self.clusters(2, FEW_SHAPES, proxies=("servers", "coordinator"), lease="2s"):
            for proxy in cluster.proxies.values():
                proxy("delay both 200ms 100ms")
            # Longer than a lease.
            cluster.wait_for_steps(8)
            status = cluster.status()
            states = [member["state"] for member in status["workers"] + status["servers"]]
            self.assertEqual(states, ["ALIVE"] * len(states))
            for proxy in cluster.proxies.values():
                proxy("heal")

    def test_connections_end_on_one_side(self):
        for cluster in self.clusters(2, FEW_SHAPES, proxies=("servers",)):
            for way in ("up", "down"):
                cluster.proxies["server-0"](f"half_close {way}")
                cluster.wait_for_steps(10)


if __name__ == "__main__":
    unittest.main()
