"""A worker in another language, made of nothing but the .proto files and stock gRPC: it joins a cluster, pushes and
pulls with and without codecs, and finishes the job."""

import importlib
import os
import queue
import subprocess
import sys
import threading
import unittest

import grpc
import numpy as np

from tests.testing.paramd_cluster import TIMEOUT_SECONDS, Cluster, ClusterTestCase
from tests.testing.safetensors import read_model

PROTOS = ["codec", "config", "coordinator", "parameter"]

CONFIG = """
version: 1
cluster: {{name: stock, heartbeat: {{interval: 100ms, lease: 3s}}, linger: 0s,
          coordinator: {{store: {{dir: {dir}/state}}}}}}
sharding: {{shards_per_table: {shards}}}
consistency: {{mode: ssp, staleness: 0}}
model: {{type: feature_sum}}
optimizer: {{type: sgd, learning_rate: 1}}
data: {{train: [{dir}/a.libsvm]}}
output: {{model: {dir}/model.safetensors}}
"""

SHARDS = 5
DIM = 3
DENSE_ROWS = 7


def generate_stubs(folder):
    """Has protoc write the modules of the protocol to `folder`, and returns them by name."""
    subprocess.run(["protoc", "-Iproto", f"--python_out={folder}", f"--grpc_out={folder}",
                    "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin",
                    *(f"proto/paramd/v1/{name}.proto" for name in PROTOS)], check=True)
    sys.path.insert(0, folder)
    return [importlib.import_module(f"paramd.v1.{name}_pb2") for name in PROTOS] + [
        importlib.import_module(f"paramd.v1.{name}_pb2_grpc") for name in ("coordinator", "parameter")]


def shard_of(key, shards):
    """XXH3-64 of the key's 8 bytes, scaled to the number of shards (xxHash's specification, "XXH3", 4 to 8 bytes)."""
    mask, prime = (1 << 64) - 1, 0x9FB21C651E98DF25
    low, high = key & 0xFFFFFFFF, key >> 32
    mixed = (high + (low << 32)) ^ 0xC73AB174C5ECD5A2  # bytes 8 to 24 of the default secret, halves combined
    mixed ^= (mixed << 49 | mixed >> 15) & mask ^ (mixed << 24 | mixed >> 40) & mask
    mixed = mixed * prime & mask
    mixed ^= (mixed >> 35) + 8
    mixed = mixed * prime & mask
    return ((mixed ^ mixed >> 28) * shards) >> 64


class Stream:
    """A bidirectional stream: what is sent, and one answer after the other."""

    def __init__(self, method):
        self.requests = queue.Queue()
        self.call = method(iter(self.requests.get, None), timeout=TIMEOUT_SECONDS)

    def send(self, message):
        self.requests.put(message)

    def receive(self):
        return next(self.call)

    def close(self):
        self.requests.put(None)


