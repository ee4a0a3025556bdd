"""The programs as a person meets them: exit codes, messages, what is printed where."""

import json
import os
import re
import signal
import subprocess
import unittest

import numpy as np

from tests.testing.paramd_cluster import PARAMCTL, SERVER, WORKER, Cluster, ClusterTestCase
from tests.testing.safetensors import read_model

CONFIG = """
version: 1
cluster: {name: cli, servers: 1, workers: 1, linger: 0s}
model: {type: logistic_regression}
data: {train: [train.libsvm], eval: [eval.libsvm], epochs: EPOCHS, batch_size: 10}
output: {model: model.safetensors}
"""


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def processes(marker):
    """Command lines of the live processes that hold `marker`."""
    return [command_line(pid) for pid in filter(str.isdigit, os.listdir("/proc"))
            if marker in command_line(pid) and int(pid) != os.getpid()]


def pid_of(name, marker):
    """The daemon `name` of the run whose processes hold `marker` in the command line of its coordinator."""
    coordinator = next(int(pid) for pid in filter(str.isdigit, os.listdir("/proc"))
                       if "--role coordinator" in command_line(pid) and marker in command_line(pid))
    with open(f"/proc/{coordinator}/stat", encoding="utf-8") as file:
        parent = file.read().rsplit(")", 1)[1].split()[1]
    with open(f"/proc/{parent}/task/{parent}/children", encoding="utf-8") as file:
        return next(int(pid) for pid in file.read().split() if f"--name {name} " in command_line(pid) + " ")


