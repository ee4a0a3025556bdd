"""A coordinator that stands by: what happens when the one that leads, or etcd, goes away.

The model adds up rows, so that the result says whether each was used exactly once in each epoch.
"""

import json
import signal
import subprocess
import unittest

import numpy as np

from tests.testing.etcd import Etcd, free_address
from tests.testing.paramd_cluster import PARAMCTL, SERVER, TIMEOUT_SECONDS, WORKER, ClusterTestCase, Daemon
from tests.testing.safetensors import read_model

ROWS = 10007
CONFIG = """
version: 1
cluster: {{name: standby, servers: 2, workers: 2, heartbeat: {{interval: 100ms, lease: 1s}}, linger: {linger},
          coordinator: {{store: {{type: etcd, endpoints: ["{etcd}"]}}}}}}
consistency: {{mode: asp}}
model: {{type: feature_sum}}
optimizer: {{type: sgd, learning_rate: 1}}
data: {{train: [rows.libsvm], batch_size: 97, epochs: {epochs}}}
output: {{model: model.safetensors}}
"""


def training(status):
    """Training has passed its first epochs."""
    return int(status["job"].get("epoch", 0)) >= 3


class StandbyTest(ClusterTestCase):
    def start(self, epochs, role="coordinator", linger="0s"):
        """A coordinator that leads, one that stands by, two servers and two workers."""
        self.etcd = Etcd(self)
        self.epochs = epochs
        self.write("rows.libsvm", "".join(f"1 0:2 {i + 1}:1\n" for i in range(ROWS)))
        self.config = self.write("cluster.yaml", CONFIG.format(etcd=self.etcd.address, epochs=epochs, linger=linger))
        self.daemons = []
        self.addCleanup(self.stop)
        self.addresses = [free_address(), free_address()]
        self.leader = self.start_coordinator(0, role)
        self.wait_for(lambda status: True, self.addresses[0])
        self.standby = self.start_coordinator(1, role)
        list_of_them = ",".join(self.addresses)
        count = 2 if role == "coordinator" else 0
        self.servers = [self.daemon(f"server-{i}", SERVER, "--role", "shard_host", "--coordinator", list_of_them)
                        for i in range(count)]
        self.workers = [self.daemon(f"worker-{i}", WORKER, "--coordinator", list_of_them) for i in range(2)]

    def start_coordinator(self, index, role):
        return self.daemon(f"coordinator-{index}", SERVER, "--role", role, "--config", self.config,
                           "--set", f"cluster.coordinator.address={self.addresses[index]}")

    def daemon(self, name, program, *args):
        daemon = Daemon(name, [program, *args, "--name", name], self.dir)
        self.daemons.append(daemon)
        return daemon

    def stop(self):
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.process.kill()
            daemon.process.wait()
            daemon.process.stdout.close()

    def status(self, coordinators=None):
        """The answer of whoever leads; None when nobody does."""
        done = subprocess.run([PARAMCTL, "status", "--coordinator", coordinators or ",".join(self.addresses), "-o",
                               "json"], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
        return json.loads(done.stdout) if done.returncode in (0, 3) else None

    def wait_for(self, condition, coordinators=None):
        while True:
            status = self.status(coordinators)
            if status is not None and condition(status):
                return status
            if all(daemon.process.poll() is not None for daemon in self.daemons):
                self.fail(self.logs())

    def log(self, daemon):
        with open(daemon.log, encoding="utf-8") as log:
            return log.read()

    def logs(self):
        return "".join(f"--- {daemon.name}\n{self.log(daemon)}" for daemon in self.daemons)

    def check_end(self, coordinators):
        """Everybody has ended well, and each row was used once in each epoch."""
        for daemon in [*self.workers, *self.servers, *coordinators]:
            self.assertEqual(daemon.wait(), 0, f"{daemon.name}\n{self.logs()}")
        model = read_model(self.path("model.safetensors"))
        np.testing.assert_array_equal(model["weights.keys"], np.arange(ROWS + 1, dtype=np.uint64))
        np.testing.assert_array_equal(model["weights.values"][1:, 0], self.epochs)
        self.assertEqual(model["weights.values"][0, 0], 2 * ROWS * self.epochs)

    def test_the_standby_leads_when_the_leader_is_killed(self):
        self.start(epochs=60)
        self.wait_for(training)
        # Whoever asks the one that stands by is told by the other.
        before = self.status(self.addresses[1])
        self.assertGreaterEqual(int(before["job"]["epoch"]), 3)
        self.leader.kill()
        after = self.wait_for(lambda status: True, self.addresses[1])
        self.assertGreaterEqual(int(after["job"]["epoch"]), int(before["job"]["epoch"]))
        self.assertEqual([m["id"] for m in after["workers"]], [m["id"] for m in before["workers"]])
        self.check_end([self.standby])
        self.assertNotIn("is lost", self.logs())

    def test_a_leader_that_was_stopped_longer_than_its_lease_stands_by(self):
        self.start(epochs=120)
        self.wait_for(training)
        self.leader.kill(signal.SIGSTOP)
        # Not by status: the one that stands by may still name the one that does not answer.
        while "this coordinator leads" not in self.log(self.standby):
            pass
        self.leader.kill(signal.SIGCONT)
        # The job's end ends it too.
        self.check_end([self.standby, self.leader])
        self.assertIn("this coordinator stands by", self.log(self.leader))
        self.assertNotIn("is lost", self.logs())

    def test_etcd_may_be_away_for_longer_than_the_lease(self):
        self.start(epochs=60)
        self.wait_for(training)
        self.etcd.kill()
        status = self.wait_for(lambda s: any("the lease in etcd was not renewed" in problem
                                             for problem in s.get("problems", [])))
        self.assertEqual(status["job"]["state"], "RUNNING")
        self.etcd.start()
        self.check_end([self.leader, self.standby])
        self.assertNotIn("is lost", self.logs())

    def test_any_server_may_lead(self):
        self.start(epochs=5, role="coordinator,shard_host")
        self.check_end([self.leader, self.standby])

    def test_ending_the_leader_in_good_order_ends_the_job_for_all(self):
        self.start(epochs=100000)
        self.wait_for(training)
        self.leader.kill(signal.SIGTERM)
        for daemon in self.daemons:
            self.assertEqual(daemon.wait(), 1, self.logs())


if __name__ == "__main__":
    unittest.main()
