"""What the files of a run folder say, without its encoder and its pictures."""

import csv
import json
from dataclasses import dataclass, fields
from pathlib import Path

from simclr_lib.errors import UserError
from simclr_lib.recipes import Recipe, check


@dataclass(frozen=True)
class Record:
    """A run as its folder tells it.

    Attributes:
        path: the run folder.
        recipe: what was run.
        config: all of `config.json`.
        history: one dict an epoch that is done, as of `metrics.csv`; numbers.
        accuracies: as of `Results`; empty while the run is not finished.
    """

    path: Path
    recipe: Recipe
    config: dict
    history: list
    accuracies: dict

    @property
    def steps_per_epoch(self):
        filled = self.config["data"]["train"] // self.recipe.batch_size
        return self.recipe.steps_per_epoch or filled

    @property
    def steps(self):
        """Training steps in the epochs that are done."""
        return len(self.history) * self.steps_per_epoch

    def linear(self, row):
        """The linear probe's accuracy in a row of the results, or None."""
        return self.accuracies.get(row, {}).get("linear")


def read_record(path):
    """Read a run folder; nothing is written.

    Raises:
        UserError: it is no run folder, or one of its files is damaged.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"There is no folder {path}: give a run's, such as runs/smoke.")
    if not (path / "config.json").exists():
        raise UserError(f"{path} is no run folder: it holds no config.json.")
    config = read(path / "config.json", json.loads)
    known = {field.name for field in fields(Recipe)}
    try:
        recipe = Recipe(**{key: config["recipe"][key] for key in config["recipe"] if key in known})
        check(recipe)
        # What all the rest counts with:
        config["data"]["train"] // recipe.batch_size, 1 / config["data"]["test"]
    except (KeyError, TypeError, ArithmeticError, AttributeError, UserError) as error:
        raise UserError(f"{path / 'config.json'} is not a run's ({error}).") from error
    history, results = path / "metrics.csv", path / "results.json"
    return Record(
        path=path,
        recipe=recipe,
        config=config,
        history=read(history, rows) if history.exists() else [],
        accuracies=read(results, json.loads).get("accuracies", {}) if results.exists() else {},
    )


def read(path, parse):
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError) as error:
        what = " ".join(str(error).split())
        raise UserError(f"{path} is damaged ({what}): take it away, or run anew.") from error


def rows(text):
    """The rows of `metrics.csv` as numbers; what was not measured in an epoch is left out."""
    return [
        {name: float(value) for name, value in row.items() if value}
        for row in csv.DictReader(text.splitlines())
    ]
