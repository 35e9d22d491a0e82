"""What lesson 06 taught to say of two arms that share their seeds, or that one cannot tell."""

import numpy as np
from scipy import stats


def paired(arm, control):
    """By how much an arm is better than a control, seed by seed, and what the seeds leave open.

    Args:
        arm, control: accuracies in percent, `(seeds,)`, of the same seeds in the same order.

    Returns:
        `(gain, reach)` in points: the mean of arm − control, and Student's limit for so few seeds,
        which equal arms pass in one study of twenty.
    """
    gains = np.array(arm) - np.array(control)
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return gains.mean(), stats.t.ppf(0.975, len(gains) - 1) * error


def verdict(arm, control):
    """The same in words, which end in "better", "worse" or "cannot tell"."""
    gain, reach = paired(arm, control)
    word = "cannot tell" if abs(gain) <= reach else "better" if gain > 0 else "worse"
    return f"{gain:+5.1f} points, left open ± {reach:.1f}: {word}"
