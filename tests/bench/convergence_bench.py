"""How well and how fast clusters learn, beside trusted programs on one machine and the truth of generated data.

  bazel run -c opt //tests/bench:convergence_bench -- [--only=SECTION] [--runs=N] [--json=FILE]

Sections: optimum   a9a's logistic regression: optimizers and consistency modes against LIBLINEAR's optimum
          mlp       MNIST: a multi-layer perceptron against scikit-learn's
          gap       clicks with interactions: how much of the gap between a linear model and the truth each model closes
          matrix    matrix factorization against the noise of its data
          groups    k-means against scikit-learn, word2vec against planted groups
          slow      time to a loss with a worker five times slower: ssp and bsp; ssp with several bounds, and auto
          models    every model on one and on three servers, and the worst of all optimizers

Figures of asynchronous runs differ from run to run: medians of --runs (3) are printed. Times are of the job, from its
status. LIBLINEAR and scikit-learn (liblinear-tools, python3-sklearn) are used where they are installed. A quiet machine.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import tempfile

from tests.testing import workloads
from tests.testing.paramd_cluster import PARAMCTL, data_dir
from tests.testing.references import Liblinear
from tests.testing.safetensors import read_model
from tests.testing.workloads import config

MODES = {"asp": "{mode: asp}", "ssp(4)": "{mode: ssp, staleness: 4}", "bsp": "{mode: bsp}"}


class Bench:
    def __init__(self, runs):
        self.runs = runs
        self.rows = []
        self.dir = tempfile.mkdtemp(prefix="convergence_bench.")

    def path(self, name):
        return os.path.join(self.dir, name)

    def train(self, text, *flags):
        """The result of one run."""
        with open(self.path("job.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run([PARAMCTL, "run", self.path("job.yaml"), "-o", "json", *flags], capture_output=True,
                              text=True, cwd=self.dir, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{text}\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def evaluations(self, text, *flags):
        """The held-out figures of several runs."""
        return [self.train(text, *flags)["eval"] for _ in range(self.runs)]

    def table(self, title, rows):
        """Prints rows, which are dictionaries of the same keys."""
        print(f"\n{title}")
        lines = [list(rows[0])] + [[show(value) for value in row.values()] for row in rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        for line in lines:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip(), flush=True)
        self.rows += [{"table": title, **row} for row in rows]


def show(value):
    return value if isinstance(value, str) else "-" if value is None else f"{value:.4f}"


def median(figures, name):
    return statistics.median(figure[name] for figure in figures)


def optimum(bench):
    folder = data_dir("a9a")
    rows, logloss, auc = [], None, None
    if Liblinear.is_there():
        best = Liblinear(f"{folder}/train.libsvm", f"{folder}/test.libsvm", bench.dir)
        logloss, auc = best.logloss, best.auc
        rows.append({"optimizer": f"LIBLINEAR -s 0 -c {best.c}", "mode": "", "log loss": logloss, "AUC": auc,
                     "worse log loss": 0.0, "worse AUC": 0.0})
    for optimizer in workloads.NEAR_OPTIMUM:
        for mode, consistency in MODES.items():
            figures = bench.evaluations(config("{type: logistic_regression}", workloads.a9a(epochs=10),
                                               consistency=consistency, optimizer=optimizer))
            ours, our_auc = median(figures, "logloss"), median(figures, "auc")
            rows.append({"optimizer": optimizer, "mode": mode, "log loss": ours, "AUC": our_auc,
                         "worse log loss": None if logloss is None else ours - logloss,
                         "worse AUC": None if auc is None else auc - our_auc})
    bench.table("a9a, logistic regression, 10 epochs (at most 0.002 and 0.001 worse)", rows)


def mlp(bench):
    train_x, train_y, test_x, test_y = workloads.write_mnist(bench.dir)
    rows = []
    try:
        from sklearn.neural_network import MLPClassifier
        reference = MLPClassifier((128,), batch_size=64, max_iter=15, random_state=0)
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that 15 epochs are few
            reference.fit(train_x, train_y)
        rows.append({"what": "scikit-learn, 15 epochs", "accuracy": reference.score(test_x, test_y)})
    except ImportError:
        pass
    for mode in ("bsp", "ssp(4)"):
        figures = bench.evaluations(config("{type: mlp, classes: 10, hidden: [128]}", workloads.dense(), workers=4,
                                           consistency=MODES[mode]))
        rows.append({"what": f"{mode}, 4 workers", "accuracy": median(figures, "accuracy")})
    bench.table("MNIST, 8,000 to train on, 784-128-10, 15 epochs (at least 0.950)", rows)


def gap(bench):
    fields = 10
    made = subprocess.run([PARAMCTL, "data", "generate", "--interactions", "--out", bench.dir, "--rows", "100000",
                           "--eval_rows", "20000", "--features_per_row", str(fields), "--cardinality", "50", "--format",
                           "libffm", "-o", "json"], capture_output=True, text=True, check=True)
    best = json.loads(made.stdout)["bayes"]["logloss"]
    linear, rows = None, []
    for model, epochs in (("logistic_regression", 5), ("factorization_machine", 10), ("field_aware_fm", 6),
                          ("wide_deep", 6), ("deep_fm", 6)):
        data = (f"format: libffm, libffm: {{fields: {fields}}}, train: [train.libffm], eval: [test.libffm], "
                f"batch_size: 256, epochs: {epochs}")
        loss = median(bench.evaluations(config(f"{{type: {model}}}", data)), "logloss")
        linear = linear or loss
        rows.append({"model": model, "log loss": loss, "gap closed": (linear - loss) / (linear - best)})
    rows.append({"model": "the truth", "log loss": best, "gap closed": 1.0})
    bench.table("Clicks with interactions, 100,000 rows of 10 fields (at least 0.8 by FM, FFM and DeepFM)", rows)


def matrix(bench):
    workloads.write_ratings(bench.dir)
    figures = bench.evaluations(config("{type: matrix_factorization, dim: 8, init_scale: 0.3}", workloads.ratings(),
                                       optimizer="{type: adagrad, learning_rate: 0.3}"))
    rmse = median(figures, "rmse")
    bench.table("Matrix of rank 8 with noise (at most 1.05)", [
        {"RMSE": rmse, "noise": workloads.RATINGS_NOISE, "ratio": rmse / workloads.RATINGS_NOISE}])


def groups(bench):
    points, planted = workloads.write_blobs(bench.dir)
    rows = [{"what": "k-means, planted centres", "figure": workloads.inertia(points, planted)}]
    try:
        from sklearn.cluster import KMeans
        fitted = KMeans(12, n_init=10, random_state=0).fit(points)
        rows.append({"what": "k-means, scikit-learn", "figure": fitted.inertia_ / len(points)})
    except ImportError:
        pass
    for mode, consistency in MODES.items():
        figures = bench.evaluations(config("{type: kmeans, clusters: 12}", workloads.blobs(), consistency=consistency))
        rows.append({"what": f"k-means, {mode}", "figure": median(figures, "loss")})
    workloads.write_corpus(bench.dir)
    counts = read_model(os.path.join(bench.dir, bench.train(workloads.COUNT_WORDS)["model"]))
    for mode, consistency in MODES.items():
        shares = []
        for _ in range(bench.runs):
            result = bench.train(config("{type: word2vec, dim: 16}", workloads.corpus(), consistency=consistency))
            shares.append(workloads.neighbours_of_the_group(read_model(os.path.join(bench.dir, result["model"])), counts))
        rows.append({"what": f"word2vec, {mode}: neighbours in the group", "figure": statistics.median(shares)})
    bench.table("Mean squared distance (at most 1.02 of scikit-learn's); share of neighbours (at least 0.95)", rows)


def time_to(bench, consistency, rate, target, epochs, runs):
    """Medians of several runs with one of four workers that runs a fifth of the time."""
    copies = ", ".join(["train.csv"] * 8)  # in longer epochs fewer ends of them let everybody meet
    text = config("{type: mlp, classes: 10, hidden: [64]}",
                  f"format: csv, train: [{copies}], eval: [test.csv], batch_size: 64, epochs: {epochs}, assignment: ranges",
                  1, 4, consistency, f"{{type: sgd, learning_rate: {rate}}}", "{eval_examples: 16000}",
                  "{history: history.jsonl}")
    seconds, examples, accuracies, chosen = [], [], [], ""
    for _ in range(runs):
        result = bench.train(text, "--slow-worker", "5")
        with open(bench.path("history.jsonl"), encoding="utf-8") as file:
            history = [json.loads(line) for line in file]
        reached = next((point for point in history if point.get("logloss", math.inf) <= target),
                       {"seconds": math.inf, "examples": math.inf})
        seconds.append(reached["seconds"])
        examples.append(reached["examples"])
        accuracies.append(result["eval"]["accuracy"])
        choices = [point for point in history if "staleness" in point]
        chosen = ", ".join(f"{c['staleness']} at {c['seconds']:.1f} s: {c['reason']}" for c in choices)
    return {"seconds": statistics.median(seconds), "examples": statistics.median(examples),
            "accuracy at the end": statistics.median(accuracies), "the last run's choices": chosen}


def slow(bench):
    workloads.write_mnist(bench.dir)
    rows = [{"consistency": name, "rate": rate, **time_to(bench, consistency, rate, 0.27, epochs, runs)}
            for name, consistency, rate, epochs, runs in (
                ("ssp(8)", "{mode: ssp, staleness: 8}", 0.01, 12, bench.runs),
                ("bsp", "{mode: bsp}", 0.01, 12, bench.runs),
                # A synchronous step is of four batches.
                ("bsp", "{mode: bsp}", 0.04, 12, bench.runs))]
    bench.table("MNIST perceptron, time to a held-out log loss of 0.27, a worker of four five times slower", rows)
    bench.table("Ratios (the first at most 0.6)", [
        {"ssp(8) / bsp, same settings": rows[0]["seconds"] / rows[1]["seconds"],
         "ssp(8) / bsp with four times the rate": rows[0]["seconds"] / rows[2]["seconds"]}])
    # Long enough for what a bound costs that is found within seconds not to be all there is to see.
    bounds = {f"ssp({s})": f"{{mode: ssp, staleness: {s}}}" for s in (4, 16, 64)}
    bounds["ssp(auto)"] = "{mode: ssp, staleness: auto, staleness_max: 64}"
    rows = [{"consistency": name, **time_to(bench, consistency, 0.0007, 0.27, 36, bench.runs)}
            for name, consistency in bounds.items()]
    best = min(row["seconds"] for row in rows[:-1])
    bench.table("The same with a rate of 0.0007 (auto at most 1.1 of the best)",
                [{**row, "of the best": row["seconds"] / best} for row in rows])


def models(bench):
    rows = []
    for name, workload in workloads.SMALL_WORKLOADS.items():
        workload.write(bench.dir)
        one = median(bench.evaluations(workload.config(servers=1)), "loss")
        three = median(bench.evaluations(workload.config(servers=3)), "loss")
        worst, worst_name = -math.inf, ""
        for optimizer in workloads.OPTIMIZERS if name != "kmeans" else ():
            loss = bench.train(workload.config(optimizer=f"{{type: {optimizer}}}"))["eval"]["loss"]
            if not loss <= worst:
                worst, worst_name = loss, optimizer
        rows.append({"model": name, "1 server": one, "3 servers": three,
                     "worst optimizer": None if worst_name == "" else worst, "which": worst_name})
    bench.table("Held-out loss of small problems; every optimizer on its defaults", rows)


SECTIONS = {"optimum": optimum, "mlp": mlp, "gap": gap, "matrix": matrix, "groups": groups, "slow": slow,
            "models": models}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SECTIONS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    bench = Bench(args.runs)
    try:
        for name, section in SECTIONS.items():
            if args.only in (None, name):
                section(bench)
    finally:
        shutil.rmtree(bench.dir, ignore_errors=True)
    if args.json:
        with open(os.path.join(os.environ.get("BUILD_WORKING_DIRECTORY", "."), args.json), "w",
                  encoding="utf-8") as file:
            json.dump({"rows": bench.rows}, file, indent=1)


if __name__ == "__main__":
    main()
