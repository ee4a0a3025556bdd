"""Rounds of faults at random under the oracle; see run.sh."""

import argparse
import random
import sys
import time
import unittest

from tests.chaos.faults import FAULTS
from tests.testing.oracle import OracleCluster
from tests.testing.paramd_cluster import ClusterTestCase

CONSISTENCY = ("{mode: asp}", "{mode: ssp, staleness: 2}", "{mode: bsp}")
# What servers write to disks meanwhile.
DISKS = {
    "nothing": "",
    "checkpoints": "checkpoint: {{dir: {dir}/checkpoints, every: 200ms, full_every: 4}}",
    "log": "log: {{dir: {dir}/log, max_size: 1MiB}}",
}


class Round(ClusterTestCase):
    """A cluster, some faults one after the other, and the oracle at the end; what is chosen follows from the seed."""

    def __init__(self, seed):
        super().__init__("run_faults")
        self.seed = seed
        self.random = random.Random(seed)
        self.cluster = None
        self.disk = None

    def any_proxy(self):
        return self.cluster.proxies[self.random.choice(sorted(self.cluster.proxies))]

    def server_proxy(self):
        return self.cluster.proxies[self.random.choice(self.cluster.servers).name]

    def way(self):
        return self.random.choice(["up", "down", "both"])

    def run_faults(self):
        consistency = self.random.choice(CONSISTENCY)
        servers, workers = self.random.randrange(1, 4), self.random.randrange(1, 4)
        self.disk = self.random.choice(sorted(DISKS))
        faults = self.random.choices(sorted(FAULTS), k=self.random.randrange(3, 9))
        print(f"seed {self.seed}: {consistency}, {servers} servers, {workers} workers, {self.disk} on disk: "
              f"{', '.join(faults)}", flush=True)
        self.cluster = OracleCluster(self, consistency, servers, workers, seed=self.seed, more=DISKS[self.disk],
                                     proxies=("servers", "coordinator"))
        self.cluster.wait_for_steps(10)
        for name in faults:
            FAULTS[name](self)
            self.cluster.wait_for_steps(10)
        self.cluster.finish()
        if self.disk == "checkpoints":
            self.paramctl("checkpoint", "verify", f"{self.cluster.dir}/checkpoints")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="for how long rounds begin; there is always one")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of the first round")
    flags = parser.parse_args()
    start = time.monotonic()
    rounds = 0
    while rounds == 0 or time.monotonic() - start < flags.seconds:
        result = unittest.TestResult()
        seed = flags.seed + rounds
        Round(seed).run(result)
        for _, trace in result.failures + result.errors:
            print(trace)
        if not result.wasSuccessful():
            print(f"FAILED; again: tests/chaos/run.sh --seconds 0 --seed {seed}")
            return 1
        rounds += 1
    print(f"{rounds} rounds, seeds {flags.seed} to {flags.seed + rounds - 1}: every acknowledged step counts exactly once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
