"""The linear probe and kNN on 50,000 features of 512 numbers, beside scikit-learn.

The features are drawn: ten classes, whose clouds overlap as those of a good encoder do. Like real
features they vary much more along some directions than along others. Each round draws anew: of two
rules that are equally good, one gets a few more pictures right in one draw and the other in the
next. What both linear probes minimise is compared too. scikit-learn's side is in
`peers/sklearn_probe.py`.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from simclr_lib.bench.case import Case
from simclr_lib.bench.figures import Bar, Figure
from simclr_lib.bench.peers.serving import HighWater

SKLEARN = "scikit-learn"
PROBE, KNN = "linear probe", "kNN"
PENALTY = 1e-4  # λ, the default of `linear_probe`


def cases(quick):
    turns = {PROBE: 60, KNN: 60}
    return [
        Case("probe", method, 10, 2 if quick else turns[method], {"method": method})
        for method in (PROBE, KNN)
    ]


def measure(case, session, earlier):
    method = case.settings["method"]
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / f"features-{seed}.npz") for seed in range(session.rounds)]
        for seed, file in enumerate(files):
            np.savez(file, **features(2_000 if session.quick else 50_000, seed=seed))
        settings = {"files": files, "method": method}
        answers = session.alternate(
            case,
            {
                "kit": session.kit("probe", **settings),
                SKLEARN: session.package("sklearn_probe.py", **settings),
            },
        )
        if method == PROBE:
            for measured in answers.values():
                for answer, file in zip(measured, files, strict=True):
                    answer["loss"] = penalised_loss(file, *answer["rule"])
    units = {"time": "s", "accuracy": "share", "memory": "MB"}
    if method == PROBE:
        units["loss"] = ""
    return [
        Figure(case.name, side, quantity, unit, values)
        for side, measured in answers.items()
        for quantity, unit in units.items()
        if None not in (values := [answer[quantity] for answer in measured])
    ]


def bars(found):
    made = []
    for method in (PROBE, KNN):
        ours, theirs = (found.values(method, side, "accuracy") for side in ("kit", SKLEARN))
        rounds = tuple(100 * (a - b) for a, b in zip(ours, theirs, strict=True))
        difference = statistics.mean(rounds) if rounds else None
        chance = 2 * statistics.stdev(rounds) / len(rounds) ** 0.5 if len(rounds) > 1 else 0.0
        made += [
            found.bar(
                f"{method}, time of {SKLEARN} ÷ kit",
                (method, SKLEARN, "time"),
                (method, "kit", "time"),
                3 if method == PROBE else None,
            ),
            # A test picture more or less out of ten thousand is 0.01 points.
            Bar(
                f"{method}, accuracy of kit − {SKLEARN}, mean over the rounds",
                difference,
                0,
                unit="points",
                rounds=rounds,
                chance=chance,
            ),
        ]
    loss = [(PROBE, side, "loss") for side in ("kit", SKLEARN)]
    made.append(found.bar(f"{PROBE}, what both minimise, kit ÷ {SKLEARN}", *loss, 1, False))
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


def penalised_loss(file, mean, deviation, weights, bias):
    """Mean cross-entropy and penalty of a linear rule on the training part of some features."""
    with np.load(file) as stored:
        train_h, train_y = stored["train_h"], stored["train_y"]
    weights = np.asarray(weights)
    logits = (train_h - np.asarray(mean)) / np.asarray(deviation) @ weights + np.asarray(bias)
    logits -= logits.max(axis=1, keepdims=True)
    own = logits[np.arange(len(logits)), train_y]
    loss = np.mean(np.log(np.exp(logits).sum(axis=1)) - own)
    return float(loss + PENALTY / 2 * np.sum(weights**2))


def side(files, method, quick):
    """`linear_probe` or `knn_accuracy`, whole: from features to an accuracy; a file a round."""
    from simclr_lib.evaluation import knn_accuracy, linear_probe
    from simclr_lib.evaluation.linear_probe import fit_linear

    files, water = iter(files), HighWater()

    def measure():
        with np.load(next(files)) as stored:
            arrays = [stored[name] for name in ("train_h", "train_y", "test_h", "test_y")]
        water.start()
        began = time.perf_counter()
        accuracy = linear_probe(*arrays).accuracy if method == PROBE else knn_accuracy(*arrays)
        took = time.perf_counter() - began
        found = {"time": took, "accuracy": accuracy, "memory": water.megabytes()}
        if method == PROBE:  # once more, for the rule itself: the fit is the same to the last bit
            rule = fit_linear(*arrays[:2], classes=10)
            found["rule"] = [np.asarray(part).tolist() for part in rule]
        return found

    return measure
