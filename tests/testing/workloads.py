"""What models are trained on in tests and benchmarks: data whose truth is known, and the settings that suit them."""

import gzip
import os

import numpy as np

from tests.testing.paramd_cluster import data_dir


def config(model, data, servers=2, workers=2, consistency="{mode: ssp, staleness: 4}", optimizer=None, training=None,
           output="{model: model.safetensors}"):
    """A configuration; `data` without braces, everything else in YAML's flow style."""
    lines = [
        "version: 1",
        f"cluster: {{name: learn, servers: {servers}, workers: {workers}}}",
        f"consistency: {consistency}",
        f"model: {model}",
        f"data: {{{data}}}",
        f"output: {output}",
    ]
    if optimizer is not None:
        lines.append(f"optimizer: {optimizer}")
    if training is not None:
        lines.append(f"training: {training}")
    return "\n".join(lines) + "\n"


def a9a(batch=256, epochs=5):
    folder = data_dir("a9a")
    return (f"format: libsvm, train: [{folder}/train.libsvm], eval: [{folder}/test.libsvm], batch_size: {batch}, "
            f"epochs: {epochs}")


# Optimizers that come near the optimum of a9a's logistic regression in 10 epochs of batches of 256, with two workers.
NEAR_OPTIMUM = ("{type: ftrl, alpha: 0.05, beta: 1.0}", "{type: adagrad, learning_rate: 0.1}",
                "{type: adam, learning_rate: 0.02, schedule: {type: cosine, steps: 640}}")


def write_mnist(folder):
    """The first 8,000 images of MNIST's test set in train.csv, the last 2,000 in test.csv; pixels from 0 to 1."""
    source = data_dir("mnist")
    with gzip.open(os.path.join(source, "t10k-images-idx3-ubyte.gz")) as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(10000, 784)
    with gzip.open(os.path.join(source, "t10k-labels-idx1-ubyte.gz")) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    rows = np.column_stack([labels, images / 255.0])
    np.savetxt(os.path.join(folder, "train.csv"), rows[:8000], fmt="%.4g", delimiter=",")
    np.savetxt(os.path.join(folder, "test.csv"), rows[8000:], fmt="%.4g", delimiter=",")
    return images[:8000] / 255.0, labels[:8000], images[8000:] / 255.0, labels[8000:]


def dense(batch=16, epochs=15):
    """Of train.csv and test.csv."""
    return f"format: csv, train: [train.csv], eval: [test.csv], batch_size: {batch}, epochs: {epochs}"


def write_interactions(folder, rows=30000, eval_rows=10000, fields=4, values=10):
    """Clicks that depend mostly on pairs of features, in train.ffm and test.ffm: sigmoid of the products of hidden vectors.
    Returns the log loss of the true probabilities."""
    random = np.random.default_rng(7)
    vectors = random.normal(size=(fields, values, 3)) * 0.9
    linear = random.normal(size=(fields, values)) * 0.3
    for name, count in (("train.ffm", rows), ("test.ffm", eval_rows)):
        drawn = random.integers(values, size=(count, fields))
        hidden = np.stack([vectors[f, drawn[:, f]] for f in range(fields)], axis=1)
        total = hidden.sum(axis=1)
        pairs = ((total ** 2).sum(axis=1) - (hidden ** 2).sum(axis=(1, 2))) / 2
        p = 1 / (1 + np.exp(-(pairs + sum(linear[f, drawn[:, f]] for f in range(fields)))))
        labels = random.random(count) < p
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            for label, row in zip(labels, drawn):
                features = " ".join(f"{f}:{f * values + v}:1" for f, v in enumerate(row))
                file.write(f"{int(label)} {features}\n")
        best = -np.log(np.where(labels, p, 1 - p)).mean()
    return best


def interactions(fields=4, batch=128, epochs=10):
    """Of train.ffm and test.ffm."""
    return (f"format: libffm, libffm: {{fields: {fields}}}, train: [train.ffm], eval: [test.ffm], batch_size: {batch}, "
            f"epochs: {epochs}")


