"""NT-Xent's value and gradient: time and memory by the number of pairs.

Each side is a process of its own, whose memory is the high-water mark beyond what it held with its
inputs in place. A side is not measured where its memory would pass 4 GB: it grows with the square
of the pairs (by row blocks in proportion to them), so the last size that was measured tells.
Up to 2,048 pairs the row blocks also tell how far they are from the dense value and gradient.
"""

import numpy as np

from simclr_lib.bench.case import Case
from simclr_lib.bench.figures import Bar, Figure
from simclr_lib.bench.peers.serving import HighWater, repeat

DIMS, TEMPERATURE, BLOCK_ROWS = 128, 0.5, 256
PAIRS = (512, 2048, 8192, 32768)
COMPARED_PAIRS = 2048  # up to here value and gradient are held against the dense ones
MOST_MEGABYTES = 4000
DENSE, BLOCKED = "kit, dense", f"kit, {BLOCK_ROWS} rows at a time"
VALUE, GRADIENT = (f"{what}: relative difference from dense" for what in ("value", "gradient"))
LIGHTLY, BROADCAST = "lightly", "PyTorch, broadcast cosine"

# Megabytes at 512 pairs, and the power of the pairs that they grow with.
FIRST_MEGABYTES = {DENSE: (25, 2), BLOCKED: (35, 1), LIGHTLY: (35, 2), BROADCAST: (3300, 2)}


def cases(quick):
    sizes = PAIRS[:1] if quick else PAIRS
    turns = {512: 3, 2048: 4, 8192: 12, 32768: 60}
    return [Case("loss", f"{pairs:,} pairs", 40, turns[pairs], {"pairs": pairs}) for pairs in sizes]


def measure(case, session, earlier):
    """All sides whose memory is going to suffice.

    Args:
        case: with the number of `pairs`.
        session: the `Session`.
        earlier: figures of the smaller cases.
    """
    pairs = case.settings["pairs"]
    sides = {
        DENSE: session.kit("loss", pairs=pairs, block_rows=None),
        BLOCKED: session.kit("loss", pairs=pairs, block_rows=BLOCK_ROWS),
        LIGHTLY: session.peer("torch_loss.py", pairs=pairs, loss="lightly"),
        BROADCAST: session.peer("torch_loss.py", pairs=pairs, loss="broadcast"),
    }
    expected = {side: expected_megabytes(side, pairs, earlier) for side in sides}
    left_out = {side for side in sides if sides[side] and expected[side] > MOST_MEGABYTES}
    answers = session.alternate(
        case, {side: start for side, start in sides.items() if side not in left_out}
    )
    figures = []
    for side, measured in answers.items():
        seconds = [answer["seconds"] for answer in measured]
        figures.append(Figure(case.name, side, "time", "s", seconds))
        megabytes = measured[0]["megabytes"]  # one process, one high-water mark
        if megabytes is not None:
            figures.append(Figure(case.name, side, "memory", "MB", (megabytes,)))
        figures += [
            Figure(case.name, side, quantity, "", (measured[0][quantity],))
            for quantity in (VALUE, GRADIENT)
            if quantity in measured[0]
        ]
    for side in sorted(left_out):
        note = f"would take about {expected[side] / 1000:.0f} GB"
        figures += [
            Figure(case.name, side, "time", "s", (), note),
            Figure(case.name, side, "memory", "MB", (), note),
        ]
    return figures


def expected_megabytes(side, pairs, earlier):
    """What a side takes, by the largest case that it was measured in."""
    megabytes, power = FIRST_MEGABYTES[side]
    known = [(512, megabytes)]
    known += [
        (int(figure.case.split()[0].replace(",", "")), figure.median)
        for figure in earlier
        if (figure.side, figure.quantity) == (side, "memory") and figure.values
    ]
    measured_pairs, megabytes = max(known)
    return megabytes * (pairs / measured_pairs) ** power


def bars(found):
    at_2048, at_8192, at_32768 = (f"{pairs:,} pairs" for pairs in PAIRS[1:])
    return [
        Bar(
            f"NT-Xent at {at_32768} by row blocks: memory above the inputs",
            found.median(at_32768, BLOCKED, "memory"),
            1000,
            at_least=False,
            unit="MB",
        ),
        *(
            Bar(
                f"NT-Xent at {at_2048} by row blocks: {quantity}",
                found.median(at_2048, BLOCKED, quantity),
                1e-5,
                at_least=False,
                unit="",
            )
            for quantity in (VALUE, GRADIENT)
        ),
        found.bar(
            f"NT-Xent at {at_2048}: time by row blocks ÷ dense",
            (at_2048, BLOCKED, "time"),
            (at_2048, DENSE, "time"),
            1.3,
            at_least=False,
        ),
        found.bar(
            f"NT-Xent at {at_2048}: time of lightly's ÷ the kit's dense one",
            (at_2048, LIGHTLY, "time"),
            (at_2048, DENSE, "time"),
            None,
        ),
        found.bar(
            f"NT-Xent at {at_8192}: memory dense ÷ by row blocks",
            (at_8192, DENSE, "memory"),
            (at_8192, BLOCKED, "memory"),
            None,
        ),
    ]


def side(pairs, block_rows, quick):
    """The kit's loss on random projections."""
    from keras import ops

    from simclr_lib.bench.compiled import value_and_gradient
    from simclr_lib.losses import nt_xent

    numbers = np.random.default_rng(0).normal(size=(2, pairs, DIMS)).astype("float32")
    z_a, z_b = map(ops.convert_to_tensor, numbers)

    def nt_xent_of(rows):
        return value_and_gradient(lambda z_a, z_b: nt_xent(z_a, z_b, TEMPERATURE, block_rows=rows))

    run = nt_xent_of(block_rows)
    run(z_a[:8], z_b[:8])
    # The framework keeps the memory of a first call for the next: that one tells what it takes.
    water = HighWater()
    water.start()
    run(z_a, z_b)
    found = {"megabytes": water.megabytes()}
    if block_rows is not None and pairs <= COMPARED_PAIRS:
        found |= differences(run(z_a, z_b), nt_xent_of(None)(z_a, z_b))

    def measure():
        return {"seconds": repeat(lambda: run(z_a, z_b), 0.1 if quick else 1.0), **found}

    return measure


def differences(found, expected):
    """How far a value and its gradient are from others.

    Args:
        found, expected: `(value, gradients)`.

    Returns:
        `{quantity: the largest difference ÷ the largest number}`.
    """
    (value, slopes), (dense, dense_slopes) = found, expected
    slopes, dense_slopes = (
        np.concatenate([np.asarray(slope) for slope in part]) for part in (slopes, dense_slopes)
    )
    return {
        VALUE: abs(float(value) / float(dense) - 1),
        GRADIENT: float(np.abs(slopes - dense_slopes).max() / np.abs(dense_slopes).max()),
    }
