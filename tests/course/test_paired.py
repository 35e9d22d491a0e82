"""A difference over seeds, held against SciPy's own test."""

import numpy as np
import pytest
from scipy import stats

from simclr_lib.course.paired import paired, verdict

CONTROL = [50.0, 53.0, 47.0]


@pytest.mark.parametrize("shift", [-6.0, -0.3, 0.3, 6.0])
def test_more_than_chance_is_what_students_test_says(shift):
    arm = np.array(CONTROL) + shift + np.array([0.4, -0.5, 0.1])
    gain, reach = paired(arm, CONTROL)
    assert gain == pytest.approx(shift)
    assert (abs(gain) > reach) == (stats.ttest_rel(arm, CONTROL).pvalue < 0.05)
    word = ("better" if shift > 0 else "worse") if abs(shift) > 1 else "cannot tell"
    assert verdict(arm, CONTROL).endswith(f": {word}")


def test_equal_arms_cannot_be_told_apart():
    assert verdict(CONTROL, CONTROL) == " +0.0 points, left open ± 0.0: cannot tell"
