"""Batches of a training set in an order that only the seed, the epoch and the step decide."""

import keras
import numpy as np


class ShuffledBatches(keras.utils.PyDataset):
    """Steps `start` to `stop` of one epoch, each a batch of pictures.

    The order is a permutation drawn from (seed, epoch), so any step can be had again without
    running those before it. Pictures that do not fill a last batch wait for another epoch. An
    epoch of more steps than the pictures fill goes through them again, in another order.

    Args:
        images: uint8 `(N, H, W, 3)`; may be memory-mapped.
        batch_size: pictures a batch, at most N.
        seed, epoch: what the order is drawn from.
        start, stop: the first step, and the one after the last; None: as many as the pictures
            fill.
        labels: `(N,)` to be given beside the pictures, for supervised training.
    """

    def __init__(self, images, batch_size, seed, epoch, start=0, stop=None, labels=None):
        super().__init__()
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.start, self.steps_in_pass = start, len(images) // batch_size
        self.stop = self.steps_in_pass if stop is None else stop
        self.orders = {
            number: self.order(len(images), seed, epoch, number)
            for number in range(
                self.start // self.steps_in_pass, -(-self.stop // self.steps_in_pass)
            )
        }

    @staticmethod
    def order(pictures, seed, epoch, number):
        """The order in pass `number` of an epoch, from 0: indices of pictures."""
        drawn_from = [seed, epoch, number] if number else [seed, epoch]
        return np.random.default_rng(drawn_from).permutation(pictures)

    def __len__(self):
        return self.stop - self.start

    def __getitem__(self, index):
        number, step = divmod(self.start + index, self.steps_in_pass)
        first = step * self.batch_size
        # Sorted: a memory-mapped file is read front to back, and a batch has no order.
        chosen = np.sort(self.orders[number][first : first + self.batch_size])
        if self.labels is None:
            return (self.images[chosen],)
        return self.images[chosen], self.labels[chosen]
