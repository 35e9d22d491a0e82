"""The encoder that a lesson judges: the learner's own, the kit's, or one that is trained now."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from simclr_lib.course.setting import Lesson
from simclr_lib.errors import UserError

RUNS = Path("runs")  # below the notebook's folder


@dataclass(frozen=True)
class OnTrial:
    """An encoder with its head, freshly loaded, and where they come from.

    Attributes:
        encoder: Keras model, float pictures `(B, H, W, 3)` in [0, 1] → `h (B, d)`.
        head: Keras model, `h (B, d)` → `z (B, D)`.
        source: a few words, or the folder.
        views: how many views it was trained on without labels; None if nobody has noted it.
    """

    encoder: object
    head: object
    source: str
    views: int | None


def encoder_on_trial(setting: Lesson, wanted: str = "auto") -> OnTrial:
    """Load the encoder that a lesson shall judge, anew at each call.

    Args:
        setting: what `lesson` returned.
        wanted: "kit" for the pretrained encoder of these pictures; the path of a run folder; or
            "auto": the one saved in lesson 04, if that ran on the same pictures and in the same
            profile, else the kit's, else one that is trained on these pictures now and kept.

    Raises:
        UserError: the kit has none for these pictures, there is no such folder, or it holds none.
    """
    from simclr_lib import fast_layers, pretrained  # noqa: F401 - makes its layers known to Keras

    name = setting.data.name
    if wanted == "auto":
        folder = saved_in_lesson_04(setting)
        if folder is None and name not in pretrained.available():
            folder = trained_now(setting)
        wanted = "kit" if folder is None else folder
    if wanted == "kit" and name not in pretrained.available():
        raise UserError(
            f"The kit has no encoder for {name!r} (it has: {', '.join(pretrained.available())}):"
            ' with encoder_from="auto" one is trained on these pictures now.'
        )
    if wanted == "kit":
        parts = pretrained.pretrained_encoder(name), pretrained.pretrained_head(name)
        return OnTrial(*parts, "the kit's pretrained encoder", pretrained.views_seen(name))
    return from_folder(Path(wanted).expanduser())


def saved_in_lesson_04(setting):
    """The folder with the learner's newest encoder of these pictures and this profile, or None."""
    trained_on = [setting.data.name, "smoke" if setting.smoke else "full"]
    folders = [
        note.parent
        for note in RUNS.glob("lesson04*/trained_on.txt")
        if note.read_text().split(", ")[:2] == trained_on and (note.parent / "head.keras").exists()
    ]
    return max(folders, key=lambda folder: (folder / "head.keras").stat().st_mtime, default=None)


def trained_now(setting):
    """Train an encoder for some minutes, unless that has been done; the folder it is kept in.

    Whatever makes another encoder of it is part of the folder's name.
    """
    from simclr_lib import experiment, get_recipe
    from simclr_lib.precision import choose_precision
    from simclr_lib.run_folder import RunFolder

    data, seed = setting.data, setting.seed
    about = experiment.describe(data)
    profile = "smoke" if setting.smoke else "full"
    folder = RunFolder(RUNS / f"lesson05-{data.name}-{profile}-{seed}-{about['checksum']}")
    batch_size = min(setting.pick(full=256, smoke=64), max(2, len(data.train_images) // 4))
    recipe = get_recipe("demo", {"batch_size": batch_size, "epochs": 12, "seed": seed})
    if not folder.head.exists():  # it is written last
        folder.claim({"recipe": asdict(recipe), "data": about})
        experiment.pretrain(recipe, choose_precision(recipe), data, folder, print)
    return folder.path


def from_folder(folder):
    """Load what a run has left in its folder."""
    import keras

    if folder.is_file():
        raise UserError(
            f"encoder_from={folder.as_posix()!r} is a file: give the folder it lies in,"
            f" {folder.parent.as_posix()!r}."
        )
    if not folder.is_dir():
        found = [path.as_posix() for path in runs_nearby()]
        raise UserError(
            f"encoder_from={folder.as_posix()!r}: no such folder, seen from where the notebook"
            ' lies. Give "auto", "kit" or the folder of a finished `simclr run`'
            f"{'; found here: ' + ', '.join(map(repr, found)) if found else ''}."
        )
    files = [folder / "encoder.keras", folder / "head.keras"]
    if missing := [file.name for file in files if not file.is_file()]:
        raise UserError(
            f"{folder} has no {' and no '.join(missing)}: give the folder of a contrastive `simclr "
            "run` that is finished, as seen from where the notebook lies."
        )
    parts = [keras.saving.load_model(file, compile=False) for file in files]
    return OnTrial(*parts, folder.as_posix(), views_noted(folder))


def runs_nearby():
    """Folders with an encoder and a head, below the notebook's folder and beside it."""
    heads = [*RUNS.glob("*/head.keras"), *(".." / RUNS).glob("*/head.keras")]
    return sorted(head.parent for head in heads if (head.parent / "encoder.keras").is_file())


def views_noted(folder):
    """How many views a run's encoder has seen, by the folder's own notes; None without them."""
    from simclr_lib.from_recipe import views_seen
    from simclr_lib.recipes import Recipe

    if (folder / "config.json").exists():
        config = json.loads((folder / "config.json").read_text())
        return views_seen(Recipe(**config["recipe"]), config["data"]["train"])
    note = folder / "views.txt"
    return int(note.read_text()) if note.exists() else None
