"""The linear probe: how much of the classes can be read off frozen features by a linear rule."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from simclr_lib import machine

# So many pictures at a time: 512 numbers of each stay in a processor's cache between the logits and
# the slope. What is summed up, and in which order, does not depend on the number of cores.
BLOCK = 2000


@dataclass(frozen=True)
class ProbeResult:
    """What a classifier gets right on the test part.

    Attributes:
        accuracy: share of the test pictures, in [0, 1].
        per_class: the same for each class, `(K,)`; NaN for a class without test pictures.
        confusion: `(K, K)` counts; row: the true class, column: the predicted one.
    """

    accuracy: float
    per_class: np.ndarray
    confusion: np.ndarray

    @classmethod
    def of(cls, predicted, true, classes):
        """Count predictions `(M,)` against the true labels `(M,)`."""
        confusion = np.zeros((classes, classes), "int64")
        np.add.at(confusion, (true, predicted), 1)
        pictures = confusion.sum(axis=1)
        with np.errstate(invalid="ignore"):
            per_class = np.diag(confusion) / pictures
        return cls(float(np.mean(predicted == true)), per_class, confusion)


def linear_probe(train_h, train_y, test_h, test_y, *, penalty=1e-4, iterations=100):
    """Fit multinomial logistic regression on features, and test it.

    The features are standardised by the training part's mean and deviation first. The fit is
    L-BFGS on all pictures at once, so there is no learning rate to choose and nothing random. It
    runs in coordinates in which the loss is about equally steep in all directions, however
    correlated the features are: the same optimum in a few dozen steps.

    Args:
        train_h, test_h: float `(N, d)` and `(M, d)`.
        train_y, test_y: integer labels `(N,)` and `(M,)`, from 0.
        penalty: λ ≥ 0 of the term λ/2 · |weights|² beside the mean cross-entropy.
        iterations: steps of L-BFGS at most.

    Returns:
        A `ProbeResult` on the test part.
    """
    classes = int(max(train_y.max(), test_y.max())) + 1
    options = {"penalty": penalty, "iterations": iterations}
    mean, deviation, weights, bias = fit_linear(train_h, train_y, classes, **options)
    test_x = np.array(test_h, "float32")
    test_x -= mean
    test_x /= deviation
    predicted = np.argmax(test_x @ weights.astype("float32") + bias, axis=1)
    return ProbeResult.of(predicted, test_y, classes)


def fit_linear(train_h, train_y, classes, *, penalty=1e-4, iterations=100):
    """Fit the rule of `linear_probe`: `(mean, deviation, weights, bias)`.

    Logits are `(h − mean) / deviation @ weights + bias`; weights are `(d, K)`, the others `(d,)`
    and `(K,)`. The arguments are those of `linear_probe`, with the number of classes K.
    """
    # In place: 50,000 pictures' raw pixels are 600 MB, and one copy of them is enough.
    train_x = np.array(train_h, "float32")
    mean = train_x.mean(axis=0, dtype="float64")
    train_x -= mean
    deviation = np.sqrt(np.einsum("nd,nd->d", train_x, train_x) / len(train_x))
    deviation[deviation < 1e-6] = 1.0
    train_x /= deviation

    pictures, dims = train_x.shape

    # The loss curves like the features' covariance times p (1 − p), plus the penalty. Some
    # thousand pictures tell that well enough: it only chooses the coordinates. With its root
    # U (UᵀU = the curvature) the weights are U⁻¹ · coordinates.
    some = train_x[:: max(1, pictures // 10_000)]
    curvature = some.T @ some * ((classes - 1) / classes**2 / len(some))
    curvature[np.diag_indices(dims)] += penalty + 1e-4
    root = cholesky(curvature.astype("float64"))

    def of_block(first, weights, bias):
        """Sums over a block of pictures: cross-entropy, and its slopes by weights and bias."""
        x, y = train_x[first : first + BLOCK], train_y[first : first + BLOCK]
        rows = np.arange(len(x))
        logits = x @ weights + bias
        logits -= logits.max(axis=1, keepdims=True)
        probability = np.exp(logits)
        total = probability.sum(axis=1, keepdims=True)
        loss = np.sum(np.log(total[:, 0]) - logits[rows, y], dtype="float64")
        probability /= total
        probability[rows, y] -= 1
        return loss, probability.T @ x, probability.sum(axis=0)

    def cross_entropy(parameters):
        parameters = parameters.reshape(dims + 1, classes)
        weights, bias = solve_triangular(root, parameters[:-1]), parameters[-1]
        rule = weights.astype("float32"), bias.astype("float32")
        blocks = pool.map(lambda first: of_block(first, *rule), range(0, pictures, BLOCK))
        loss, steepness, slope_of_bias = (
            np.sum(sums, axis=0, dtype="float64") / pictures for sums in zip(*blocks, strict=True)
        )
        slope = np.empty((dims + 1, classes))
        slope[:-1] = solve_triangular(root, steepness.T + penalty * weights, trans="T")
        slope[-1] = slope_of_bias
        return loss + penalty / 2 * np.sum(weights**2), slope.ravel()

    start = np.zeros((dims + 1) * classes)
    options = {"maxiter": iterations, "maxcor": 10, "gtol": 1e-5}
    # The threads are ours: a product this long and thin is not worth sharing out among BLAS' own.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(machine.cores()) as pool:
        best = minimize(cross_entropy, start, jac=True, method="L-BFGS-B", options=options).x
    best = best.reshape(dims + 1, classes)
    weights = solve_triangular(root, best[:-1])
    return mean, deviation, weights, best[-1]
