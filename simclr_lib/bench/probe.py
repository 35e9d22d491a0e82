"""The linear probe and kNN on 50,000 features of 512 numbers, beside scikit-learn.

The features are drawn: ten classes, whose clouds overlap as those of a good encoder do. Like real
features they vary much more along some directions than along others. scikit-learn's side is in
`peers/sklearn_probe.py`.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from simclr_lib.bench.case import Case
from simclr_lib.bench.figures import Bar, Figure
from simclr_lib.bench.peers.serving import HighWater

SKLEARN = "scikit-learn"
PROBE, KNN = "linear probe", "kNN"


def cases(quick):
    turns = {PROBE: 60, KNN: 60}
    return [
        Case("probe", method, 10, 2 if quick else turns[method], {"method": method})
        for method in (PROBE, KNN)
    ]


def measure(case, session, earlier):
    method = case.settings["method"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "features.npz"
        np.savez(file, **features(2_000 if session.quick else 50_000))
        settings = {"file": str(file), "method": method}
        answers = session.alternate(
            case,
            {
                "kit": session.kit("probe", **settings),
                SKLEARN: session.package("sklearn_probe.py", **settings),
            },
        )
    units = {"time": "s", "accuracy": "share", "memory": "MB"}
    return [
        Figure(case.name, side, quantity, unit, values)
        for side, measured in answers.items()
        for quantity, unit in units.items()
        if None not in (values := [answer[quantity] for answer in measured])
    ]


def bars(found):
    made = []
    for method in (PROBE, KNN):
        ours, theirs = (found.median(method, side, "accuracy") for side in ("kit", SKLEARN))
        difference = 100 * (ours - theirs) if None not in (ours, theirs) else None
        made += [
            found.bar(
                f"{method}, time of {SKLEARN} ÷ kit",
                (method, SKLEARN, "time"),
                (method, "kit", "time"),
                3 if method == PROBE else None,
            ),
            # A test picture more or less out of ten thousand is 0.01 points.
            Bar(f"{method}, accuracy of kit − {SKLEARN}", difference, -0.1, unit="points"),
        ]
    memory = found.median(KNN, "kit", "memory")
    made.append(Bar("kNN, memory above the features", memory, 500, at_least=False, unit="MB"))
    return made


def features(count, dims=512, classes=10, seed=0):
    """Draw training features, and a fifth as many to test: a dict of arrays.

    The deviation along the i-th axis falls as 1 ÷ √i, that of the classes' centers a little
    faster, and the axes are then turned at random. The numbers are chosen so that a linear rule
    gets some 85 % right, and kNN fewer.
    """
    rng = np.random.default_rng(seed)
    deviation = 1 / np.sqrt(np.arange(1, dims + 1))
    turn, _ = np.linalg.qr(rng.normal(size=(dims, dims)))
    centers = 0.45 * rng.normal(size=(classes, dims)) * deviation**1.5
    drawn = {}
    for part, number in (("train", count), ("test", count // 5)):
        labels = rng.integers(0, classes, number)
        cloud = rng.normal(size=(number, dims)) * deviation + centers[labels]
        drawn |= {f"{part}_h": (cloud @ turn + 0.5).astype("float32"), f"{part}_y": labels}
    return drawn


def side(file, method, quick):
    """`linear_probe` or `knn_accuracy`, whole: from features to an accuracy."""
    from simclr_lib.evaluation import knn_accuracy, linear_probe

    with np.load(file) as stored:
        arrays = [stored[name] for name in ("train_h", "train_y", "test_h", "test_y")]
    water = HighWater()

    def measure():
        water.start()
        began = time.perf_counter()
        accuracy = linear_probe(*arrays).accuracy if method == PROBE else knn_accuracy(*arrays)
        took = time.perf_counter() - began
        return {"time": took, "accuracy": accuracy, "memory": water.megabytes()}

    return measure