RATINGS_NOISE = 0.5


def write_ratings(folder, users=500, items=400, rank=8, share=0.7):
    """A matrix of rank `rank` with biases and noise, in train.libsvm and test.libsvm; each cell is in one of them."""
    random = np.random.default_rng(7)
    truth = 3.5 + random.normal(0, 0.5, (users, 1)) + random.normal(0, 0.5, items)
    truth += random.normal(0, 0.6, (users, rank)) @ random.normal(0, 0.6, (rank, items))
    ratings = truth + random.normal(0, RATINGS_NOISE, truth.shape)
    cells = random.permutation(users * items)
    train, test = np.split(cells, [int(share * len(cells))])
    for name, part in (("train", train), ("test", test)):
        with open(os.path.join(folder, name + ".libsvm"), "w", encoding="utf-8") as file:
            file.writelines(f"{ratings.flat[c]:.5f} {c // items}:1 {users + c % items}:1\n" for c in part)


def ratings(batch=256, epochs=15):
    """Of train.libsvm and test.libsvm."""
    return f"train: [train.libsvm], eval: [test.libsvm], batch_size: {batch}, epochs: {epochs}"


def write_blobs(folder):
    """12 blobs of unequal size, far from the origin, one behind the other in blobs.csv. Returns points and centres."""
    random = np.random.default_rng(3)
    centres = random.uniform(-10, 10, (12, 5)) + 1000
    sizes = random.integers(500, 3000, 12)
    points = np.concatenate([random.normal(c, 1.5, (n, 5)) for c, n in zip(centres, sizes)])
    rows = np.column_stack([np.zeros(len(points)), points])
    np.savetxt(os.path.join(folder, "blobs.csv"), rows, fmt="%.5f", delimiter=",")
    return points, centres


def blobs(batch=256, epochs=2):
    return f"format: csv, train: [blobs.csv], eval: [blobs.csv], batch_size: {batch}, epochs: {epochs}"


def inertia(points, centres):
    """Mean squared distance of points to the nearest centre."""
    distances = ((points[:, None, :] - centres[None]) ** 2).sum(axis=2)
    return distances.min(axis=1).mean()


WORD_GROUPS, WORDS_OF_GROUP = 10, 10


def write_corpus(folder, sentences=20000):
    """Sentences of words of one group each, in corpus.txt; word i belongs to group i // WORDS_OF_GROUP. In words.txt, word
    i comes i + 1 times."""
    random = np.random.default_rng(7)
    with open(os.path.join(folder, "corpus.txt"), "w", encoding="utf-8") as file:
        for group in random.integers(WORD_GROUPS, size=sentences):
            words = random.integers(WORDS_OF_GROUP, size=10)
            file.write(" ".join(f"word{group * WORDS_OF_GROUP + word}" for word in words) + "\n")
    with open(os.path.join(folder, "words.txt"), "w", encoding="utf-8") as file:
        for i in range(WORD_GROUPS * WORDS_OF_GROUP):
            file.write(f"word{i} " * (i + 1) + "\n")


def corpus(batch=128, epochs=3, held_out=""):
    return f"format: text, train: [corpus.txt], {held_out} batch_size: {batch}, epochs: {epochs}"


# Sums how often each key of words.txt comes: models know words by their hashes, and word i comes i + 1 times.
COUNT_WORDS = config("{type: feature_sum}", "format: text, train: [words.txt]", 1, 1, "{mode: asp}",
                     "{type: sgd, learning_rate: 1}", output="{model: words.safetensors}")


