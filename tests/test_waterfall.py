"""The waterfall's plan, and what each of its changes changes: the cause of its step."""

import csv
import importlib.util
import json
import statistics
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pytest

from simclr_lib.encoders import resnet
from simclr_lib.evaluation import extract_features, linear_probe, small_classifier
from simclr_lib.from_recipe import build_augmenter
from simclr_lib.losses import nt_xent
from simclr_lib.optimizers import build_optimizer
from simclr_lib.postmortem.norm_statistics import features_by_batch, initial_share
from simclr_lib.recipes import get_recipe

KIT = Path(__file__).parents[1]
PROGRAM = KIT / "benchmarks" / "waterfall.py"
STUDY = KIT / "notebooks" / "experiments" / "results" / "waterfall.csv"


@pytest.fixture(scope="module")
def waterfall():
    spec = importlib.util.spec_from_file_location("waterfall", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_cost_of_an_encoder_is_what_a_hand_counts(waterfall):
    recipe = get_recipe("smoke", {"view_size": 16, "encoder_width": 8, "stem": "cifar"})
    stem = 16 * 16 * 9 * 3 * 8
    first = 2 * 16 * 16 * 9 * 8 * 8
    second = 8 * 8 * (9 * 8 * 16 + 9 * 16 * 16 + 8 * 16)
    third = 4 * 4 * (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32)
    assert waterfall.cost(recipe) == stem + first + second + third


@pytest.mark.slow
def test_all_bars_have_their_share_of_the_budget_and_end_at_the_kit_s_recipe(waterfall):
    report = get_recipe("report-resnet50")
    whole = 300 * report.batch_size * waterfall.cost(report)
    for share, tolerance in ((1.0, 0.02), (0.2, 0.06)):  # few large batches can't be cut finely
        bars = waterfall.planned(waterfall.CHANGES, share)
        assert [name for name, *_ in bars] == [name for name, _ in waterfall.CHANGES]
        first = bars[0][1]
        assert (first["steps_per_epoch"], first["epochs"]) == (100 * share, 3)
        for _, settings, _ in bars:
            recipe = get_recipe("report-resnet50", settings)
            steps = recipe.epochs * recipe.steps_per_epoch
            spent = steps * recipe.batch_size * waterfall.cost(recipe)
            assert spent == pytest.approx(share * whole, rel=tolerance)
    assert bars[0][2] == waterfall.CLASSIFIER and bars[-1][2] == waterfall.PROBE
    classroom, last = asdict(get_recipe("classroom")), asdict(recipe)
    differ = {key for key in last if last[key] != classroom[key]}
    assert differ == {
        "name",
        "data",
        "epochs",
        "steps_per_epoch",
        "warmup_epochs",
        "classifier_hidden",
        "knn_every",
        "supervised_baseline",
    }


def test_a_change_is_one_field_or_two_that_go_together(waterfall):
    changed = dict(waterfall.CHANGES)
    of_an_optimizer = {"optimizer", "learning_rate", "weight_decay", "warmup_epochs"}
    of_the_views = {"crop_min_area", "gray_probability"}
    for name, settings in changed.items():
        together = set(settings) in (of_an_optimizer, of_the_views)
        fields = {name} if together else set(settings)
        alone = name in (waterfall.START, waterfall.READ_OTHERWISE)
        assert len(fields) == (0 if alone else 1), name
    every = [field for settings in changed.values() for field in settings]
    assert len(every) == len(set(every))


def test_the_order_is_that_of_the_gains_alone(waterfall):
    names = [name for name, _ in waterfall.CHANGES]
    screen = [
        {"change": name, "gain": str(0.01 * (number % 4) - 0.01)}
        for number, name in enumerate(names)
    ]
    found = [name for name, _ in waterfall.ordered(screen)]
    assert found[0] == waterfall.START and sorted(found) == sorted(names)
    gains = {row["change"]: float(row["gain"]) for row in screen}
    assert [gains[name] for name in found[1:]] == sorted(
        (gains[name] for name in names[1:]), reverse=True
    )
    # Bars before the probe are read by the classifier, wherever it stands.
    place = found.index(waterfall.READ_OTHERWISE)
    assert waterfall.ordered(screen[:-1]) is waterfall.CHANGES
    assert place > 1


def test_bars_are_read_by_the_classifier_until_the_probe_comes(waterfall, monkeypatch):
    monkeypatch.setattr(waterfall, "at_budget", lambda settings, share: {"share": share})
    changes = [
        (waterfall.START, {}),
        ("a", {"x": 1}),
        (waterfall.READ_OTHERWISE, {}),
        ("b", {"y": 2}),
    ]
    bars = waterfall.planned(changes, 0.5)
    classifier, probe = waterfall.CLASSIFIER, waterfall.PROBE
    assert [shown for *_, shown in bars] == [classifier, classifier, probe, probe]
    assert [settings for _, settings, _ in bars] == [
        {"share": 0.5},
        {"x": 1, "share": 0.5},
        {"x": 1, "share": 0.5},
        {"x": 1, "y": 2, "share": 0.5},
    ]


def test_bars_of_one_run_share_its_folder(waterfall):
    bars = [("a", {"x": 1}, None), ("b", {"x": 1}, None), ("c d", {"x": 1, "y": 2}, None)]
    first, second, third = (waterfall.folder_of(bars, settings) for _, settings, _ in bars)
    assert first == second and first.startswith("a-") and third.startswith("c-d-")
    validation = waterfall.folder_of(bars, bars[0][1] | {"evaluate_on": "validation"})
    assert validation.startswith("a-") and validation != first


# --- the tables


def write_run(folder, classifier, linear):
    """What the program reads of a run."""
    accuracies = {
        "classifier (20, 20)": {"test": classifier, "train": 0.5},
        "SimCLR": {"linear": linear, "knn": 0.25},
        "raw pixels": {"linear": 0.39},
        "random encoder": {"linear": 0.3},
    }
    folder.mkdir(parents=True)
    results = {"accuracies": accuracies, "training_minutes": 3.004, "pictures": {}}
    results["pictures"] = {"train": 50, "test": 10}
    machine = {"processor": "a processor", "cores": 2}
    config = {"data": {"name": "cifar10"}, "precision": "float32", "machine": machine}
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def tables(waterfall, tmp_path, monkeypatch):
    for name, path in (("TABLE", "t.csv"), ("SCREEN", "s.csv"), ("FIGURE", "figures/f.png")):
        monkeypatch.setattr(waterfall, name, tmp_path / path)
    return tmp_path


SETTINGS = {"steps_per_epoch": 4, "batch_size": 8}


def test_a_bar_has_its_figure_and_what_it_cost_in_order_and_of_one_share(waterfall, tables):
    folder = write_run(tables / "run", 0.2, 0.5)
    order = [name for name, _ in waterfall.CHANGES]
    for name, seed, shown, share in (
        (order[1], 0, waterfall.PROBE, 1.0),
        (order[1], 1, waterfall.PROBE, 0.2),
        (order[0], 0, waterfall.CLASSIFIER, 0.2),
        (order[1], 0, waterfall.PROBE, 0.2),
        (order[1], 0, waterfall.PROBE, 0.2),
    ):
        row = waterfall.bar(name, seed, SETTINGS, shown, folder, share)
        waterfall.keep(waterfall.TABLE, row, order)
    rows = waterfall.read(waterfall.TABLE)
    told = [(row["change"], row["seed"], row["accuracy"], row["share"]) for row in rows]
    assert told == [
        (order[0], "0", "0.2", "0.2"),
        (order[1], "0", "0.5", "0.2"),
        (order[1], "1", "0.5", "0.2"),
    ]
    assert (rows[0]["steps"], rows[0]["pictures"], rows[0]["minutes"]) == ("12", "96", "3.0")
    assert {(row["classifier"], row["linear"]) for row in rows} == {("0.2", "0.5")}
    waterfall.draw(rows)
    assert waterfall.FIGURE.exists()
    assert [name for name, _ in waterfall.report_s_own()] == [
        "the report's own, 10 epochs of the classifier",
        "the report's own, 90 epochs of the classifier",
    ]


def test_the_screening_tells_what_each_change_gains_alone(waterfall, tables):
    order = [name for name, _ in waterfall.CHANGES]
    for name, linear in ((order[0], 0.30), (order[1], 0.30), (order[2], 0.45), (order[3], 0.28)):
        folder = write_run(tables / name, 0.2, linear)
        waterfall.keep(waterfall.SCREEN, waterfall.screened(name, SETTINGS, folder, 0.2), order)
    rows = waterfall.read(waterfall.SCREEN)
    assert [float(row["gain"]) for row in rows] == pytest.approx([0, 0.1, 0.15, -0.02])
    assert {row["evaluate_on"] for row in rows} == {"validation"}


def test_both_commands_run_what_they_must_and_fill_their_tables(waterfall, tables, monkeypatch):
    """With runs that are written in place of being run: a later change gets a point more alone."""
    started = []
    budget = {"batch_size": 512, "epochs": 3, "steps_per_epoch": 4, "knn_every": 0}
    monkeypatch.setattr(waterfall, "at_budget", lambda settings, share: budget | settings)

    def simclr(command):
        words = [str(word) for word in command]
        started.append(words)
        folder, settings = Path(words[words.index("--out") + 1]), words[words.index("--set") + 1 :]
        assert get_recipe("report-resnet50", dict(pair.split("=", 1) for pair in settings))
        if not folder.exists():
            validation = "evaluate_on=validation" in settings
            write_run(folder, 0.1, 0.3 + 0.01 * len(started) if validation else 0.5)
        return type("Done", (), {"returncode": 0})

    def start(*more):
        started.clear()
        words = ["x", "--data", "shapes", "--out", str(tables / "runs"), *more]
        monkeypatch.setattr("sys.argv", words)
        waterfall.main()
        return [words[words.index("--out") + 1] for words in started]

    monkeypatch.setattr(waterfall.subprocess, "run", simclr)
    names = [name for name, _ in waterfall.CHANGES]
    folders = start("--screen")
    assert len(folders) == len(names) and len(set(folders)) == len(names) - 1
    screen = waterfall.read(waterfall.SCREEN)
    assert [row["change"] for row in screen] == names
    assert not waterfall.TABLE.exists()

    folders = start("--seeds", "0", "1")
    assert len(set(folders)) == 2 * (len(names) - 1)
    rows = waterfall.read(waterfall.TABLE)
    by_gain = sorted(names[2:], key=names.index, reverse=True)
    order = [row["change"] for row in rows if row["seed"] == "0"]
    assert order[0] == names[0] and [name for name in order if name in by_gain] == by_gain
    assert len(rows) == 2 * len(names) and waterfall.FIGURE.exists()
    accuracies = {row["change"]: float(row["accuracy"]) for row in rows}
    place = order.index(names[1])
    assert {accuracies[name] for name in order[:place]} == {0.1}
    assert {accuracies[name] for name in order[place:]} == {0.5}


@pytest.mark.skipif(not STUDY.exists(), reason="the study is not done: see waterfall.py")
def test_the_waterfall_ends_well_above_its_start(waterfall):
    with STUDY.open() as file:
        rows = list(csv.DictReader(file))
    bars = {}
    for row in rows:
        bars.setdefault(row["change"], {})[row["seed"]] = float(row["accuracy"])
    changes = waterfall.ordered(waterfall.read(waterfall.SCREEN))
    assert list(bars) == [name for name, _ in changes]
    assert {frozenset(seeds) for seeds in bars.values()} == {frozenset("012")}
    first, *_, last = (statistics.mean(seeds.values()) for seeds in bars.values())
    assert last - first >= 0.35


# --- the cause of each step: what is changed, and what that does, apart from any accuracy


def recipes(waterfall, change):
    """The report's recipe, and the same with one change."""
    settings = dict(waterfall.CHANGES)[change]
    return get_recipe("report-resnet50"), get_recipe("report-resnet50", settings)


def cheaper(before, after, waterfall):
    """How many times as many steps the same budget pays for."""
    price = [recipe.batch_size * waterfall.cost(recipe) for recipe in (before, after)]
    return price[0] / price[1]


def test_a_linear_probe_finds_what_a_small_classifier_does_not():
    """Features of a small scale, as of an encoder that has learnt little."""
    rng = np.random.default_rng(0)
    middles, labels = rng.normal(size=(10, 64)), np.arange(2000) % 10
    h = (0.02 * (middles[labels] + 0.5 * rng.normal(size=(2000, 64)))).astype("float32")
    parts = h[:1000], labels[:1000], h[1000:], labels[1000:]
    few = small_classifier(*parts, hidden=(20, 20), epochs=5, batch_size=512).test_accuracy
    assert linear_probe(*parts).accuracy > few + 0.5


def test_at_momentum_0_9_statistics_arrive_in_a_short_training_and_at_0_99_they_do_not(waterfall):
    """The weights stay, so that only statistics differ between training and inference."""
    before, after = recipes(waterfall, "BatchNorm momentum 0.9")
    images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), "uint8")
    steps, error = 40, {}
    for recipe in (before, after):
        momentum = recipe.batch_norm_momentum
        encoder = resnet(8, width=8, stem="strided", batch_norm_momentum=momentum)
        for _ in range(steps):
            encoder(images / np.float32(255), training=True)
        wanted = features_by_batch(encoder, images, batch_size=64)
        apart = extract_features(encoder, images) - wanted
        error[momentum] = np.linalg.norm(apart) / np.linalg.norm(wanted)
    assert initial_share(0.99, 300) > 0.04 > 1e-12 > initial_share(0.9, 300)
    assert error[0.99] > 0.5 and error[0.99] > 5 * error[0.9]


