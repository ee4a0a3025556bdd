"""An etcd of a test's own."""

import os
import signal
import socket
import subprocess

ETCD = "/usr/bin/etcd"


def free_address():
    """host:port of this machine where nobody listens, a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


class Etcd:
    """One member, whose leases are one second or longer; its data are in the test's folder."""

    def __init__(self, test):
        if not os.path.exists(ETCD):
            test.skipTest("etcd-server is not installed; run deploy/install_deps.sh")
        self.address = free_address()
        self.peer = free_address()
        self.dir = test.path("etcd")
        self.process = None
        test.addCleanup(self.kill)
        self.start()

    def start(self):
        """Starts it, with the data that it had."""
        client, peer = f"http://{self.address}", f"http://{self.peer}"
        with open(self.dir + ".log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [ETCD, "--name=test", f"--data-dir={self.dir}", f"--listen-client-urls={client}",
                 f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}",
                 f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=test={peer}",
                 "--heartbeat-interval=10", "--election-timeout=100"], stdout=log, stderr=log)

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
