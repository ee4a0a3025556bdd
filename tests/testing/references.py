"""Trusted programs on one machine, run on the same files."""

import os
import shutil
import subprocess

import numpy as np


def auc(labels, scores):
    """Area under the ROC curve by ranks, ties counting one half (Mann and Whitney)."""
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    del values
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    positive = labels > 0
    n = positive.sum()
    return (ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(labels) - n))


class Liblinear:
    """Logistic regression by LIBLINEAR (-s 0), with the C of 0.01, 0.1, 1 and 10 that is best on the held-out file."""

    @staticmethod
    def is_there():
        return shutil.which("liblinear-train") is not None

    def __init__(self, train, test, folder):
        with open(test, encoding="utf-8") as file:
            labels = np.array([float(line.split(None, 1)[0]) for line in file])
        self.logloss = np.inf
        for c in (0.01, 0.1, 1, 10):
            model, out = os.path.join(folder, "liblinear.model"), os.path.join(folder, "liblinear.out")
            subprocess.run(["liblinear-train", "-q", "-s", "0", "-c", str(c), train, model], check=True,
                           stdout=subprocess.DEVNULL)
            subprocess.run(["liblinear-predict", "-b", "1", test, model, out], check=True, stdout=subprocess.DEVNULL)
            with open(out, encoding="utf-8") as file:
                column = file.readline().split().index("1")
                p = np.array([float(line.split()[column]) for line in file])
            logloss = -np.log(np.where(labels > 0, p, 1 - p)).mean()
            if logloss < self.logloss:
                self.c, self.logloss, self.auc = c, logloss, auc(labels, p)
                self.accuracy = ((p > 0.5) == (labels > 0)).mean()
