"""A network of its own for a test: namespaces that a bridge connects, so that links can be taken down for real."""

import itertools
import os
import shutil
import subprocess
import unittest

_numbers = itertools.count()


def _ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Host:
    """A network namespace with one link to the bridge."""

    def __init__(self, namespace, link, ip):
        self.namespace = namespace
        self.link = link  # the bridge's end
        self.ip = ip
        # A command behind it runs on this host.
        self.prefix = ["ip", "netns", "exec", namespace]


class Network:
    """Hosts that reach one another and nothing else; all of it is gone after the test. The machine's own network is not
    touched. Skips the test where namespaces cannot be made."""

    def __init__(self, test):
        if os.geteuid() != 0:
            raise unittest.SkipTest("network namespaces need root")
        if shutil.which("ip") is None:
            raise unittest.SkipTest("network namespaces need the program ip (package iproute2)")
        self.name = f"paramd-{os.getpid()}-{next(_numbers)}"
        self.hosts = {}
        self.bridge = f"{self.name}-bridge"
        try:
            self._add_namespace(test, self.bridge)
            _ip("-n", self.bridge, "link", "add", "bridge", "type", "bridge")
            _ip("-n", self.bridge, "link", "set", "bridge", "up")
        except OSError as error:
            raise unittest.SkipTest(f"no network namespaces here: {error}") from error
        self.test = test

    def host(self, name):
        """The host of this name, made when it is first asked for."""
        if name not in self.hosts:
            number = len(self.hosts) + 1
            host = Host(f"{self.name}-{number}", f"link{number}", f"10.0.0.{number}")
            self._add_namespace(self.test, host.namespace)
            _ip("-n", self.bridge, "link", "add", host.link, "type", "veth", "peer", "name", "eth0", "netns",
                host.namespace)
            _ip("-n", self.bridge, "link", "set", host.link, "master", "bridge", "up")
            _ip("-n", host.namespace, "address", "add", f"{host.ip}/24", "dev", "eth0")
            _ip("-n", host.namespace, "link", "set", "eth0", "up")
            self.hosts[name] = host
        return self.hosts[name]

    def cut(self, name):
        """Nothing reaches the host or leaves it, without a word to either side, until heal(name)."""
        _ip("-n", self.bridge, "link", "set", self.hosts[name].link, "nomaster")

    def heal(self, name):
        _ip("-n", self.bridge, "link", "set", self.hosts[name].link, "master", "bridge")

    @staticmethod
    def _add_namespace(test, namespace):
        _ip("netns", "add", namespace)
        # Links go with their namespace.
        test.addCleanup(_ip, "netns", "delete", namespace)
        _ip("-n", namespace, "link", "set", "lo", "up")
