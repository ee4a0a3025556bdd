"""Runs paramd's programs as real processes, for tests."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from tests.testing.fault_proxy import FaultProxy
from tests.testing.programs import PARAMCTL, SERVER, WORKER

# Guards against a hang only; nothing is expected to take this long.
TIMEOUT_SECONDS = 240


def data_dir(name):
    """A folder of the real data, or skips the test."""
    root = os.environ.get("PARAMD_DATA")
    if not root:
        here = os.path.dirname(os.path.realpath(__file__))
        root = os.path.join(here, "../../../shared/data")
    path = os.path.realpath(os.path.join(root, name))
    if not os.path.isdir(path):
        raise unittest.SkipTest(f"no data in {path}; set PARAMD_DATA to the folder that holds {name}")
    return path


class ClusterTestCase(unittest.TestCase):
    """Gives every test a folder of its own and ends the processes that it leaves."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return self.path(name)

    def paramctl(self, *args, expect=0):
        """Runs paramctl to its end; returns the finished process."""
        done = subprocess.run([PARAMCTL, *args], capture_output=True, text=True, cwd=self.dir,
                              timeout=TIMEOUT_SECONDS, check=False)
        self.assertEqual(done.returncode, expect, f"{args}\n{done.stdout}\n{done.stderr}")
        return done

    def run_job(self, config, *flags, expect=0):
        """`paramctl run` of a configuration text; returns the JSON object that it ends with."""
        path = self.write("job.yaml", config)
        done = self.paramctl("run", path, "-o", "json", *flags, expect=expect)
        return json.loads(done.stdout.splitlines()[-1])


class Daemon:
    """A daemon that has said it is ready."""

    def __init__(self, name, command, log_dir, failpoints=""):
        self.name = name
        self.log = os.path.join(log_dir, name + ".log")
        environment = {**os.environ, "PARAMD_FAILPOINTS": failpoints}
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            self.process.wait()
            with open(self.log, encoding="utf-8") as log:
                raise AssertionError(f"{command} did not start: {line}\n{log.read()}")
        fields = dict(field.split("=", 1) for field in line.split()[1:])
        self.address = fields["address"]

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)

    def stop(self):
        """It stands still until cont()."""
        self.kill(signal.SIGSTOP)

    def cont(self):
        self.kill(signal.SIGCONT)

    def is_running(self):
        return self.process.poll() is None

    def ends_within(self, seconds):
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False

    def wait(self):
        return self.process.wait(TIMEOUT_SECONDS)

    def end(self):
        """Whatever state it is in, it is gone afterwards."""
        if self.is_running():
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def failpoints(program):
    """Names of the failpoints of a program."""
    done = subprocess.run([program], env={**os.environ, "PARAMD_FAILPOINTS": "list"}, capture_output=True, text=True,
                          timeout=TIMEOUT_SECONDS, check=True)
    return done.stdout.split()


class Cluster:
    """A coordinator, shard hosts and (unless the test brings its own) workers, each started by hand.

    `proxies`: "servers": what is between workers and a server goes through .proxies[server's name]; "coordinator": what
    is between a member and the coordinator goes through .proxies["coordinator/" + member's name]. `seed`: of the proxies.
    `network`: a tests.testing.netns.Network in which every daemon is a host of its own.
    """

    def __init__(self, test, config, servers, workers, start_workers=True, proxies=(), seed=0, network=None):
        self.test = test
        self.config = test.write("cluster.yaml", config)
        self.daemons = {}
        self.proxies = {}
        self.proxied = proxies
        self.seed = seed
        self.network = network
        test.addCleanup(self.stop)
        self.shape = ["--set", f"cluster.servers={servers}", "--set", f"cluster.workers={workers}"]
        # A port that was free a moment ago; members find the coordinator there again after a restart.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"{self._ip('coordinator')}:{free.getsockname()[1]}"
        self.coordinator = self._start_coordinator()
        self.servers = [self.start_server(f"server-{i}") for i in range(servers)]
        count = int(str(workers).split(":", maxsplit=1)[0])
        self.workers = [self.start_worker(f"worker-{i}") for i in range(count if start_workers else 0)]

    def _start_coordinator(self, **options):
        return self._start("coordinator", [SERVER, "--role", "coordinator", "--config", self.config,
                                           "--set", f"cluster.coordinator.address={self.address}", *self.shape],
                           **options)

    def restart_coordinator(self, **options):
        """Starts the coordinator, which has ended, again. `options`: as of Daemon."""
        self.coordinator = self._start_coordinator(**options)

    def start_server(self, name, listen=None, **options):
        """Starts a server; one of the same name has ended. `listen`: HOST:PORT instead of a free port. `options`: `prefix`
        of the command, and as of Daemon."""
        command = [SERVER, "--role", "shard_host", "--coordinator", self._coordinator_of(name), "--name", name,
                   "--listen", listen or f"{self._ip(name)}:0"]
        if "servers" not in self.proxied:
            return self._start(name, command, **options)
        proxy = self._proxy(name)
        server = self._start(name, [*command, "--advertise", proxy.address], **options)
        proxy.to(server.address)
        return server

    def start_worker(self, name, program=WORKER, flags=(), **options):
        return self._start(name, [program, "--coordinator", self._coordinator_of(name), "--name", name, *flags],
                           **options)

    def _coordinator_of(self, member):
        """Where a member finds the coordinator."""
        if "coordinator" not in self.proxied:
            return self.address
        proxy = self._proxy(f"coordinator/{member}")
        proxy.to(self.address)
        return proxy.address

    def _proxy(self, name):
        if name not in self.proxies:
            self.proxies[name] = FaultProxy(self.test, seed=self.seed + len(self.proxies))
        return self.proxies[name]

    def _ip(self, name):
        return self.network.host(name).ip if self.network else "127.0.0.1"

    def _within(self, name, command):
        """The command as the host of `name` runs it."""
        return [*self.network.host(name).prefix, *command] if self.network else command

    def _start(self, name, command, prefix=(), **options):
        if name in self.daemons:
            self.daemons[name].end()
        daemon = Daemon(name, self._within(name, [*prefix, *command]), self.test.dir, **options)
        self.daemons[name] = daemon
        return daemon

    def status(self):
        """ClusterStatus as a dictionary; None when the coordinator is not there."""
        command = self._within("coordinator", [PARAMCTL, "status", "--coordinator", self.address, "-o", "json"])
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
        return json.loads(done.stdout) if done.returncode in (0, 3) else None

    def wait_for(self, condition):
        """Asks for the status until condition(status) holds; returns that status."""
        while True:
            status = self.status()
            if status is not None and condition(status):
                return status
            if not self.coordinator.is_running():
                raise AssertionError(f"the coordinator ended: {self.logs()}")

    def logs(self):
        text = ""
        for daemon in self.daemons.values():
            with open(daemon.log, encoding="utf-8") as log:
                text += f"--- {daemon.name}\n" + log.read()
        return text

    def stop(self):
        for daemon in self.daemons.values():
            daemon.end()
