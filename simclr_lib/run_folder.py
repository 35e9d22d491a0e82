"""The folder of one run: what it was asked to do, and what came out."""

import csv
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from simclr_lib.errors import UserError
from simclr_lib.files import make_folder, publish, sync_tree, write_atomically
from simclr_lib.quiet import without_tensorflow
from simclr_lib.recipes import Recipe


@dataclass(frozen=True)
class Results:
    """What a run found.

    Attributes:
        recipe: what was run.
        accuracies: `{row: {"linear": share, "knn": share}}` on the pictures of
            `recipe.evaluate_on`; the supervised row has `"linear"` alone, its own classifier. A
            small classifier on h has `{"test": share, "train": share}` in their place.
        per_class: `{class name: share}` of the pretrained encoder's linear probe.
        pictures: how many `{"train": …, "test": …}`.
        training_minutes: wall clock of training without labels, checkpoints and monitor included.
        warnings: what the diagnostics said.
        run_dir: where everything lies.
    """

    recipe: Recipe
    accuracies: dict
    per_class: dict
    pictures: dict
    training_minutes: float
    warnings: list
    run_dir: Path

    def table(self):
        """The accuracies as lines of text, in percent."""
        kinds = {"linear": "linear", "knn": "kNN"}
        if any("test" in found for found in self.accuracies.values()):
            kinds |= {"test": "test", "train": "train"}
        lines = [f"{'accuracy, %':32}" + "".join(f"{name:>8}" for name in kinds.values())]
        for row, found in self.accuracies.items():
            cells = "".join(
                f"{found[kind]:8.1%}".replace("%", "") if kind in found else f"{'–':>7}"
                for kind in kinds
            )
            lines.append(f"{row:32}{cells}")
        return "\n".join(lines)


class RunFolder:
    """Paths of one run, and the rule that a folder holds one recipe.

    Args:
        path: the folder; made if it is not there.

    Raises:
        UserError: it can't be made or written to, or is a file.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.figures = self.path / "figures"
        try:
            make_folder(self.figures)
        except OSError as error:
            raise UserError(
                f"The run folder {self.path} can't be used ({error.strerror}): choose another "
                "with --out."
            ) from error
        self.config = self.path / "config.json"
        self.metrics = self.path / "metrics.csv"
        self.results = self.path / "results.json"
        self.encoder = self.path / "encoder.keras"
        self.head = self.path / "head.keras"
        self.decoder = self.path / "decoder.keras"
        self.checkpoint = self.path / "checkpoint.npz"
        self.supervised_checkpoint = self.path / "supervised.npz"

    def claim(self, config):
        """Write the config of a new run, or make sure that it is this run that goes on.

        Args:
            config: JSON-able dict with `"recipe"`, `"data"` (what the pictures are) and more.

        Returns:
            The config in the folder: the first one written counts, also for what the machine
            chose.

        Raises:
            UserError: the folder holds another recipe, other pictures, or a damaged config.
        """
        if not self.config.exists():
            self.write_json(self.config, config)
            return config
        saved = self.read_json(self.config)
        for part in ("recipe", "data"):
            for key, value in config[part].items():
                if part == "recipe" and key == "data":
                    continue  # a dataset may have moved: what counts is what is in it
                # A field that is younger than that run had its default.
                theirs = saved[part].get(key, getattr(Recipe, key, None))
                if theirs != value:
                    raise UserError(
                        f"{self.path} holds another run: {key} is {theirs!r} there "
                        f"and {value!r} here. Choose another folder with --out."
                    )
        return saved

    def finished(self):
        """The `Results` of a finished run, or None."""
        if not self.results.exists():
            return None
        saved = self.read_json(self.results)
        saved["recipe"] = Recipe(**saved["recipe"])
        return Results(**saved, run_dir=self.path)

    def finish(self, results):
        """Write the results, last of all, and drop what only a stopped run needs.

        A folder that has its results keeps them.
        """
        if not self.results.exists():
            saved = asdict(results)
            del saved["run_dir"]
            sync_tree(self.path)
            self.write_json(self.results, saved)
        self.checkpoint.unlink(missing_ok=True)
        self.supervised_checkpoint.unlink(missing_ok=True)

    def write_metrics(self, history):
        """Write the history, one row an epoch, as CSV."""
        text = io.StringIO()
        names = list(dict.fromkeys(name for row in history for name in row))
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        write_atomically(self.metrics, lambda file: file.write(text.getvalue().encode()))

    def read_metrics(self):
        """The history that was written; what was not measured in an epoch is left out."""
        with self.metrics.open(newline="") as file:
            rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
        return [row | {"epoch": int(row["epoch"])} for row in rows]

    def save_model(self, model, path):
        """Save a Keras model in one atomic step."""
        partial = path.with_name(f"partial-{path.name}")  # Keras goes by the ending
        with without_tensorflow():
            model.save(partial)
        publish(partial, path)

    def write_json(self, path, value):
        text = json.dumps(value, indent=2, ensure_ascii=False, default=plain)
        write_atomically(path, lambda file: file.write(text.encode()))

    def read_json(self, path):
        try:
            return json.loads(path.read_text())
        except (ValueError, OSError) as error:
            raise UserError(
                f"{path} is damaged ({error}): choose another folder with --out."
            ) from error


def plain(value):
    """Turn what JSON does not know into what it does."""
    if isinstance(value, np.generic):
        return value.item()
    return str(value)
