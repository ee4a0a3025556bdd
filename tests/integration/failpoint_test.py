"""The coordinator dies at each write, fsync and rename, or gets an error there, and nothing is lost."""

import signal
import subprocess
import unittest

from tests.testing.oracle import OracleCluster
from tests.testing.paramd_cluster import ClusterTestCase, failpoints
from tests.testing.programs import PARAMCTL, SERVER, WORKER


def places():
    """Failpoints of the coordinator's store, and of files: the saved model's."""
    return [name for name in failpoints(SERVER) if name.startswith(("file.", "file_store.", "folder.", "atomic_file."))]


class FailpointTest(ClusterTestCase):
    def test_every_program_lists_its_failpoints_and_refuses_others(self):
        self.assertGreaterEqual(len(places()), 8)
        for program in (SERVER, WORKER, PARAMCTL):
            self.assertIn("atomic_file.rename", failpoints(program))
            for setting in ("nonsense", "file.write=explode"):
                done = subprocess.run([program], env={"PARAMD_FAILPOINTS": setting}, capture_output=True, text=True,
                                      check=False)
                self.assertEqual(done.returncode, 78)
                self.assertIn("PARAMD_FAILPOINTS", done.stderr)

    def cluster(self, setting, linger="0s"):
        """The coordinator has its failpoints set when training is under way and the store has files."""
        cluster = OracleCluster(self, "{mode: ssp, staleness: 2}", servers=1, linger=linger)
        cluster.wait_for_steps(10)
        cluster.coordinator.kill()
        cluster.coordinator.wait()
        cluster.restart_coordinator(failpoints=setting)
        cluster.start_oracle("late")
        return cluster

    def test_the_coordinator_dies_at_each_place(self):
        for place in places():
            with self.subTest(place=place):
                # It ends right after its restart, and members are to find it before that.
                cluster = self.cluster(f"{place}=abort", linger="3s")
                cluster.end_steps()
                self.assertEqual(cluster.coordinator.wait(), -signal.SIGABRT)
                cluster.restart_coordinator()
                cluster.wait_and_check()

    def test_the_store_cannot_be_written_for_a_while(self):
        for place in ("file_store.write", "file.write", "file.fsync"):
            with self.subTest(place=place):
                cluster = self.cluster(f"{place}=error:3:ENOSPC")
                cluster.wait_for_steps(10)
                cluster.finish()
                self.assertIn(f"failpoint {place}: error", cluster.logs())


if __name__ == "__main__":
    unittest.main()
