"""Which encoder lesson 05 judges: lesson 04's, the kit's, a run's, or one that it trains itself."""

from dataclasses import asdict, replace

import keras
import numpy as np
import pytest

from simclr_lib import experiment, get_recipe, pretrained, resnet
from simclr_lib.course.on_trial import encoder_on_trial
from simclr_lib.course.setting import Lesson
from simclr_lib.datasets import Dataset
from simclr_lib.errors import UserError
from simclr_lib.heads import projection_head
from simclr_lib.run_folder import RunFolder


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def setting(name="pets", seed=0, drawn_from=0, smoke=True):
    rng = np.random.default_rng(drawn_from)
    images, labels = rng.integers(0, 256, (12, 16, 16, 3), "uint8"), np.arange(12) % 3
    data = Dataset(images, labels, images[:6], labels[:6], ("a", "b", "c"), name)
    return Lesson("05_linear_evaluation", data, smoke, seed)


def save(folder, value, *, head=True):
    """An encoder and a head whose weights are all `value`."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder = resnet(8, width=4, stem="strided")
    parts = {"encoder": encoder, "head": projection_head(encoder.output_shape[-1], 8, 4)}
    for name in ("encoder", "head") if head else ("encoder",):
        parts[name].set_weights([np.full(w.shape, value) for w in parts[name].get_weights()])
        parts[name].save(folder / f"{name}.keras")


def value_of(trial):
    (value,) = {float(w.flat[0]) for w in trial.encoder.get_weights() + trial.head.get_weights()}
    return value


def same_weights(one, other):
    pairs = zip(one.encoder.get_weights(), other.encoder.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture
def trainings(monkeypatch):
    """Folders trained into, in place of minutes of training; the weights come from the seed."""
    done = []

    def pretrain(recipe, precision, data, folder, say):
        done.append(folder.path.name)
        save(folder.path, 1 + recipe.seed)

    monkeypatch.setattr(experiment, "pretrain", pretrain)
    return done


def test_the_kits_is_taken_where_there_is_one_and_none_of_ones_own():
    trial = encoder_on_trial(setting("shapes"))
    assert trial.source == "the kit's pretrained encoder"
    assert trial.views == pretrained.views_seen("shapes")
    ours = np.concatenate([w.ravel() for w in trial.encoder.get_weights()])
    kits = pretrained.pretrained_encoder("shapes").get_weights()
    np.testing.assert_array_equal(ours, np.concatenate([w.ravel() for w in kits]))
    assert trial.head.input_shape[-1] == trial.encoder.output_shape[-1]


def test_each_call_loads_anew(empty_folder):
    first = encoder_on_trial(setting("shapes"))
    first.encoder.set_weights([np.zeros(w.shape) for w in first.encoder.get_weights()])
    assert not same_weights(first, encoder_on_trial(setting("shapes")))


@pytest.mark.parametrize("folder", ["lesson04", "lesson04-shapes-smoke-0"])
def test_lesson_04s_is_taken_if_pictures_and_profile_are_the_same(empty_folder, folder):
    own = empty_folder / "runs" / folder
    save(own, 2.0)
    for note, is_own in (("shapes, full", False), ("cifar10, smoke", False), ("shapes, smoke", 1)):
        (own / "trained_on.txt").write_text(note)
        trial = encoder_on_trial(setting("shapes"))
        assert (trial.source == f"runs/{folder}") == bool(is_own), note
    assert value_of(trial) == 2
    assert trial.views is None
    (own / "views.txt").write_text("5120")
    assert encoder_on_trial(setting("shapes")).views == 5120
    assert encoder_on_trial(setting("shapes"), "kit").source == "the kit's pretrained encoder"


def test_pictures_without_an_encoder_get_one_and_keep_it(trainings):
    first, again = encoder_on_trial(setting()), encoder_on_trial(setting())
    assert len(trainings) == 1
    assert same_weights(first, again)
    assert first.source == f"runs/{trainings[0]}"
    # 12 pictures, 3 a step: 12 epochs of 4 steps, and two views of each
    assert first.views == 12 * 4 * 3 * 2


def test_other_pictures_another_seed_or_profile_get_an_encoder_of_their_own(trainings):
    several = [
        setting(),
        setting(name="plants"),
        setting(seed=1),
        setting(drawn_from=1),  # the folder's pictures have changed
        setting(smoke=False),
    ]
    trials = [encoder_on_trial(each) for each in several]
    assert len({trial.source for trial in trials}) == len(set(trainings)) == len(several)
    assert value_of(trials[0]) == 1
    assert value_of(trials[2]) == 2


def test_a_run_is_judged_with_its_views_counted(empty_folder):
    folder = empty_folder / "somewhere" / "my run"
    save(folder, 3.0)
    recipe = replace(get_recipe("demo"), batch_size=4, epochs=5)
    RunFolder(folder).claim({"recipe": asdict(recipe), "data": {"train": 13}})
    trial = encoder_on_trial(setting("shapes"), "somewhere/my run")
    assert value_of(trial) == 3
    assert trial.source == "somewhere/my run"
    assert trial.views == 5 * (13 // 4) * 4 * 2


def test_what_cannot_be_judged_is_said_in_a_line(empty_folder):
    save(empty_folder / "autoencoder", 1.0, head=False)
    (empty_folder / "empty").mkdir()
    for wanted, said in (
        (
            "nowhere",
            "encoder_from='nowhere': no such folder, seen from where.*run`",
        ),
        ("empty", "empty has no encoder.keras and no head.keras: give the folder"),
        ("autoencoder", "autoencoder has no head.keras: give the folder of a contrastive"),
        ("autoencoder/encoder.keras", "is a file: give the folder it lies in, 'autoencoder'"),
        ("kit", "no encoder for 'pets'.*encoder_from=\"auto\""),
    ):
        with pytest.raises(UserError, match=said) as caught:
            encoder_on_trial(setting(), wanted)
        assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_told_with_those_that_are(empty_folder, monkeypatch):
    save(empty_folder / "runs" / "demo", 1.0)
    save(empty_folder / "runs" / "autoencoder", 1.0, head=False)
    (empty_folder / "notebooks").mkdir()
    save(empty_folder / "notebooks" / "runs" / "lesson04", 1.0)
    monkeypatch.chdir(empty_folder / "notebooks")
    with pytest.raises(UserError, match=r"found here: '../runs/demo', 'runs/lesson04'.$"):
        encoder_on_trial(setting(), "runs/demo")


def test_a_mixed_precision_run_gives_features_in_float32(empty_folder):
    encoder = resnet(8, width=4, stem="strided", dtype="mixed_bfloat16")
    head = projection_head(encoder.output_shape[-1], 8, 4, dtype="mixed_bfloat16")
    encoder.save(empty_folder / "encoder.keras")
    head.save(empty_folder / "head.keras")
    trial = encoder_on_trial(setting(), ".")
    h = trial.encoder(np.zeros((2, 16, 16, 3), "float32"), training=False)
    assert keras.backend.standardize_dtype(h.dtype) == "float32"
    assert keras.backend.standardize_dtype(trial.head(h).dtype) == "float32"