class CommandLineTest(ClusterTestCase):
    def setUp(self):
        super().setUp()
        rows = "".join(f"{i % 2} {i % 2}:1 {2 + i % 7}:1\n" for i in range(1000))
        self.write("train.libsvm", rows)
        self.write("eval.libsvm", rows)

    def config(self, epochs=1):
        return CONFIG.replace("EPOCHS", str(epochs))

    def test_what_is_no_list_of_coordinators_is_refused(self):
        for command in ([SERVER, "--role", "shard_host"], [WORKER], [PARAMCTL, "status"],
                        [PARAMCTL, "table", "set", "weights", "consistency.staleness=3"]):
            with self.subTest(command=command):
                done = subprocess.run([*command, "--coordinator", "10.0.0.1:7070,10.0.0.2"], capture_output=True,
                                      text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertIn('not "10.0.0.1:7070,10.0.0.2"', done.stderr)

    def test_run_keeps_the_state_of_its_cluster_itself(self):
        etcd = 'coordinator: {store: {type: etcd, endpoints: ["127.0.0.1:1"]}}, '
        result = self.run_job(self.config().replace("cluster: {", "cluster: {" + etcd))
        self.assertEqual(result["state"], "Succeeded")

    def test_run_prints_one_object_at_the_end(self):
        result = self.run_job(self.config(), "--servers", "2", "--workers", "2")
        self.assertEqual(result["state"], "Succeeded")
        self.assertEqual((result["servers"], result["workers"], result["examples"]), (2, 2, 1000))
        self.assertEqual(result["eval"]["auc"], 1.0)
        self.assertGreater(result["seconds"], 0)
        self.assertGreater(result["examples_per_second"], 0)
        self.assertEqual(result["model"], os.path.realpath(self.path("model.safetensors")))

    def test_run_without_json_shows_the_figures_and_the_status_table(self):
        path = self.write("job.yaml", self.config())
        done = self.paramctl("run", path)
        self.assertRegex(done.stdout, r"(?i)auc")
        self.assertIn("server-0", done.stdout)
        self.assertNotIn("\x1b", done.stdout + done.stderr)

    def test_numpy_reads_the_model_in_three_lines(self):
        model = read_model(self.run_job(self.config())["model"])
        self.assertEqual(model["weights.keys"].tolist(), list(range(9)))
        self.assertEqual(model["weights.values"].shape, (9, 1))
        self.assertEqual(model["bias"].shape, (1, 1))
        self.assertTrue(np.isfinite(model["weights.values"]).all())

    def test_usage(self):
        for command in ([PARAMCTL, "rnu"], [PARAMCTL, "run"], [SERVER, "--rolle", "x"], [WORKER],
                        [PARAMCTL, "run", "x.yaml", "--no_such_flag"], [SERVER]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2, command)
            self.assertTrue(done.stderr, command)
            self.assertFalse(done.stdout, command)

    def test_bad_config(self):
        path = self.write("bad.yaml", self.config() + "optimiser: {type: sgd}\n")
        for command in (["config", "validate", path], ["run", path], ["config", "render", path]):
            done = self.paramctl(*command, expect=78)
            self.assertRegex(done.stderr, r"bad\.yaml:7:1: optimiser: .*optimizer")
        done = subprocess.run([SERVER, "--config", path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 78)

    def test_render_shows_where_values_come_from_and_loads_again(self):
        path = self.write("job.yaml", self.config())
        text = self.paramctl("config", "render", path, "--set", "cluster.servers=3").stdout
        self.assertRegex(text, r"servers: 3 +#.*--set")
        self.assertRegex(text, r"batch_size: 10 +#.*job\.yaml:5")
        again = self.write("again.yaml", text)
        self.assertIn("OK", self.paramctl("config", "validate", again).stdout)

    def test_bad_data(self):
        self.write("train.libsvm", "1 1:1\nnonsense\n" * 50)
        result = self.run_job(self.config(), expect=65)
        self.assertEqual(result["state"], "Failed")
        self.assertRegex(result["message"], r"train\.libsvm:\d+: ")
        os.remove(self.path("train.libsvm"))
        path = self.write("job.yaml", self.config())
        self.assertIn("train.libsvm", self.paramctl("run", path, expect=65).stderr)

    def test_labels_that_the_model_does_not_have(self):
        self.write("train.libsvm", "7 1:1\n" * 10)
        result = self.run_job(self.config(), expect=65)
        self.assertRegex(result["message"], "label 7")

    def test_interrupt_leaves_no_process(self):
        path = self.write("job.yaml", self.config(epochs=1000000))
        run = subprocess.Popen([PARAMCTL, "run", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        # Lines of progress come once it trains.
        while "epoch" not in run.stdout.readline():
            self.assertIsNone(run.poll())
        self.assertEqual(len([p for p in processes(self.dir) if "paramd_" in p]) > 0, True)
        run.send_signal(signal.SIGINT)
        run.stdout.read()
        run.stdout.close()
        self.assertEqual(run.wait(60), 1)
        self.assertEqual(processes(self.dir), [])

    def test_a_killed_server_ends_the_run_and_is_named(self):
        config = self.config(epochs=1000000).replace("linger: 0s", "heartbeat: {interval: 100ms, lease: 1s}")
        path = self.write("job.yaml", config)
        run = subprocess.Popen([PARAMCTL, "run", path, "--servers", "2", "--workers", "2", "--log_dir", self.path("logs"),
                                "--set", "sharding.replication=1"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "epoch" not in run.stdout.readline():
            self.assertIsNone(run.poll())
        os.kill(pid_of("server-1", self.dir), signal.SIGKILL)
        out, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 1, out + err)
        self.assertIn("server-1", err)
        self.assertRegex(err, "signal 9|SIGKILL|Killed")
        self.assertEqual(processes(self.dir), [])

    def test_a_killed_worker_does_not_end_the_run(self):
        self.write("train.libsvm", "".join(f"{i % 2} {i % 2}:1\n" for i in range(20000)))
        config = self.config(epochs=60).replace("linger: 0s", "heartbeat: {interval: 100ms, lease: 1s}")
        path = self.write("job.yaml", config)
        run = subprocess.Popen([PARAMCTL, "run", path, "--workers", "3", "--log_dir", self.path("logs"), "-o", "json"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "epoch" not in run.stderr.readline():
            self.assertIsNone(run.poll())
        os.kill(pid_of("worker-1", self.dir), signal.SIGKILL)
        out, err = run.communicate(timeout=200)
        self.assertEqual(run.returncode, 0, out + err)
        self.assertEqual(json.loads(out.splitlines()[-1])["examples"], 20000 * 60)
        self.assertEqual(processes(self.dir), [])

    def test_status(self):
        config = self.config(epochs=1000000)
        cluster = Cluster(self, config, servers=2, workers=2)
        cluster.wait_for(lambda s: int(s["job"].get("epoch", 0)) >= 2)
        table = self.paramctl("status", "--coordinator", cluster.address).stdout
        for word in ("server-0", "server-1", "worker-0", "worker-1", "weights", "bias"):
            self.assertIn(word, table)
        status = json.loads(self.paramctl("status", "--coordinator", cluster.address, "-o", "json").stdout)
        self.assertEqual(status["cluster"], "cli")
        cluster.workers[0].kill()
        cluster.wait_for(lambda s: s.get("problems"))
        self.paramctl("status", "--coordinator", cluster.address, expect=3)
        cluster.stop()
        done = self.paramctl("status", "--coordinator", cluster.address, expect=4)
        self.assertIn(cluster.address, done.stderr)

    def test_generated_data_is_learnt_nearly_as_well_as_possible(self):
        done = self.paramctl("data", "generate", "--out", self.path("log"), "--rows", "100000", "--eval_rows", "20000",
                             "--seed", "7", "-o", "json")
        made = json.loads(done.stdout.splitlines()[-1])
        result = self.run_job(f"""
version: 1
cluster: {{servers: 2, workers: 2}}
model: {{type: logistic_regression}}
data: {{train: [{made["train"]}], eval: [{made["test"]}], epochs: 2}}
""")
        self.assertLess(result["eval"]["auc"], made["bayes"]["auc"] + 0.002)
        self.assertGreater(result["eval"]["auc"], made["bayes"]["auc"] - 0.05)
        again = self.paramctl("data", "generate", "--out", self.path("log2"), "--rows", "100000", "--eval_rows",
                              "20000", "--seed", "7", "-o", "json")
        self.assertEqual(made["bayes"], json.loads(again.stdout.splitlines()[-1])["bayes"])
        with open(self.path("log/train.libsvm"), "rb") as one, open(self.path("log2/train.libsvm"), "rb") as two:
            self.assertEqual(one.read(), two.read())

    def test_help_and_version(self):
        for program in (PARAMCTL, SERVER, WORKER):
            for flag in ("--help", "--version"):
                done = subprocess.run([program, flag], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, (program, flag))
                self.assertTrue(re.search(r"paramctl|paramd", done.stdout), (program, flag))


if __name__ == "__main__":
    unittest.main()
