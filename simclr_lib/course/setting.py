"""What every lesson begins with: its settings, its pictures, its random numbers."""

import warnings
from dataclasses import dataclass

from simclr_lib.datasets import Dataset
from simclr_lib.errors import UserError

PROFILES = ("full", "smoke")
SMOKE_PICTURES = (256, 128)  # for training and for tests


@dataclass(frozen=True, eq=False)
class Lesson:
    """The settings of a lesson.

    Attributes:
        name: as "03_nt_xent".
        data: the pictures, a small part of them in the smoke profile.
        smoke: whether the lesson is only to show that it runs.
        seed: what all randomness of the lesson derives from.
    """

    name: str
    data: Dataset
    smoke: bool
    seed: int

    def pick(self, *, full, smoke):
        """One of two values, by profile."""
        return smoke if self.smoke else full


def lesson(
    name: str,
    *,
    profile: str = "full",
    dataset: str = "auto",
    seed: int = 0,
    train_limit: int | None = None,
    test_limit: int | None = None,
) -> Lesson:
    """Begin a lesson: seed Python, NumPy and Keras, load the pictures, set the figures' style.

    Args:
        name: the lesson's file name without its ending.
        profile: "full", or "smoke" for a run in seconds on few pictures.
        dataset: "auto" (CIFAR-10 where `simclr data cifar10` has put it, else the built-in
            shapes), or anything that `load_dataset` takes.
        seed: a whole number.
        train_limit, test_limit: keep at most so many pictures in the full profile.

    Returns:
        A `Lesson`. One printed line says which pictures are used.

    Raises:
        UserError: a setting that does not exist, or data that cannot be loaded.
    """
    if profile not in PROFILES:
        raise UserError(f"profile={profile!r}: choose one of {', '.join(map(repr, PROFILES))}.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise UserError(f"seed={seed!r}: give a whole number from 0.")
    from simclr_lib.quiet import import_keras, without_tensorflow

    keras = import_keras()
    from simclr_lib import plots
    from simclr_lib.datasets import cifar10, load_dataset

    plots.set_style()
    smoke = profile == "smoke"
    if smoke:
        train_limit, test_limit = SMOKE_PICTURES
    if dataset == "auto":
        dataset = "shapes" if cifar10.find() is None else "cifar10"
    with warnings.catch_warnings(record=True) as noted:  # to be told without the line of code
        warnings.simplefilter("always", UserWarning)
        data = load_dataset(dataset, train_limit=train_limit, test_limit=test_limit, seed=seed)
    for note in noted:
        print(f"Note: {note.message}.")
    with without_tensorflow():  # Keras would import an installed one, on any backend, to seed it
        keras.utils.set_random_seed(seed)
    print(
        f"Data: {data.name}, {len(data.train_images):,} pictures to learn from and"
        f" {len(data.test_images):,} to test on, {data.image_size}×{data.image_size} pixels,"
        f" {len(data.class_names)} classes; profile {profile}, seed {seed}."
    )
    return Lesson(name, data, smoke, seed)