def test_half_the_batch_is_twice_the_steps(waterfall):
    before, after = recipes(waterfall, "batches of 256")
    assert cheaper(before, after, waterfall) == 2


def test_a_stem_for_small_pictures_leaves_four_times_the_pixels_to_the_first_stage(waterfall):
    sides = []
    for recipe in recipes(waterfall, "a stem for small pictures"):
        encoder = resnet(8, width=4, stem=recipe.stem, image_size=recipe.view_size)
        layers = [layer for layer in encoder.layers if isinstance(layer, keras.layers.Conv2D)]
        sides.append((layers[1].output.shape[1], min(layer.output.shape[1] for layer in layers)))
    (first, last), (first_after, last_after) = sides
    assert first_after == 2 * first and last_after == 2 * last


@pytest.mark.slow
def test_a_resnet_8_pays_for_more_steps(waterfall):
    before, after = recipes(waterfall, "a ResNet-8")
    assert cheaper(before, after, waterfall) > 2
    rest = {"stem": "strided"}
    deep, shallow = (
        get_recipe("report-resnet50", rest | {"encoder_depth": depth}) for depth in (50, 8)
    )
    assert cheaper(deep, shallow, waterfall) > 2


def test_views_of_24_pixels_pay_for_more_steps(waterfall):
    settings = {"encoder_depth": 8, "stem": "strided"}
    before = get_recipe("report-resnet50", settings)
    changed = dict(waterfall.CHANGES)["views of 24 pixels"]
    after = get_recipe("report-resnet50", settings | changed)
    assert cheaper(before, after, waterfall) == pytest.approx((32 / 24) ** 2, rel=0.05)


