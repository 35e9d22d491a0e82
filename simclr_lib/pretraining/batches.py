"""Batches of a training set in an order that only the seed, the epoch and the step decide."""

import keras
import numpy as np


class ShuffledBatches(keras.utils.PyDataset):
    """Steps `start` to `stop` of one epoch, each a batch of pictures.

    The order is a permutation drawn from (seed, epoch), so any step can be had again without
    running those before it. Pictures that do not fill a last batch wait for another epoch.

    Args:
        images: uint8 `(N, H, W, 3)`; may be memory-mapped.
        batch_size: pictures a batch, at most N.
        seed, epoch: what the order is drawn from.
        start, stop: the first step, and the one after the last; None: to the end of the epoch.
        labels: `(N,)` to be given beside the pictures, for supervised training.
    """

    def __init__(self, images, batch_size, seed, epoch, start=0, stop=None, labels=None):
        super().__init__()
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.order = np.random.default_rng([seed, epoch]).permutation(len(images))
        self.start = start
        self.stop = len(images) // batch_size if stop is None else stop

    def __len__(self):
        return self.stop - self.start

    def __getitem__(self, index):
        first = (self.start + index) * self.batch_size
        # Sorted: a memory-mapped file is read front to back, and a batch has no order.
        chosen = np.sort(self.order[first : first + self.batch_size])
        if self.labels is None:
            return (self.images[chosen],)
        return self.images[chosen], self.labels[chosen]