class StockClientTest(ClusterTestCase):
    @classmethod
    def setUpClass(cls):
        folder = os.path.join(os.environ["TEST_TMPDIR"], "stubs")
        os.makedirs(folder)
        (cls.codec, _, cls.coordinator, cls.parameter, cls.coordinator_grpc,
         cls.parameter_grpc) = generate_stubs(folder)

    def setUp(self):
        super().setUp()
        self.sequence = 0
        self.servers = {}

    # ---- the coordinator

    def join(self, address):
        """Joins as a worker; returns what Welcome says."""
        channel = grpc.insecure_channel(address)
        self.addCleanup(channel.close)
        self.member = Stream(self.coordinator_grpc.CoordinatorServiceStub(channel).Join)
        self.incarnation = 12345
        hello = self.coordinator.Hello(role=self.coordinator.WORKER, name="snake", incarnation=self.incarnation,
                                       address="127.0.0.1:1", host="here", pid=os.getpid())
        self.member.send(self.coordinator.MemberMessage(hello=hello))
        welcome = self.member.receive().welcome
        self.number = 0
        stopped = threading.Event()

        def beat():
            while not stopped.wait(welcome.heartbeat_interval.ToTimedelta().total_seconds()):
                self.member.send(self.coordinator.MemberMessage(
                    heartbeat=self.coordinator.Heartbeats(worker=self.coordinator.WorkerReport())))

        beats = threading.Thread(target=beat)
        beats.start()
        self.addCleanup(beats.join)
        self.addCleanup(stopped.set)
        return welcome

    def tell(self, **message):
        """Sends a numbered message to the coordinator."""
        self.number += 1
        self.member.send(self.coordinator.MemberMessage(number=self.number, **message))

    def hear(self, kind):
        """The next message of this kind; keeps the newest view on the way."""
        while True:
            message = self.member.receive()
            which = message.WhichOneof("message")
            if which == "view":
                self.view = message.view
            if which == "job" and message.job.state == self.coordinator.FAILED:
                self.fail(message.job.message)
            if which == kind:
                return getattr(message, kind)

    # ---- the servers

    def connect(self):
        for server in self.view.shard_map.servers:
            channel = grpc.insecure_channel(server.address)
            self.addCleanup(channel.close)
            self.servers[server.id] = Stream(self.parameter_grpc.ParameterServiceStub(channel).Exchange)

    def ask(self, server, kind, keys=b"", values=b"", **header):
        """Sends one operation and returns its reply."""
        self.sequence += 1
        header = self.parameter.Header(kind=kind, client=self.id, incarnation=self.incarnation,
                                       sequence=self.sequence, epoch=self.view.shard_map.epoch, **header)
        self.servers[server].send(self.parameter.Operation(header=header, keys=keys, values=values))
        reply = self.servers[server].receive()
        self.assertEqual(reply.sequence, self.sequence)
        return reply

    def ask_all(self, kind, **header):
        replies = [self.ask(server, kind, **header) for server in self.servers]
        self.assertEqual([(reply.code, reply.message) for reply in replies], [(0, "")] * len(replies))
        return replies

    def sparse_parts(self, keys):
        """(server, segments, keys) of each part."""
        owners = self.view.shard_map.tables[0].shard_servers
        for server in self.servers:
            segments, own = [], []
            for shard, owner in enumerate(owners):
                inside = [key for key in keys if shard_of(key, len(owners)) == shard]
                if owner == server and inside:
                    segments.append(self.parameter.Segment(shard=shard, rows=len(inside)))
                    own += inside
            if own:
                yield server, segments, own

    def dense_parts(self):
        """(server, segments, rows) of each part."""
        owners = self.view.shard_map.tables[1].shard_servers
        for server in self.servers:
            segments, own = [], []
            for shard, owner in enumerate(owners):
                begin, end = (DENSE_ROWS * i // len(owners) for i in (shard, shard + 1))
                if owner == server:
                    segments.append(self.parameter.Segment(shard=shard, rows=end - begin, first_row=begin))
                    own += range(begin, end)
            if own:
                yield server, segments, own

    def operation(self, server, kind, segments, keys, values=b"", **header):
        reply = self.ask(server, kind, keys=np.array(keys, "<u8").tobytes(), values=values, segments=segments, **header)
        self.assertEqual((reply.code, reply.message), (0, ""))
        return reply

    def pull(self, keys, clock, dtype="<f4", **header):
        """Rows of both tables, by key and by row."""
        sparse, dense = {}, {}
        for server, segments, own in self.sparse_parts(keys):
            reply = self.operation(server, self.parameter.Header.PULL, segments, own, clock=clock, **header)
            sparse.update(zip(own, np.frombuffer(reply.values, dtype).reshape(len(own), DIM)))
        for server, segments, own in self.dense_parts():
            reply = self.operation(server, self.parameter.Header.PULL, segments, [], clock=clock, table=1, **header)
            dense.update(zip(own, np.frombuffer(reply.values, dtype).reshape(len(own), DIM)))
        return np.array([sparse[key] for key in keys]), np.array([dense[row] for row in range(DENSE_ROWS)])

    def push(self, sparse, dense, clock):
        """Pushes gradients of both tables and finishes the step."""
        for server, segments, own in self.sparse_parts(sorted(sparse)):
            values = np.array([sparse[key] for key in own], "<f4").tobytes()
            self.operation(server, self.parameter.Header.PUSH, segments, own, values, clock=clock, examples=1)
        for server, segments, own in self.dense_parts():
            self.operation(server, self.parameter.Header.PUSH, segments, [], dense[own].astype("<f4").tobytes(),
                           clock=clock, examples=1, table=1)
        self.ask_all(self.parameter.Header.PUSH, clock=clock, examples=1, finishes_step=True)

    # ---- the job

    def train(self):
        """Two steps with values that float32 holds exactly."""
        random = np.random.default_rng(1)
        keys = sorted({0, 1, 2**64 - 1, *(int(key) for key in random.integers(0, 2**63, 200))})
        gradients = {key: random.integers(-100, 100, DIM) for key in keys}
        dense = random.integers(-100, 100, (DENSE_ROWS, DIM))
        expected = -np.array([gradients[key] for key in keys]), -dense
        for clock in range(2):
            sparse_rows, dense_rows = self.pull(keys, clock)
            np.testing.assert_array_equal(sparse_rows, clock * expected[0])
            np.testing.assert_array_equal(dense_rows, clock * expected[1])
            self.push(gradients, dense, clock)
        return keys, 2 * expected[0], 2 * expected[1]

    def check_codecs(self, keys, sparse, dense):
        """The same rows as float16, which holds such values too, and without a clock; keys by a name."""
        halves = self.pull(keys, 0, "<f2", value_codec=self.codec.Codec.F16, ignore_clock=True)
        np.testing.assert_array_equal(halves[0], sparse)
        np.testing.assert_array_equal(halves[1], dense)
        server, segments, own = next(self.sparse_parts(keys))
        self.ask(server, self.parameter.Header.OPEN, open=self.parameter.Open(key_cache=1 << 20))
        pull = {"ignore_clock": True, "key_list": b"sixteen bytes, 1"}
        first = self.operation(server, self.parameter.Header.PULL, segments, own, **pull)
        pull["key_codec"] = self.codec.Codec.CACHED
        again = self.operation(server, self.parameter.Header.PULL, [], [], **pull)
        self.assertEqual(again.values, first.values)
        pull["key_list"] = b"sixteen bytes, 2"
        self.assertTrue(self.ask(server, self.parameter.Header.PULL, **pull).send_keys)
        self.sequence -= 1  # it comes again
        pull["key_codec"] = self.codec.Codec.RAW
        self.assertEqual(self.operation(server, self.parameter.Header.PULL, segments, own, **pull).values, first.values)

    def check_refusals(self):
        """Refusals come as replies, and the stream goes on."""
        server = next(iter(self.servers))
        self.assertEqual(self.ask(server, self.parameter.Header.PULL, table=9, ignore_clock=True).code,
                         grpc.StatusCode.NOT_FOUND.value[0])
        unknown = self.ask(server, self.parameter.Header.OPEN, open=self.parameter.Open(value_codecs=[77]))
        self.assertEqual(unknown.code, grpc.StatusCode.UNIMPLEMENTED.value[0])
        self.assertIn("value codec 77 is not known here; known are f32", unknown.message)

    def test_a_job_of_its_own(self):
        self.write("a.libsvm", "1 1:1\n" * 10)
        cluster = Cluster(self, CONFIG.format(dir=self.dir, shards=SHARDS), servers=2, workers=1, start_workers=False)
        self.id = self.join(cluster.address).id
        spec = self.coordinator.TableSpec
        self.tell(tables=self.coordinator.TableDeclaration(tables=[
            spec(name="embeddings", kind=spec.SPARSE, dim=DIM),
            spec(name="matrix", kind=spec.DENSE, rows=DENSE_ROWS, dim=DIM)]))
        self.tell(idle=self.coordinator.Idle())
        grants = [self.hear("work_grant")]
        self.connect()
        begin = max(reply.clock for reply in self.ask_all(self.parameter.Header.ATTACH))
        self.assertEqual(begin, 0)
        self.tell(attached=self.coordinator.Attached())
        self.hear("start")

        keys, sparse, dense = self.train()
        self.check_codecs(keys, sparse, dense)
        self.check_refusals()

        # The rest of the partitions: there is nothing in them that this worker wants.
        while grants:
            self.tell(work_done=self.coordinator.WorkDone(lease=grants.pop().lease, records=1))
            self.tell(work_request=self.coordinator.WorkRequest(request=self.number))
            answer = None
            while answer not in ("work_grant", "no_work"):
                message = self.member.receive()
                answer = message.WhichOneof("message")
            if answer == "work_grant":
                grants.append(message.work_grant)
        self.ask_all(self.parameter.Header.DETACH)
        self.tell(idle=self.coordinator.Idle())
        while self.hear("job").state != self.coordinator.SUCCEEDED:
            pass
        for stream in (self.member, *self.servers.values()):
            stream.close()
        self.assertEqual(cluster.coordinator.wait(), 0, cluster.logs())

        model = read_model(self.path("model.safetensors"))
        np.testing.assert_array_equal(model["embeddings.keys"], np.array(keys, np.uint64))
        np.testing.assert_array_equal(model["embeddings.values"], sparse)
        np.testing.assert_array_equal(model["matrix"], dense)


if __name__ == "__main__":
    unittest.main()
