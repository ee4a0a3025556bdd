"""Runs paramd's programs as real processes, for tests."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

# Bazel runs a program in a folder that has the others built; a checkout has them in bazel-bin.
_ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = _ROOT if os.path.exists(os.path.join(_ROOT, "server/paramd_server")) else os.path.join(_ROOT, "bazel-bin")
SERVER = os.path.join(BIN, "server/paramd_server")
WORKER = os.path.join(BIN, "worker/paramd_worker")
PARAMCTL = os.path.join(BIN, "deploy/paramctl/paramctl")

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

    def __init__(self, name, command, log_dir):
        self.name = name
        self.log = os.path.join(log_dir, name + ".log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            self.process.wait()
            with open(self.log, encoding="utf-8") as log:
                raise AssertionError(f"{command} did not start: {line}\n{log.read()}")
        fields = dict(field.split("=", 1) for field in line.split()[1:])
        self.address = fields["address"]

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)

    def wait(self):
        return self.process.wait(TIMEOUT_SECONDS)


class Cluster:
    """A coordinator, shard hosts and (unless the test brings its own) workers, each started by hand."""

    def __init__(self, test, config, servers, workers, start_workers=True):
        self.test = test
        self.config = test.write("cluster.yaml", config)
        self.daemons = {}
        test.addCleanup(self.stop)
        self.shape = ["--set", f"cluster.servers={servers}", "--set", f"cluster.workers={workers}"]
        # A port that was free a moment ago; members find the coordinator there again after a restart.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.coordinator = self._start_coordinator()
        self.servers = [self.start_server(f"server-{i}") for i in range(servers)]
        count = int(str(workers).split(":", maxsplit=1)[0])
        self.workers = [self.start_worker(f"worker-{i}") for i in range(count if start_workers else 0)]

    def _start_coordinator(self):
        return self._start("coordinator", [SERVER, "--role", "coordinator", "--config", self.config,
                                           "--set", f"cluster.coordinator.address={self.address}", *self.shape])

    def restart_coordinator(self):
        """Starts the coordinator, which has ended, again."""
        self.coordinator.process.stdout.close()
        self.coordinator = self._start_coordinator()

    def start_server(self, name):
        return self._start(name, [SERVER, "--role", "shard_host", "--coordinator", self.address, "--name", name])

    def start_worker(self, name):
        return self._start(name, [WORKER, "--coordinator", self.address, "--name", name])

    def _start(self, name, command):
        daemon = Daemon(name, command, self.test.dir)
        self.daemons[name] = daemon
        return daemon

    def status(self):
        """ClusterStatus as a dictionary; None when the coordinator is not there."""
        done = subprocess.run([PARAMCTL, "status", "--coordinator", self.address, "-o", "json"],
                              capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
        return json.loads(done.stdout) if done.returncode in (0, 3) else None

    def wait_for(self, condition):
        """Asks for the status until condition(status) holds; returns that status."""
        while True:
            status = self.status()
            if status is not None and condition(status):
                return status
            if self.coordinator.process.poll() is not None:
                raise AssertionError(f"the coordinator ended: {self.logs()}")

    def logs(self):
        text = ""
        for daemon in self.daemons.values():
            with open(daemon.log, encoding="utf-8") as log:
                text += f"--- {daemon.name}\n" + log.read()
        return text

    def stop(self):
        for daemon in self.daemons.values():
            if daemon.process.poll() is None:
                daemon.process.kill()
            daemon.process.wait()
            daemon.process.stdout.close()
