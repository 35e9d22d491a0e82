"""Views: pictures a second, on one core, of the kit's augmenter and of what others use.

The kit's side starts from uint8 arrays and ends with float views of a whole batch. torchvision's
(`peers/torchvision_views.py`) starts from the same arrays and ends with float tensors, a picture
at a time; Keras' stock layers (`peers/keras_views.py`) take batches as the kit does.
"""

import numpy as np

from simclr_lib.bench.case import Case
from simclr_lib.bench.figures import Figure
from simclr_lib.bench.peers.serving import repeat

BATCH = 512
TORCHVISION, KERAS = "torchvision transforms", "Keras stock layers"


def cases(quick):
    sizes = [(32, 0.0)] if quick else [(32, 0.0), (64, 0.5)]
    return [
        Case("views", f"{size}×{size}", 30, 9, {"size": size, "blur": blur}) for size, blur in sizes
    ]


def measure(case, session, earlier):
    """Each side kept to one core; and the kit on all of them, as a training uses it."""
    one = {"cores": 1, **case.settings}
    answers = session.alternate(
        case,
        {
            "kit": session.kit("views", **one),
            TORCHVISION: session.peer("torchvision_views.py", **one),
            KERAS: session.package("keras_views.py", **one),
            "kit, all cores": session.kit("views", **case.settings),
        },
    )
    return [
        Figure(case.name, side, "views", "pictures/s", [answer["rate"] for answer in measured])
        for side, measured in answers.items()
    ]


def bars(found):
    limits = {("32×32", TORCHVISION): 12, ("32×32", KERAS): 5}
    return [
        found.bar(
            f"views at {size} per core, kit ÷ {peer}",
            (size, "kit", "views"),
            (size, peer, "views"),
            limits.get((size, peer)),
        )
        for size in ("32×32", "64×64")
        for peer in (TORCHVISION, KERAS)
    ]


def side(size, blur, quick):
    """The kit's augmenter, compiled as in a training step."""
    from simclr_lib.augment import simclr_augmenter
    from simclr_lib.bench.compiled import compiled

    pictures = np.random.default_rng(0).integers(0, 256, (BATCH, size, size, 3), "uint8")
    augment = compiled(simclr_augmenter(size, blur_probability=blur))
    augment(pictures)

    def measure():
        return {"rate": BATCH / repeat(lambda: augment(pictures), 0.1 if quick else 2.0)}

    return measure
