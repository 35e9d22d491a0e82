"""From a spec to the list of its runs, each with every parameter, checked before anything runs."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from simclr_lib.errors import UserError
from simclr_lib.recipes import get_recipe

BUILT_IN = ("shapes", "cifar10", "tiny-imagenet")  # every other `data` is a path


@dataclass(frozen=True)
class Run:
    """One run of a sweep.

    Attributes:
        key: the name of its folder, a hash of its parameters.
        arm: the name of what it tries.
        settings: `{field: value}` of the arm, as they came out of the recipe.
        parameters: every field of its recipe.
        precision: the number format that it computes in; None while `number_format` has not
            settled what its recipe's "auto" is. The key does not depend on it.
    """

    key: str
    arm: str
    settings: dict
    parameters: dict
    precision: str | None = None

    @property
    def label(self):
        return f"{self.arm}, seed {self.parameters['seed']}"


@dataclass(frozen=True)
class Plan:
    """All that a sweep folder needs to know of its spec: see `spec.Spec` for the parts.

    Of the notebook it is a hash of its code; None: the kit's own, which a newer kit may change.
    """

    title: str
    about: str
    recipe: str
    plot: dict
    runs: list
    notebook: str | None = None

    def as_json(self):
        return asdict(self)

    @classmethod
    def of_json(cls, saved):
        return cls(**(saved | {"runs": [Run(**run) for run in saved["runs"]]}))


def make_plan(spec):
    """List the runs of a spec, all arms with the first seed, then all with the second, and so on.

    Raises:
        UserError: no such recipe or field, a value of the wrong type or out of range (with the
            line of the spec), data that is not there, or two runs with the same parameters.
    """
    runs = {}
    for seed in spec.seeds:
        for arm, settings in spec.arms:
            run = make_run(spec, arm, settings, seed)
            if run.key in runs:
                raise spec.wrong(
                    f"duplicate runs: {runs[run.key].label!r} and {run.label!r} are the same.",
                    "seeds" if runs[run.key].arm == arm else arm,
                )
            runs[run.key] = run
    return Plan(spec.title, spec.about, spec.recipe, spec.plot, list(runs.values()))


def make_run(spec, arm, settings, seed):
    changed = {str(field): value for field, value in (spec.constants | settings).items()}
    try:
        recipe = get_recipe(spec.recipe, changed | {"seed": seed})
    except UserError as error:
        # The line of the field, or value, or recipe that the message is about.
        words = [*changed, *map(str, changed.values()), spec.recipe]
        words = [word for word in words if word in str(error)] or ["seeds"]
        raise spec.wrong(str(error), *words) from error
    parameters = asdict(recipe)
    if recipe.data not in BUILT_IN:  # a worker may have another working folder
        path = Path(recipe.data).expanduser().absolute()
        if not path.exists():
            raise spec.wrong(f"data: there is no folder or zip {path}.", recipe.data, "data")
        parameters["data"] = str(path)
    return Run(
        key=key_of(parameters),
        arm=arm,
        settings={field: parameters[field] for field in settings},
        parameters=parameters,
        precision=None if recipe.precision == "auto" else recipe.precision,
    )


def key_of(parameters):
    """The name of a run's folder: 16 hex digits, the same for the same parameters."""
    text = json.dumps(parameters, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
