"""What a spec may say, and the one line for each thing that it may not."""

import csv
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from simclr_lib.errors import UserError
from simclr_lib.recipes import PRESETS
from simclr_lib.sweeps.plan import make_plan
from simclr_lib.sweeps.spec import read_spec

SPECS = Path(__file__).parents[2] / "notebooks" / "experiments" / "specs"


def plan_of(folder, text):
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return make_plan(read_spec(path))


def test_a_grid_is_every_combination_with_every_seed(tmp_path):
    plan = plan_of(
        tmp_path,
        "recipe: smoke\nset: {epochs: 3}\nseeds: [0, 7]\n"
        "grid: {temperature: [0.1, 0.2], batch_size: [32, 64]}",
    )
    found = [
        tuple(run.parameters[key] for key in ("seed", "temperature", "batch_size", "epochs"))
        for run in plan.runs
    ]
    assert found == [
        (seed, temperature, batch, 3)
        for seed in (0, 7)
        for temperature in (0.1, 0.2)
        for batch in (32, 64)
    ]
    assert plan.runs[1].label == "temperature 0.1, batch_size 64, seed 0"
    assert (plan.plot["x"], plan.plot["lines"]) == ("temperature", "batch_size")


def test_the_same_parameters_have_the_same_key_however_they_are_written(tmp_path):
    one = plan_of(tmp_path, "recipe: smoke\ngrid: {temperature: [0.5], epochs: [2]}")
    other = plan_of(tmp_path, 'recipe: smoke\nlist: [{epochs: "2", temperature: 5e-1}]')
    third = plan_of(tmp_path, "recipe: smoke\nlist: [{epochs: 3, temperature: 0.5}]")
    assert one.runs[0].key == other.runs[0].key != third.runs[0].key
    assert re.fullmatch("[0-9a-f]{16}", one.runs[0].key)


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_ready_spec_has_a_plan_and_keeps_the_test_pictures_for_later(path):
    plan = make_plan(read_spec(path))
    assert len(plan.runs) >= 6 and plan.about
    # Where nothing is chosen: the report's table is told as the report told it.
    final = path.stem.startswith("report-tables") or path.stem == "league"
    part = "test" if final else "validation"
    assert {run.parameters["evaluate_on"] for run in plan.runs} == {part}


def test_the_report_s_deep_encoders_run_at_its_budgets():
    runs = make_plan(read_spec(SPECS / "report-tables.yaml")).runs
    # One row took twice the hours of its twin at the same setting.
    budgets = {row["arm"]: int(row["steps"]) for row in rows_of("report-figures")}
    assert sorted(budgets.values()) == [300] * 10 + [600]
    for run in runs:
        steps = run.parameters["epochs"] * run.parameters["steps_per_epoch"]
        assert steps == budgets[run.arm]
        assert run.parameters["encoder_width"] == 64
        assert run.parameters["stem"] == "imagenet"


def test_short_rows_of_the_report_s_table_have_two_more_seeds():
    table, more = (make_plan(read_spec(SPECS / f"report-tables{n}.yaml")) for n in ("", "-seeds"))
    once = {run.arm: run.parameters for run in table.runs}
    for run in more.runs:
        assert run.parameters == once[run.arm] | {"seed": run.parameters["seed"]}
    short = {run.arm for run in more.runs}
    assert len(more.runs) == 2 * len(short) and {r.parameters["seed"] for r in more.runs} == {1, 2}
    long = [
        parameters["encoder_depth"] * parameters["batch_size"]
        for arm, parameters in once.items()
        if arm not in short
    ]
    most = max(once[arm]["encoder_depth"] * once[arm]["batch_size"] for arm in short)
    assert len(long) == 4 and min(long) > most


