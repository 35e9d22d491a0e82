"""The order of the pictures: decided by seed, epoch and step alone."""

from itertools import chain, pairwise

import numpy as np
import pytest

from simclr_lib.pretraining.batches import ShuffledBatches

IMAGES = np.arange(25, dtype="uint8")[:, None, None, None] * np.ones((1, 2, 2, 3), "uint8")
LABELS = np.arange(25) * 10


def order(seed=0, epoch=0, batch_size=5, images=IMAGES, **options):
    """The numbers of the pictures, batch by batch."""
    batches = ShuffledBatches(images, batch_size, seed, epoch, **options)
    return [batches[i][0][:, 0, 0, 0].tolist() for i in range(len(batches))]


def test_an_epoch_shows_every_picture_once():
    assert sorted(chain(*order())) == list(range(25))


def test_pictures_that_fill_no_batch_wait():
    shown = order(batch_size=10)
    assert [len(batch) for batch in shown] == [10, 10]
    assert len(set(chain(*shown))) == 20


def test_the_same_seed_and_epoch_give_the_same_order():
    assert order(seed=3, epoch=2) == order(seed=3, epoch=2)


@pytest.mark.parametrize(
    "other", [{"seed": 4, "epoch": 2}, {"seed": 3, "epoch": 3}, {"seed": 2, "epoch": 3}]
)
def test_another_seed_or_epoch_gives_another_order(other):
    assert order(seed=3, epoch=2) != order(**other)


def test_batches_are_drawn_from_everywhere():
    assert all(np.ptp(batch) > 5 for batch in order())


@pytest.mark.parametrize("cuts", [[0, 5], [0, 2, 5], [0, 1, 2, 3, 4, 5], [0, 3, 3, 5]])
def test_slices_of_an_epoch_make_the_whole(cuts):
    slices = [order(start=start, stop=stop) for start, stop in pairwise(cuts)]
    assert list(chain(*slices)) == order()


def test_without_a_stop_a_slice_goes_to_the_end():
    assert order(start=3) == order()[3:]


@pytest.mark.parametrize("steps", [3, 5])
def test_fewer_steps_are_the_first_of_the_same_order(steps):
    assert order(stop=steps) == order()[:steps]


def test_more_steps_go_through_the_pictures_again_in_another_order():
    shown = order(stop=12)
    passes = [list(chain(*shown[first : first + 5])) for first in (0, 5, 10)]
    assert passes[0] == list(chain(*order()))
    assert sorted(passes[1]) == list(range(25)) and passes[1] != passes[0]
    assert len(set(passes[2])) == 10
    assert order(epoch=1, stop=12)[5:10] != shown[5:10]


@pytest.mark.parametrize("cuts", [[0, 12], [0, 4, 5, 12], [0, 5, 10, 12], [0, 7, 12]])
def test_slices_of_a_long_epoch_make_the_whole(cuts):
    slices = [order(start=start, stop=stop) for start, stop in pairwise(cuts)]
    assert list(chain(*slices)) == order(stop=12)


def test_no_picture_is_its_own_negative_where_two_passes_meet():
    assert all(len(set(batch)) == 10 for batch in order(batch_size=10, stop=9))


def test_without_labels_a_batch_holds_pictures_alone():
    (images,) = ShuffledBatches(IMAGES, 5, 0, 0)[0]
    assert (images.shape, images.dtype) == ((5, 2, 2, 3), "uint8")


def test_labels_stay_beside_their_pictures():
    batches = ShuffledBatches(IMAGES, 5, 0, 0, labels=LABELS)
    for images, labels in (batches[i] for i in range(len(batches))):
        np.testing.assert_array_equal(labels, images[:, 0, 0, 0] * 10)


def test_a_memory_mapped_file_serves_as_well(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert order(images=mapped) == order()
    (batch,) = ShuffledBatches(mapped, 5, 0, 0)[0]
    assert not isinstance(batch, np.memmap) or batch.base is None  # a copy: the file may go
