"""A TCP proxy that does to connections what networks do: tests/testing/fault_proxy as a process of its own."""

import subprocess

from tests.testing.programs import FAULT_PROXY


class FaultProxy:
    """A proxy to the server at `to` ("HOST:PORT"; without it connections are reset until to() says where), which ends
    with the test.

    Clients connect to .address. Commands are those of tests/testing/fault_proxy/command.h: proxy("delay both 200ms 100ms").
    """

    def __init__(self, test, to=None, seed=0):
        command = [FAULT_PROXY, "--seed", str(seed)]
        self.process = subprocess.Popen(command + (["--to", to] if to else []), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        test.addCleanup(self.stop)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            raise AssertionError(f"the proxy did not start: {line}")
        self.address = line.split()[1]

    def __call__(self, command):
        """Executes a command; returns what it answered behind "ok"."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer.startswith("ok"):
            raise ValueError(f"{command}: {answer or 'the proxy has ended'}")
        return answer[len("ok"):].strip()

    def to(self, address):
        self(f"to {address}")

    def stats(self):
        """Connections (open, accepted, resets), bytes that left (up, down) and those swallowed, as a dictionary of int."""
        return {name: int(value) for name, value in (field.split("=") for field in self("stats").split())}

    def wait_for(self, condition):
        """Asks for the stats until condition(stats) holds; returns them."""
        while True:
            stats = self.stats()
            if condition(stats):
                return stats

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