def test_the_report_s_own_figures_are_those_of_its_rows():
    """Swept, but for those that another training answers: the post-mortem asks it."""
    told = {row["arm"]: row for row in rows_of("report-figures")}
    assert len(told) == 11 and all(0.09 <= float(row["test"]) <= 0.32 for row in told.values())
    plan = make_plan(read_spec(SPECS / "report-tables.yaml"))
    runs = {run.arm: run.parameters for run in plan.runs}
    asked = [row for row in told.values() if row["arm"] not in runs]
    columns = ("encoder", "batch_size", "classifier_hidden", "classifier_epochs")
    assert [tuple(row[column] for column in columns) for row in asked] == [
        ("ResNet-50", "512", "20,20", "10"),
        ("ResNet-50", "512", "20,20", "90"),
        ("ResNet-101", "32", "20,20", "10"),
    ]
    for arm, parameters in runs.items():
        assert told[arm]["encoder"] == f"ResNet-{parameters['encoder_depth']}"
        for field in columns[1:]:
            assert told[arm][field] == str(parameters[field])


def rows_of(name):
    with (SPECS.parent / "results" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_league_s_roads_see_as_many_views():
    runs = make_plan(read_spec(SPECS / "league.yaml")).runs
    assert {run.parameters["seed"] for run in runs} == {0, 1, 2}
    simclr, bank, autoencoder = {run.arm: run.parameters for run in runs}.values()
    assert simclr["supervised_baseline"] and simclr["loss"] == "nt_xent"
    rest = {"supervised_baseline": False}
    assert bank == simclr | rest | {"loss": "memory_bank"}
    assert autoencoder == simclr | rest | {"objective": "reconstruction"}


def test_each_suspect_of_the_report_is_varied_alone():
    plan = make_plan(read_spec(SPECS / "report-suspects.yaml"))
    report = asdict(PRESETS[plan.recipe])
    assert plan.recipe == "report-resnet50"
    first, *others = {run.arm: run.parameters for run in plan.runs}.values()
    made_small = {"batch_size", "train_limit", "evaluate_on", "knn_every", "seed"}
    assert {key for key in report if first[key] != report[key]} == made_small
    suspects = set()
    for arm in others:
        changed = {key for key in report if arm[key] != first[key]}
        assert len(changed) == 1
        suspects |= changed
    trained = {"epochs", "learning_rate", "batch_norm_momentum", "view_draws", "crop_min_area"}
    assert suspects == trained
    assert {run.parameters["seed"] for run in plan.runs} == {0, 1, 2}


@pytest.mark.parametrize(
    ("name", "field", "values"),
    [
        ("temperature", "temperature", {0.05, 0.1, 0.2, 0.3, 0.5, 1.0}),
        ("batch-size", "batch_size", {32, 64, 128, 256, 512, 1024}),
    ],
)
def test_the_specs_for_a_real_sweep_are_three_seeds_of_the_short_classroom(name, field, values):
    plan = make_plan(read_spec(SPECS / f"{name}.yaml"))
    assert plan.recipe == "classroom" and "--data" in plan.about
    assert {run.parameters[field] for run in plan.runs} == values
    assert len(plan.runs) == 3 * len(values)
    for run in plan.runs:
        assert run.parameters["epochs"] <= 3
        assert not run.parameters["supervised_baseline"] and run.parameters["knn_every"] == 0


def test_the_learning_rates_of_the_batch_sizes_follow_their_square_root():
    classroom = PRESETS["classroom"]
    for run in make_plan(read_spec(SPECS / "batch-size.yaml")).runs:
        share = run.parameters["batch_size"] / classroom.batch_size
        expected = classroom.learning_rate * share**0.5
        assert run.parameters["learning_rate"] == pytest.approx(expected, rel=0.01)


def test_small_batches_differ_in_the_loss_and_in_nothing_else():
    plan = make_plan(read_spec(SPECS / "small-batches.yaml"))
    by_loss, classroom = {}, PRESETS["classroom"]
    for run in plan.runs:
        settings = dict(run.parameters)
        expected = classroom.learning_rate * (settings["batch_size"] / classroom.batch_size) ** 0.5
        assert settings["learning_rate"] == pytest.approx(expected, rel=0.01)
        by_loss.setdefault(settings.pop("loss"), []).append(settings)
    assert by_loss["nt_xent"] == by_loss["sogclr"] and len(by_loss) == 2
    found = {(settings["batch_size"], settings["seed"]) for settings in by_loss["sogclr"]}
    assert found == {(batch, seed) for batch in (32, 64, 128, 256, 512) for seed in range(3)}
    assert (plan.plot["x"], plan.plot["lines"], plan.plot["scale"]) == ("batch_size", "loss", "log")


def test_the_labels_are_varied_alone_up_to_all_there_are():
    plan = make_plan(read_spec(SPECS / "labels-per-class.yaml"))
    settings = [dict(run.parameters) for run in plan.runs]
    counts = {run.pop("labels_per_class") for run in settings}
    assert min(counts) == 1 and max(counts) == 5000 * 9 // 10 // 10  # of the built-in shapes
    assert len({tuple((run | {"seed": 0}).items()) for run in settings}) == 1
    assert (plan.plot["x"], plan.plot["scale"]) == ("labels_per_class", "log")


def test_small_batches_without_a_memory_differ_from_those_with_one_in_it_alone():
    with_memory, without = (
        make_plan(read_spec(SPECS / f"small-batches{name}.yaml")).runs for name in ("", "-control")
    )
    assert {run.parameters["batch_size"] for run in without} >= {32, 512}
    known = [run.parameters for run in with_memory]
    for run in without:
        assert (run.parameters["sogclr_gamma"], run.parameters["loss"]) == (1.0, "sogclr")
        assert run.parameters | {"sogclr_gamma": 0.9} in known
    told = read_spec(SPECS / "small-batches.yaml").about
    assert f"temperature is {with_memory[0].parameters['temperature']:g}" in told


def test_the_real_sweep_leaves_out_each_augmentation_of_the_classroom():
    plan = make_plan(read_spec(SPECS / "leave-one-out.yaml"))
    everything, *others = {run.arm: run.parameters for run in plan.runs}.values()
    fields = ("crop_min_area", "color_strength", "gray_probability", "flip_probability")
    off = {"crop_min_area": 1.0}
    left_out = [
        {field for field in fields if other[field] != everything[field]} for other in others
    ]
    assert all({field} in left_out for field in fields)
    for other, changed in zip(others, left_out, strict=True):
        assert all(other[field] == off.get(field, 0.0) for field in changed)


def test_the_stronger_views_differ_in_nothing_else():
    plan = make_plan(read_spec(SPECS / "stronger-views.yaml"))
    arms = {run.arm: run.parameters for run in plan.runs}
    assert len(plan.runs) == 12 and plan.recipe == "classroom" and "--data" in plan.about
    weak, longer, strong, clsa = arms.values()
    assert strong == weak | {"views": "strong"}
    assert clsa == weak | {"loss": "clsa"}
    # Three views of a picture in two epochs are as many as two views in three.
    assert longer == weak | {"epochs": 3} and 3 * weak["epochs"] == 2 * longer["epochs"]


def test_the_ready_pairs_are_all_pairs():
    plan = make_plan(read_spec(SPECS / "augmentation-pairs.yaml"))
    on = {
        "crop": lambda p: p["crop_min_area"] < 1,
        "colour": lambda p: p["color_strength"] > 0,
        "grey": lambda p: p["gray_probability"] > 0,
        "blur": lambda p: p["blur_probability"] > 0,
        "mirror": lambda p: p["flip_probability"] > 0,
    }
    assert len(plan.runs) == 5 + 10
    for run in plan.runs:
        used = {name for name, is_on in on.items() if is_on(run.parameters)}
        assert used == set(run.arm.split(" + "))


GOOD = "recipe: smoke\ngrid: {temperature: [0.1, 0.2]}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipe: smoke\ngrid: {temperature: [0.1, 0.2\n", r"line 3, column 1: not YAML: .*"),
        ("recipe: smoke\n\tgrid: 1\n", r"line 2, column 1: not YAML: .*'\\t'.*"),
        ("recipe: smoke\nrecipe: demo\n", r"line 2, column 1: not YAML: 'recipe' comes twice\."),
        ("", r": a spec is `key: value` lines.*"),
        ("- 1\n", r": a spec is `key: value` lines.*"),
        ("grid: {temperature: [1]}", r": `recipe:` is missing.*"),
        ("recipe: smoke\n", r": say what to compare, by `grid:` or by `list:`.*"),
        (GOOD + "list: [{}]", r"line 3: say what to compare.*not both\."),
        (
            "recipe: smoke\nset: {views: strong}\ngrid:\n  strong_strength: [5, 12]\n",
            r"line 4: strong_strength must be at most 9 .*; got 12\.",
        ),
        (GOOD + "seed: [1]", r"line 3: a spec has no 'seed'; did you mean 'seeds'\?"),
        ("recipe: smok\ngrid: {epochs: [1]}", r"line 1: .*no recipe 'smok'.*mean 'smoke'\?"),
        ("recipe: smoke\ngrid: {}", r"line 2: the grid is empty.*"),
        ("recipe: smoke\ngrid:\n  epochs: []", r"line 3: epochs has no values.*"),
        ("recipe: smoke\ngrid:\n  epochs: 3", r"line 3: epochs in the grid takes a list.*got 3\."),
        ("recipe: smoke\nlist: []", r"line 2: the list is empty.*"),
        ("recipe: smoke\nlist: [3]", r"line 2: arm 1 of the list must be.*"),
        ("recipe: smoke\nlist: [{name: 3, epochs: 3}]", r"line 2: the name of arm 1 must be.*"),
        (GOOD + "seeds: []", r"line 3: seeds is an empty list.*"),
        (GOOD + "seeds: 3", r"line 3: seeds must be a list.*got 3\."),
        (GOOD + "seeds: [0, 1, 0]", r"line 3: duplicate runs: .*seed 0'.*"),
        (
            "recipe: smoke\ngrid:\n  epochs: [2, 2.0]",
            r": duplicate runs: 'epochs 2, .*",
        ),
        ("recipe: smoke\nlist: [{name: a, epochs: 2}, {name: a, epochs: 3}]", r".*called 'a'\."),
        ("recipe: smoke\nlist: [{name: a}, {name: b, epochs: 2}]", r"line 2: duplicate runs: .*"),
        (
            "recipe: smoke\nset: {seed: 3}\nlist: [{epochs: 2}]",
            r"line 2: seeds go under .*",
        ),
        ("recipe: smoke\ngrid:\n  epohcs: [2]", r"line 3: .*no 'epohcs'; did you mean 'epochs'\?"),
        (
            "recipe: smoke\ngrid:\n  epochs: [2, few]",
            r"line 3: epochs takes .*'few'\.",
        ),
        ("recipe: smoke\nset:\n  epochs: 0\ngrid: {temperature: [1]}", r"line 3: epochs must be.*"),
        (GOOD + "seeds: [-1]", r"line 3: seed must be at least 0.*"),
        (GOOD + "plot: {x: temprature}", r"line 3: plot: x: 'temprature' is not varied; did you.*"),
        (GOOD + "plot: {z: 3}", r"line 3: plot has no 'z'.*"),
        (
            GOOD + "plot: {y: loss}",
            r"line 3: plot: y must be one of linear, knn, classifier.*",
        ),
        (GOOD + "plot: {scale: cubic}", r"line 3: plot: scale must be.*"),
        (GOOD + "title: [1]", r"line 3: title must be text.*"),
        (GOOD + "? [1, 2]\n: 3", r"line 3, column 3: not YAML: found unhashable key\."),
        (GOOD + "seeds: &s [*s]", r"line 3: seed takes a whole number; got .*"),
        (GOOD + "set: {data: nowhere.zip}", r"line 3: data: there is no folder or zip .*\."),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_place(tmp_path, text, message):
    with pytest.raises(UserError) as error:
        plan_of(tmp_path, text)
    told = str(error.value)
    assert "\n" not in told
    assert re.fullmatch(rf"{re.escape(str(tmp_path / 'spec.yaml'))}(, )?{message}", told), told


def test_a_spec_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=r"missing\.yaml can't be read: No such file"):
        read_spec(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes("title: Größe".encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8 text"):
        read_spec(tmp_path / "latin.yaml")
