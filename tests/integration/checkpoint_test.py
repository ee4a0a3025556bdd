"""Everything is killed and goes on from a checkpoint, on other servers; every batch is in it once."""

import json
import os
import shutil
import unittest

import numpy as np

from tests.testing.counting import LEARNING, CountingTestCase, training
from tests.testing.safetensors import read_model


class CheckpointTest(CountingTestCase):
    def checkpoint(self, more="every: 200ms"):
        return f"checkpoint: {{dir: {self.dir}/checkpoints, {more}}}"

    def whole(self, count):
        return lambda s: int(s["checkpoint"]["number"]) >= count

    def kill_all(self, cluster):
        """At once, so that nobody finishes anything; the coordinator's state is gone too."""
        for daemon in cluster.daemons.values():
            daemon.kill()
        for daemon in cluster.daemons.values():
            daemon.wait()
        shutil.rmtree(self.path("state"))

    def listed(self):
        return json.loads(self.paramctl("checkpoint", "list", self.path("checkpoints"), "-o", "json").stdout)

    def test_everything_is_killed_and_goes_on_with_others(self):
        for consistency, servers in (("{mode: asp}", 5), ("{mode: ssp, staleness: 2}", 2), ("{mode: asp}", 1)):
            with self.subTest(consistency=consistency, servers=servers):
                cluster = self.cluster(consistency, epochs=60, sharding="", more=self.checkpoint())
                cluster.wait_for(training(5))
                cluster.wait_for(self.whole(3))
                self.kill_all(cluster)
                self.paramctl("checkpoint", "restore", self.path("checkpoints"))
                again = self.cluster(consistency, servers=servers, workers=2, epochs=60, sharding="", more=self.checkpoint())
                status = again.wait_for(training(2))
                self.assertGreaterEqual(int(status["checkpoint"]["restored_from"]), 3)
                self.check(again)
                shutil.rmtree(self.path("state"))
                shutil.rmtree(self.path("checkpoints"))

    def test_a_job_is_restored_twice(self):
        cluster = self.cluster("{mode: asp}", epochs=90, more=self.checkpoint("every: 100ms"))
        for servers in (2, 3):
            cluster.wait_for(training(2))
            before = int(cluster.status()["checkpoint"]["number"])
            cluster.wait_for(self.whole(before + 3))
            self.kill_all(cluster)
            self.paramctl("checkpoint", "restore", self.path("checkpoints"))
            cluster = self.cluster("{mode: asp}", servers=servers, epochs=90, more=self.checkpoint("every: 100ms"))
        self.check(cluster)

    def test_synchronous_training_goes_on_to_the_same_model(self):
        models = []
        for kill in (False, True):
            cluster = self.cluster("{mode: bsp}", servers=2, epochs=24, model=LEARNING, more=self.checkpoint())
            if kill:
                cluster.wait_for(self.whole(2))
                self.kill_all(cluster)
                self.paramctl("checkpoint", "restore", self.path("checkpoints"))
                cluster = self.cluster("{mode: bsp}", servers=3, epochs=24, model=LEARNING, more=self.checkpoint())
            self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
            models.append(read_model(self.path("model.safetensors")))
            shutil.rmtree(self.path("state"))
            shutil.rmtree(self.path("checkpoints"))
        for name, values in models[0].items():
            np.testing.assert_array_equal(values, models[1][name])

    def test_lost_shards_come_from_the_last_checkpoint(self):
        cluster = self.cluster("{mode: ssp, staleness: 2}", servers=2, epochs=100, sharding="replication: 1",
                               more=self.checkpoint())
        cluster.wait_for(self.whole(2))
        cluster.servers[1].kill()
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())
        counts = read_model(self.path("model.safetensors"))["weights.values"][1:, 0]
        # What was pushed to them since is lost, and nothing comes twice.
        self.assertLessEqual(counts.max(), 100)
        self.assertGreater(counts.min(), 0)
        self.assertGreater(np.count_nonzero(counts == 100), len(counts) // 4)

    def test_all_servers_are_lost_and_a_new_one_reads_the_last_checkpoint(self):
        cluster = self.cluster("{mode: asp}", servers=2, epochs=100, more=self.checkpoint())
        cluster.wait_for(self.whole(2))
        for server in cluster.servers:
            server.kill()
        cluster.wait_for(lambda s: all(server["state"] == "LOST" for server in s["servers"]))
        cluster.start_server("new-server")
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())

    def test_one_is_saved_when_asked_for_and_at_the_end(self):
        cluster = self.cluster("{mode: asp}", epochs=60, more=self.checkpoint("every: 0s, full_every: 2"))
        cluster.wait_for(training(2))
        said = [self.paramctl("checkpoint", "save", "--coordinator", cluster.address).stdout for _ in range(3)]
        self.assertEqual(said[2], f"checkpoint 3 is in {self.path('checkpoints')}\n")
        self.check(cluster)
        listed = self.listed()
        self.assertEqual([one["number"] for one in listed], [4, 3, 2, 1])
        self.assertEqual([one.get("parent") for one in listed], [3, None, 1, None])
        self.assertTrue(all(one["usable"] for one in listed), listed)
        self.assertIn("as it was written", self.paramctl("checkpoint", "verify", self.path("checkpoints")).stdout)
        # It is over; there is nothing left to do but to save the model.
        os.remove(self.path("model.safetensors"))
        shutil.rmtree(self.path("state"))
        self.paramctl("checkpoint", "restore", self.path("checkpoints"))
        self.check(self.cluster("{mode: asp}", servers=1, epochs=60, sharding="", more=self.checkpoint("every: 0s")))

    def test_what_is_damaged_is_not_restored(self):
        cluster = self.cluster("{mode: asp}", epochs=60, more=self.checkpoint("every: 0s, full_every: 1"))
        cluster.wait_for(training(2))
        for _ in range(2):
            self.paramctl("checkpoint", "save", "--coordinator", cluster.address)
        self.check(cluster)
        folder = self.path("checkpoints")
        last = max(name for name in os.listdir(folder) if name.isdigit())
        damaged = next(name for name in sorted(os.listdir(os.path.join(folder, last))) if name.endswith(".records"))
        path = os.path.join(folder, last, damaged)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        said = self.paramctl("checkpoint", "verify", folder, "--number", str(int(last)), expect=65).stderr
        self.assertIn(damaged, said)
        said = self.paramctl("checkpoint", "restore", folder)
        self.assertIn(damaged, said.stderr)
        self.assertIn(f"checkpoint {int(last) - 1} ", said.stdout)
        self.paramctl("checkpoint", "restore", folder, "--cancel")

    def test_a_folder_that_cannot_be_written_is_said_and_training_goes_on(self):
        self.write("checkpoints", "a file where the folder should be")
        cluster = self.cluster("{mode: asp}", epochs=60, more=self.checkpoint("every: 100ms"))
        cluster.wait_for(lambda s: any("checkpoint was not written" in p and "checkpoints" in p for p in s["problems"]))
        self.check(cluster)


if __name__ == "__main__":
    unittest.main()
