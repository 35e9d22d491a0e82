"""scikit-learn's logistic regression and kNN on the same features.

Logistic regression: features standardised first, L-BFGS, the same penalty as the kit's (its C is
1 ÷ (λ · pictures)) and as many iterations at most; its own rule to stop. kNN: brute force by
cosine, the same 200 neighbours and weights. Both in float32, which they keep.
"""

import time

import numpy as np
from serving import HighWater, serve
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def weights(distance):
    return np.exp(-distance / 0.1)


def prepare(files, method, quick):
    files, water = iter(files), HighWater()

    def build(pictures):
        if method == "linear probe":
            regression = LogisticRegression(C=1 / (1e-4 * pictures), max_iter=100)
            return make_pipeline(StandardScaler(), regression)
        return KNeighborsClassifier(200, weights=weights, algorithm="brute", metric="cosine")

    def measure():
        with np.load(next(files)) as stored:
            train_h, train_y, test_h, test_y = (
                stored[name] for name in ("train_h", "train_y", "test_h", "test_y")
            )
        water.start()
        began = time.perf_counter()
        model = build(len(train_h)).fit(train_h, train_y)
        accuracy = model.score(test_h, test_y)
        took = time.perf_counter() - began
        found = {"time": took, "accuracy": accuracy, "memory": water.megabytes()}
        if method == "linear probe":
            scaler, regression = model[0], model[1]
            rule = scaler.mean_, scaler.scale_, regression.coef_.T, regression.intercept_
            found["rule"] = [part.tolist() for part in rule]
        return found

    return measure


if __name__ == "__main__":
    serve(prepare)
