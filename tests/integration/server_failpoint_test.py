"""Servers die at each write, acknowledgement and change of the shard map, or get errors there, and nothing is lost or doubled."""

import ctypes
import json
import os
import resource
import signal
import subprocess
import unittest

from tests.testing.oracle import OracleCluster
from tests.testing.paramd_cluster import ClusterTestCase, failpoints
from tests.testing.programs import PARAMCTL, SERVER

CHECKPOINTS = "checkpoint: {{dir: {dir}/checkpoints, every: 100ms, full_every: 3, at_end: false}}"
LOG = "sharding: {{replication: 1}}\nlog: {{dir: {dir}/log, fsync: always, max_size: 1MiB}}"

# Places that a server comes to often: it dies when it has shards.
OFTEN = {"push.acknowledge": 40, "replica.take": 40, "replica.taken": 60, "view.apply": 4, "view.applied": 5,
         "checkpoint.write": 20, "checkpoint.fsync": 3}


def backed_up(status):
    return int(status["shards_filling"]) + int(status["shards_without_backup"]) == 0


def whole(count):
    return lambda status: int(status["checkpoint"]["number"]) >= count


def mount_in_own_namespace(test, path, options):
    """Mounts a tmpfs there, for this process and those that it starts."""
    clone_newns = 0x00020000
    if ctypes.CDLL(None).unshare(clone_newns) != 0:
        test.skipTest("mount namespaces want root")
    os.mkdir(path)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
    test.addCleanup(subprocess.run, ["umount", "-l", path], check=True)


def places(*prefixes):
    return [name for name in failpoints(SERVER) if name.startswith(prefixes)]


