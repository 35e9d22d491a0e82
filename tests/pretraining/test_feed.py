"""The same batches in the same order, by a pipeline that nothing has to be waited for."""

import time

import keras
import numpy as np
import pytest

from simclr_lib.pretraining.batches import ShuffledBatches
from simclr_lib.pretraining.feed import fed

IMAGES = np.random.default_rng(0).integers(0, 256, (25, 4, 4, 3), "uint8")
LABELS = np.arange(25, dtype="int32")
ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the pipeline is TensorFlow's"
)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="there it is another object")
def test_elsewhere_batches_stay_as_they_are():
    batches = ShuffledBatches(IMAGES, 4, 0, 0)
    assert fed(batches) is batches


@ON_TENSORFLOW
@pytest.mark.parametrize("labels", [None, LABELS])
def test_the_batches_are_the_same_each_time(labels):
    batches = ShuffledBatches(IMAGES, 4, 0, 0, labels=labels)
    data = fed(batches)
    assert len(data) == 6
    for _ in range(2):
        for number, batch in enumerate(data):
            assert len(batch) == len(batches[number]) == (1 if labels is None else 2)
            for found, expected in zip(batch, batches[number], strict=True):
                np.testing.assert_array_equal(found, expected)


@ON_TENSORFLOW
def test_a_last_batch_may_be_smaller():
    class Uneven(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return (IMAGES[: 4 - index],)

    assert [len(images) for (images,) in fed(Uneven())] == [4, 3]


@ON_TENSORFLOW
def test_the_pipeline_is_not_tuned_and_ends_at_once():
    data = fed(ShuffledBatches(IMAGES, 4, 0, 0))
    assert data.options().autotune.enabled is False
    waits = []
    for seconds in (0.4, 0.7, 1.4):  # where a tuning thread has just gone to sleep
        batches = iter(data)
        next(batches)
        time.sleep(seconds)
        began = time.perf_counter()
        del batches
        waits.append(time.perf_counter() - began)
    assert sorted(waits)[1] < 0.2, waits
