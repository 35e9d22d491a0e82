"""What every dataset source returns."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures in a training and a test part.

    Attributes:
        train_images: uint8 array `(N, height, width, 3)`, values 0..255; may be memory-mapped.
        train_labels: int64 array `(N,)`, values `0 .. len(class_names) - 1`.
        test_images: uint8 array `(M, height, width, 3)`.
        test_labels: int64 array `(M,)`.
        class_names: one name a class, in the order of the labels.
        name: how tables and figures call the dataset.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    name: str

    @property
    def image_size(self) -> int:
        """Side of the (square) pictures in pixels."""
        return self.train_images.shape[1]
