"""Each fault of the proxy, between a client and an echo server."""

import random
import socket
import threading
import time
import unittest

from tests.testing.fault_proxy import FaultProxy

# Guards against a hang only.
TIMEOUT_SECONDS = 60


class EchoServer:
    """Sends back what comes, on any number of connections, and remembers how each ended."""

    def __init__(self, test):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.threads = []
        self.ends = []
        self.received = bytearray()
        self.acceptor = threading.Thread(target=self._accept)
        self.acceptor.start()
        test.addCleanup(self.stop)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._echo, args=[connection])
            thread.start()
            self.threads.append(thread)

    def _echo(self, connection):
        with connection:
            try:
                while data := connection.recv(65536):
                    self.received += data
                    connection.sendall(data)
                self.ends.append("end")
            except OSError:
                self.ends.append("reset")

    def wait_for_ends(self):
        """How the connections so far ended; waits until they have."""
        for thread in self.threads:
            thread.join(TIMEOUT_SECONDS)
        return self.ends

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.acceptor.join()
        self.wait_for_ends()


class FaultProxyTest(unittest.TestCase):
    def setUp(self):
        self.server = EchoServer(self)
        self.proxy = FaultProxy(self, self.server.address, seed=7)

    def connect(self):
        host, port = self.proxy.address.split(":")
        client = socket.create_connection((host, int(port)), TIMEOUT_SECONDS)
        self.addCleanup(client.close)
        return client

    def receive(self, client, size):
        data = bytearray()
        while len(data) < size:
            part = client.recv(size - len(data))
            if not part:
                break
            data += part
        return bytes(data)

    def echo(self, client, data):
        sender = threading.Thread(target=client.sendall, args=[data])
        sender.start()
        answer = self.receive(client, len(data))
        sender.join()
        self.assertEqual(answer, data)

    def assert_reset(self, client):
        with self.assertRaises(ConnectionResetError):
            while client.recv(65536):
                pass

    def nothing_comes(self, client):
        """Whether nothing has come yet."""
        client.setblocking(False)
        try:
            client.recv(1)
            return False
        except BlockingIOError:
            return True
        finally:
            client.settimeout(TIMEOUT_SECONDS)

    def test_without_faults_everything_arrives_as_it_was(self):
        clients = [self.connect() for _ in range(3)]
        for size in (1, 70000, 3000000):
            for i, client in enumerate(clients):
                self.echo(client, random.Random(size + i).randbytes(size))
        clients[0].shutdown(socket.SHUT_WR)
        self.assertEqual(clients[0].recv(1), b"")
        stats = self.proxy.wait_for(lambda s: s["open"] == 2)
        self.assertEqual(stats["accepted"], 3)
        self.assertEqual(stats["up"], 3 * 3070001)
        self.assertEqual(stats["down"], 3 * 3070001)
        self.assertEqual(stats["resets"], 0)

    def test_delays_keep_the_order(self):
        self.proxy("delay both 20ms 19ms")
        client = self.connect()
        start = time.monotonic()
        sent = bytes(i % 251 for i in range(300))
        for i in range(300):
            client.sendall(sent[i:i + 1])
        self.assertEqual(self.receive(client, 300), sent)
        # 1 ms each way at least, whatever the machine does.
        self.assertGreaterEqual(time.monotonic() - start, 0.002)

    def test_a_delay_is_never_less_than_it_says(self):
        self.proxy("delay down 300ms 100ms")
        client = self.connect()
        start = time.monotonic()
        self.echo(client, b"x")
        self.assertGreaterEqual(time.monotonic() - start, 0.2)

    def test_a_throttle_lets_no_more_through(self):
        self.proxy("throttle up 1000000")
        client = self.connect()
        start = time.monotonic()
        self.echo(client, bytes(300000))
        # 20 ms of it may come at once.
        self.assertGreaterEqual(time.monotonic() - start, 0.28)

    def test_a_cut_holds_one_way_until_it_is_healed(self):
        client = self.connect()
        self.echo(client, b"before")
        self.proxy("cut down")
        client.sendall(b"held")
        self.proxy.wait_for(lambda s: s["up"] == 10)
        self.assertTrue(self.nothing_comes(client))
        self.proxy("heal")
        self.assertEqual(self.receive(client, 4), b"held")
        self.proxy("cut up")
        client.sendall(b"later")
        self.assertEqual(self.proxy.stats()["up"], 10)
        self.proxy("heal")
        self.assertEqual(self.receive(client, 5), b"later")

    def test_a_cut_holds_the_end_of_a_connection_too(self):
        client = self.connect()
        self.echo(client, b"x")
        self.proxy("cut up")
        client.close()
        self.assertEqual(self.proxy.stats()["open"], 1)
        self.assertEqual(self.server.ends, [])
        self.proxy("heal")
        self.assertEqual(self.server.wait_for_ends(), ["end"])

    def test_what_was_swallowed_does_not_come_back(self):
        client, other = self.connect(), self.connect()
        self.echo(client, b"x")
        self.proxy("swallow down")
        client.sendall(b"lost")
        self.proxy.wait_for(lambda s: s["swallowed"] == 4)
        self.proxy("heal")
        # A stream with a hole would be no stream.
        self.assert_reset(client)
        self.assertEqual(bytes(self.server.received), b"xlost")
        self.echo(other, b"y")

    def test_an_answer_is_dropped_and_then_the_connection(self):
        client = self.connect()
        self.echo(client, b"x")
        self.proxy("swallow down 4")
        client.sendall(b"lost")
        self.assert_reset(client)
        self.assertEqual(bytes(self.server.received), b"xlost")
        self.echo(self.connect(), b"y")

    def test_what_was_swallowed_of_several_connections_ends_them_all(self):
        client, other, third = self.connect(), self.connect(), self.connect()
        for one in (client, other, third):
            self.echo(one, b"x")
        self.proxy("swallow down 10")
        client.sendall(b"lost")
        self.proxy.wait_for(lambda s: s["swallowed"] == 4)
        other.sendall(b"lost too")
        self.assert_reset(other)
        self.assert_reset(client)
        self.echo(third, b"y")

    def test_reset_in_the_middle(self):
        client = self.connect()
        self.proxy("reset_after up 1000000")
        with self.assertRaises(OSError):
            while True:
                client.sendall(bytes(100000))
                client.settimeout(0)
                try:
                    client.recv(1 << 20)
                except BlockingIOError:
                    pass
                client.settimeout(TIMEOUT_SECONDS)
        stats = self.proxy.wait_for(lambda s: s["open"] == 0)
        self.assertEqual((stats["up"], stats["resets"]), (1000000, 1))
        # Once only.
        self.echo(self.connect(), bytes(2000000))

    def test_reset_takes_all_connections(self):
        clients = [self.connect() for _ in range(3)]
        for client in clients:
            self.echo(client, b"x")
        self.proxy("reset")
        for client in clients:
            self.assert_reset(client)
        self.assertEqual(self.server.wait_for_ends(), ["reset"] * 3)
        self.echo(self.connect(), b"y")

    def test_half_close_ends_one_way_only(self):
        client = self.connect()
        self.echo(client, b"x")
        self.proxy("half_close down")
        self.assertEqual(client.recv(1), b"")
        client.sendall(b"more")
        self.proxy.wait_for(lambda s: s["up"] == 5)
        client.close()
        self.assertEqual(self.server.wait_for_ends(), ["end"])
        self.assertEqual(bytes(self.server.received), b"xmore")

    def test_the_server_sees_a_half_closed_client_end(self):
        client = self.connect()
        self.echo(client, b"x")
        self.proxy("half_close up")
        self.assertEqual(self.server.wait_for_ends(), ["end"])
        self.assertEqual(client.recv(1), b"")

    def test_refused_until_healed(self):
        client = self.connect()
        self.echo(client, b"x")
        self.proxy("refuse")
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.echo(client, b"those that are open stay")
        self.proxy("heal")
        self.echo(self.connect(), b"y")

    def test_it_can_lead_elsewhere(self):
        other = EchoServer(self)
        self.proxy.to(other.address)
        self.echo(self.connect(), b"x")
        self.assertEqual(bytes(other.received), b"x")
        self.assertEqual(bytes(self.server.received), b"")

    def test_nobody_behind_it(self):
        self.proxy.to("127.0.0.1:1")
        for _ in range(2):
            try:
                self.assert_reset(self.connect())
            except ConnectionResetError:
                pass  # before connect returned
            self.proxy = FaultProxy(self)

    def test_bad_commands_are_told_and_change_nothing(self):
        for command in ("", "explode", "delay", "delay left 1ms", "delay up", "delay up fast", "delay up -1s", "cut",
                        "cut up now", "throttle up 0", "throttle up x", "swallow down -1", "reset up", "to", "to nowhere",
                        "to 127.0.0.1:99999", "reset_after up"):
            with self.subTest(command=command), self.assertRaisesRegex(ValueError, "error "):
                self.proxy(command)
        self.echo(self.connect(), b"x")


if __name__ == "__main__":
    unittest.main()