def neighbours_of_the_group(model, counts):
    """Share of words whose nearest word by cosine is of their group; `counts`: the model of COUNT_WORDS."""
    group_of = {key: (int(count) - 1) // WORDS_OF_GROUP
                for key, (count,) in zip(counts["weights.keys"], counts["weights.values"])}
    groups = np.array([group_of[key] for key in model["input.keys"]])
    vectors = model["input.values"] / np.linalg.norm(model["input.values"], axis=1, keepdims=True)
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -1)
    return np.mean(groups[cosine.argmax(axis=1)] == groups)


def write_classes(folder, rows=4000, columns=12, classes=4):
    """Overlapping classes in train.csv and test.csv, and in regression.csv a plane with noise over independent columns."""
    random = np.random.default_rng(5)
    labels = random.integers(classes, size=rows)
    points = random.normal(size=(classes, columns))[labels] + random.normal(size=(rows, columns))
    table = np.column_stack([labels, points])
    np.savetxt(os.path.join(folder, "train.csv"), table[: rows * 3 // 4], fmt="%.5g", delimiter=",")
    np.savetxt(os.path.join(folder, "test.csv"), table[rows * 3 // 4:], fmt="%.5g", delimiter=",")
    points = random.normal(size=(rows, columns))
    values = points @ random.normal(size=columns) + 0.5 + random.normal(0, 0.3, rows)
    table = np.column_stack([values, points])
    np.savetxt(os.path.join(folder, "regression.csv"), table, fmt="%.5g", delimiter=",")


class Workload:
    """A small problem for one model."""

    def __init__(self, model, write, data, optimizer=None, tolerance=0.02):
        self.model = model          # YAML
        self.write = write          # makes the files in a folder
        self.data = data            # YAML, without braces
        self.optimizer = optimizer  # YAML; None: the model's own
        # Relative difference that medians of the held-out loss of three asynchronous runs may have.
        self.tolerance = tolerance

    def config(self, **kwargs):
        return config(self.model, self.data, **{"optimizer": self.optimizer, **kwargs})


def _write_small_interactions(folder):
    write_interactions(folder, rows=6000, eval_rows=3000)


def _write_small_ratings(folder):
    write_ratings(folder, users=120, items=100)


def _write_small_corpus(folder):
    write_corpus(folder, sentences=3000)


# One for every model that learns.
SMALL_WORKLOADS = {
    "linear_regression": Workload("{type: linear_regression}", write_classes,
                                  "format: csv, train: [regression.csv], eval_fraction: 0.25, batch_size: 32, epochs: 10",
                                  "{type: adagrad, learning_rate: 0.3}", tolerance=0.05),
    "logistic_regression": Workload("{type: logistic_regression}", _write_small_interactions, interactions(epochs=2)),
    "softmax_regression": Workload("{type: softmax_regression, classes: 4}", write_classes, dense(32, 4)),
    "factorization_machine": Workload("{type: factorization_machine}", _write_small_interactions, interactions(epochs=4),
                                      tolerance=0.05),
    "field_aware_fm": Workload("{type: field_aware_fm}", _write_small_interactions, interactions(epochs=4),
                               tolerance=0.1),
    "matrix_factorization": Workload("{type: matrix_factorization}", _write_small_ratings, ratings(64, 8),
                                     "{type: adagrad, learning_rate: 0.3}", tolerance=0.3),
    "mlp": Workload("{type: mlp, classes: 4, hidden: [16]}", write_classes, dense(32, 5), tolerance=0.15),
    "wide_deep": Workload("{type: wide_deep, hidden: [16]}", _write_small_interactions, interactions(epochs=5),
                          tolerance=0.2),
    "deep_fm": Workload("{type: deep_fm, hidden: [16]}", _write_small_interactions, interactions(epochs=5), tolerance=0.1),
    "kmeans": Workload("{type: kmeans, clusters: 12}", write_blobs, blobs(epochs=1)),
    "word2vec": Workload("{type: word2vec, dim: 8, negatives: 3}", _write_small_corpus,
                         corpus(epochs=2, held_out="eval_fraction: 0.1,"), tolerance=0.1),
}
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw", "ftrl")