def test_muon_moves_rare_directions_as_far_as_common_ones(waterfall):
    """One step along a gradient whose singular values lie a hundredfold apart."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(16, 16)))[0] for _ in range(2))
    gradient = (left * np.geomspace(1, 0.01, 16)) @ right.T
    spread = []
    for recipe in recipes(waterfall, "Muon in place of Adam"):
        kernel = keras.Variable(np.zeros((16, 16), "float32"))
        optimizer = build_optimizer(recipe.optimizer, recipe.learning_rate, 0.0, [kernel])
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [kernel])
        moved = np.linalg.svd(np.asarray(kernel), compute_uv=False)
        spread.append(moved[0] / moved[-1])
    adam, muon = spread
    assert muon < 5 and muon < adam / 2


def test_a_low_temperature_looks_at_the_hardest_negative(waterfall, value_and_gradients):
    """Three pictures: the second lies near the first, the third on the other side."""
    angles = np.radians([0, 40, 150])
    z = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
    ratio = []
    for recipe in recipes(waterfall, "temperature 0.2"):
        _, slopes = value_and_gradients(nt_xent, z, z, temperature=recipe.temperature)
        _, near, far = np.linalg.norm(sum(slopes), axis=1)
        ratio.append(near / far)
    assert ratio[1] > 5 * ratio[0] > 0


def test_gentler_views_share_more_of_the_picture(waterfall):
    shared = []
    for recipe in recipes(waterfall, "gentler views"):
        crop = build_augmenter(recipe).operations[0]
        top, left, height, width = (
            np.asarray(side).reshape(2, -1) for side in crop.boxes(np.zeros((4000, 3, 4, 4)))
        )

        def overlap(start, length):
            low, high = start.max(axis=0), (start + length).min(axis=0)
            return np.maximum(high - low, 0)

        both = overlap(top, height) * overlap(left, width)
        shared.append(np.mean(both / ((height * width).sum(axis=0) - both)))
    assert shared[1] > shared[0] + 0.04


def test_gentler_views_leave_more_pairs_their_colours(waterfall):
    coloured = np.zeros((4000, 4, 4, 3), "uint8")
    coloured[..., 0], coloured[..., 1] = 200, 60
    pairs = []
    for recipe in recipes(waterfall, "gentler views"):
        views = np.asarray(build_augmenter(recipe)(coloured))
        colours = (np.ptp(views, axis=-1).max(axis=(1, 2)) > 1e-3).reshape(2, -1)
        pairs.append(colours.all(axis=0).mean())
    assert pairs == pytest.approx([0.64, 0.81], abs=0.04)


def test_every_step_has_a_test_of_its_cause(waterfall):
    told = Path(__file__).read_text()
    by_fixture = {"a linear probe", *(name for name, _ in waterfall.CHANGES if f'"{name}"' in told)}
    assert {name for name, _ in waterfall.CHANGES[1:]} <= by_fixture