class ServerFailpointTest(ClusterTestCase):
    def each(self, names, test, **options):
        """test(name, cluster) for each name, in a sub-test and with a cluster of its own, which goes on and ends well."""
        self.assertGreater(len(names), 0)
        for i, name in enumerate(names):
            consistency = ("{mode: ssp, staleness: 2}", "{mode: bsp}")[i % 2]
            with self.subTest(name=name, consistency=consistency):
                cluster = OracleCluster(self, consistency, **{"servers": 2, "workers": 2, "lease": "500ms", **options})
                cluster.wait_for_steps(10)
                test(name, cluster)
                cluster.wait_for_steps(20)
                cluster.finish()

    def test_a_server_dies_at_each_place(self):
        def die(place, cluster):
            def drain(name):
                subprocess.run([PARAMCTL, "server", "drain", name, "--coordinator", cluster.address],
                               capture_output=True, check=False)

            fragile = cluster.start_server("fragile", failpoints=f"{place}=abort:{OFTEN.get(place, 2)}")
            drain("server-0")
            cluster.wait_for(lambda s: not fragile.is_running() or (s["servers"][0]["state"] == "LEFT" and backed_up(s)))
            # Each shard is on two of two servers. The one that stays fills the backups of those that the other one had.
            cluster.start_server("stays")
            drain("fragile" if place.startswith("move.") else "server-1")
            self.assertEqual(fragile.wait(), -signal.SIGABRT)
            cluster.start_server("new")
            cluster.wait_for(backed_up)

        names = places("push.", "replica.", "view.", "move.")
        self.assertGreaterEqual(len(names), 8)
        self.each(names, die)
        self.each(places("checkpoint.write", "checkpoint.fsync"), die, more=CHECKPOINTS)

    def test_a_server_dies_at_its_log_and_comes_back(self):
        def die(place, cluster):
            server = cluster.servers[1]
            server.kill()
            server.wait()
            server = cluster.start_server("server-1", failpoints=f"{place}=abort:{1 if place == 'log.segment' else 30}")
            self.assertEqual(server.wait(), -signal.SIGABRT)
            cluster.servers[1] = cluster.start_server("server-1")

        self.each(places("log."), die, more=LOG)

    def test_the_coordinator_dies_at_the_end_of_a_checkpoint(self):
        def die(place, cluster):
            cluster.coordinator.kill()
            cluster.coordinator.wait()
            cluster.restart_coordinator(failpoints=f"{place}=abort:2")
            self.assertEqual(cluster.coordinator.wait(), -signal.SIGABRT)
            cluster.restart_coordinator()
            before = int(cluster.wait_for(whole(1))["checkpoint"]["number"])
            cluster.wait_for(whole(before + 2))
            self.paramctl("checkpoint", "verify", os.path.join(cluster.dir, "checkpoints"))

        self.each(places("checkpoint.rename"), die, more=CHECKPOINTS)

    def test_a_checkpoint_that_cannot_be_written_is_said_and_the_next_one_can(self):
        def fail(place, cluster):
            setting = f"{place}=error:20:ENOSPC"
            if place == "checkpoint.rename":
                cluster.coordinator.kill()
                cluster.coordinator.wait()
                cluster.restart_coordinator(failpoints=setting)
            else:
                cluster.start_server("full-disk", failpoints=setting)
            cluster.wait_for(lambda s: any("checkpoint was not written" in p for p in s["problems"]))
            before = int(cluster.status()["checkpoint"]["number"])
            cluster.wait_for(whole(before + 2))

        self.each(["checkpoint.write", "checkpoint.fsync", "checkpoint.rename"], fail, more=CHECKPOINTS)

    def test_a_disk_that_stalls_holds_up_no_push(self):
        def stall(place, cluster):
            go_on = self.path("go-on")
            cluster.start_server("stalls", failpoints=f"{place}=stall:{go_on}")
            while not os.path.exists(go_on + ".reached"):
                cluster.wait_for_steps(1)
            before = int(cluster.status()["checkpoint"]["number"])
            cluster.wait_for_steps(100)
            self.assertLessEqual(int(cluster.status()["checkpoint"]["number"]), before)
            self.write("go-on", "")
            cluster.wait_for(whole(before + 1))

        self.each(["checkpoint.write"], stall, more=CHECKPOINTS)

    def test_a_full_disk(self):
        disk = self.path("disk")
        mount_in_own_namespace(self, disk, "size=2m")

        def fill(_, cluster):
            cluster.wait_for(whole(2))
            with open(os.path.join(disk, "filler"), "wb", buffering=0) as filler:
                with self.assertRaises(OSError):
                    while True:
                        filler.write(bytes(4096))
            full = cluster.wait_for(lambda s: any("No space left" in p for p in s["problems"]))
            cluster.wait_for_steps(100)
            self.paramctl("checkpoint", "verify", os.path.join(disk, "checkpoints"))
            os.remove(os.path.join(disk, "filler"))
            cluster.wait_for(whole(int(full["checkpoint"]["number"]) + 1))
            cluster.wait_for(lambda s: not s["problems"])

        self.each(["tmpfs"], fill, more=CHECKPOINTS.replace("{dir}/checkpoints", f"{disk}/checkpoints"))

    def test_a_limit_of_the_size_of_files(self):
        """A write is cut short: that checkpoint fails, the ones before are whole."""
        def limit(_, cluster):
            folder = os.path.join(cluster.dir, "checkpoints")
            cluster.wait_for(whole(2))
            server = cluster.servers[0].process.pid
            resource.prlimit(server, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            cluster.wait_for(lambda s: any("checkpoint was not written" in p for p in s["problems"]))
            listed = json.loads(self.paramctl("checkpoint", "list", folder, "-o", "json").stdout)
            self.assertTrue(listed[0]["usable"], listed)
            self.paramctl("checkpoint", "verify", folder)
            resource.prlimit(server, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            cluster.wait_for(whole(int(listed[0]["number"]) + 1))

        self.each(["file size limit"], limit, more=CHECKPOINTS)

    def test_fifty_kills(self):
        def kill(_, cluster):
            for i in range(50):
                cluster.wait_for(backed_up)
                cluster.servers.append(cluster.start_server(f"again-{i}"))
                server = cluster.servers.pop(0)
                server.kill()
                server.wait()
                cluster.wait_for_steps(2)

        self.each(["kill -9"], kill)

    def test_a_server_whose_clock_is_an_hour_ahead(self):
        """In a time namespace of its own: leases are durations, and no message has a time in it."""
        if subprocess.run(["unshare", "--time", "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("time namespaces want root")

        def lead(_, cluster):
            server = cluster.start_server("ahead", prefix=("unshare", "--time", "--boottime", "3600",
                                                           "--monotonic", "3600"))
            cluster.wait_for(backed_up)
            cluster.servers[0].kill()
            cluster.wait_for(lambda s: s["servers"][0]["state"] == "LOST" and backed_up(s))
            self.assertTrue(server.is_running())
            cluster.wait_for_steps(20)
            server.stop()
            cluster.wait_for(lambda s: any(m["name"] == "ahead" and m["state"] == "LOST" for m in s["servers"]))
            server.cont()
            self.assertEqual(server.wait(), 1)

        self.each(["time namespace"], lead)


if __name__ == "__main__":
    unittest.main()
