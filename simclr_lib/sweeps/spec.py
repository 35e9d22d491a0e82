"""What an instructor writes: a YAML file that names a recipe and what to vary."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import yaml

from simclr_lib.errors import UserError
from simclr_lib.recipes import nearest

KEYS = ("title", "about", "recipe", "set", "grid", "list", "seeds", "plot", "notebook")
PLOT_KEYS = ("x", "y", "lines", "scale", "matrix")
MEASURES = ("linear", "knn", "classifier", "minutes")


@dataclass(frozen=True)
class Spec:
    """A sweep as it was asked for, its form checked, its values not yet.

    Attributes:
        path: the YAML file.
        title, about: heading of the report, and a sentence or two below it.
        recipe: name of the recipe that every run starts from.
        constants: `{field: value}`, the same for every run.
        arms: `[(name, {field: value})]`: what is compared, each with every seed.
        seeds: seeds, each of which runs every arm.
        plot: `x` (a field, or None), `y` (one of `MEASURES`), `lines` (a field, or None), `scale`
            ("linear" or "log") and `matrix` (whether an arm "a + b" is the cell of a and b).
        notebook: path of the notebook to run, or None for the kit's own.
        lines: `{word: line number}` of the words in the file, for error messages.
    """

    path: Path
    title: str
    about: str
    recipe: str
    constants: dict
    arms: list
    seeds: list
    plot: dict
    notebook: Path | None
    lines: dict

    def wrong(self, message, *words):
        """A `UserError` about this file, with the line of the first of `words` that it holds."""
        line = next((self.lines[word] for word in words if word in self.lines), None)
        return UserError(f"{place(self.path, line)}: {message}")


def read_spec(path):
    """Read a spec.

    Raises:
        UserError: it can't be read, is not YAML (with line and column), or asks for nothing.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UserError(f"The spec {path} can't be read: {reason}.") from error
    try:
        content = yaml.load(text, Loader=StrictLoader)
        lines = lines_of(yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(error.problem or error.context).split())
        where = place(path, mark.line + 1, mark.column + 1)
        raise UserError(f"{where}: not YAML: {what}.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}.") from error
    return checked(path, content, lines)


def checked(path, content, lines):
    """Turn the file's content into a `Spec`, or tell the first thing that is wrong in its form."""

    def wrong(message, *words):
        line = next((lines[word] for word in words if word in lines), None)
        return UserError(f"{place(path, line)}: {message}")

    def part(key, kind, default, what):
        value = content.get(key, default)
        if not isinstance(value, kind):
            raise wrong(f"{key} must be {what}; got {value!r}.", key)
        return value

    if not isinstance(content, dict) or not content:
        raise wrong("a spec is `key: value` lines, at least `recipe:` and `grid:` or `list:`.")
    for key in content:
        if key not in KEYS:
            raise wrong(f"a spec has no {key!r}{nearest(str(key), KEYS)}", str(key))
    if "recipe" not in content:
        raise wrong("`recipe:` is missing: which recipe do the runs start from?")
    if ("grid" in content) == ("list" in content):
        raise wrong("say what to compare, by `grid:` or by `list:`, not both.", "list", "grid")
    if "grid" in content:
        arms = arms_of_grid(part("grid", dict, {}, "`field: [values]` lines"), wrong)
    else:
        arms = arms_of_list(part("list", list, [], "a list of arms"), wrong)
    seeds = part("seeds", list, [0], "a list, such as [0, 1, 2]")
    if not seeds:
        raise wrong("seeds is an empty list: nothing would run.", "seeds")
    constants = part("set", dict, {}, "`field: value` lines")
    for settings in (constants, *(settings for _, settings in arms)):
        if "seed" in settings:
            raise wrong("seeds go under `seeds:`, a list.", "seed")
    notebook = part("notebook", str, "", "the path of a notebook")
    return Spec(
        path=path,
        title=part("title", str, path.stem, "text"),
        about=part("about", str, "", "text"),
        recipe=part("recipe", str, "", "the name of a recipe"),
        constants=constants,
        arms=arms,
        seeds=seeds,
        plot=checked_plot(part("plot", dict, {}, "`key: value` lines"), content, arms, wrong),
        notebook=path.parent / notebook if notebook else None,
        lines=lines,
    )


def arms_of_grid(grid, wrong):
    """The product of a grid's values, each with a name."""
    if not grid:
        raise wrong("the grid is empty: nothing would run.", "grid")
    for field, values in grid.items():
        if not isinstance(values, list):
            raise wrong(f"{field} in the grid takes a list of values; got {values!r}.", field)
        if not values:
            raise wrong(f"{field} has no values: the grid is empty.", field)
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    return [(named(settings), settings) for settings in combinations]


def arms_of_list(entries, wrong):
    """The arms of a list; one without a name is called by its settings."""
    if not entries:
        raise wrong("the list is empty: nothing would run.", "list")
    arms = []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise wrong(f"arm {number} of the list must be `field: value` lines.", "list")
        settings = {field: value for field, value in entry.items() if field != "name"}
        name = entry.get("name", named(settings))
        if not isinstance(name, str):
            raise wrong(f"the name of arm {number} must be text; got {name!r}.", "name")
        arms.append((name or "as it is", settings))
    names = [name for name, _ in arms]
    for name in names:
        if names.count(name) > 1:
            raise wrong(f"duplicate runs: two arms are called {name!r}.", name)
    return arms


def named(settings):
    return ", ".join(f"{field} {value}" for field, value in settings.items())


def checked_plot(plot, content, arms, wrong):
    """What to plot against what, with what was left out."""
    for key in plot:
        if key not in PLOT_KEYS:
            raise wrong(f"plot has no {key!r}{nearest(str(key), PLOT_KEYS)}", str(key))
    fields = list(dict.fromkeys(field for _, settings in arms for field in settings))
    if "grid" in content and not plot.get("matrix"):
        plot = {"x": fields[0], "lines": fields[1] if len(fields) == 2 else None} | plot
    plot = {"x": None, "y": "linear", "lines": None, "scale": "linear", "matrix": False} | plot
    for key in ("x", "lines"):
        if plot[key] is not None and plot[key] not in fields:
            known = nearest(str(plot[key]), fields)
            raise wrong(f"plot: {key}: {plot[key]!r} is not varied{known}", "plot")
    if plot["y"] not in MEASURES:
        raise wrong(f"plot: y must be one of {', '.join(MEASURES)}; got {plot['y']!r}.", "plot")
    if plot["scale"] not in ("linear", "log"):
        raise wrong(f"plot: scale must be linear or log; got {plot['scale']!r}.", "plot")
    if not isinstance(plot["matrix"], bool):
        raise wrong(f"plot: matrix must be true or false; got {plot['matrix']!r}.", "plot")
    return plot


def place(path, line=None, column=None):
    parts = [str(path)]
    parts += [f"line {line}"] if line else []
    parts += [f"column {column}"] if column else []
    return ", ".join(parts)


def lines_of(node):
    """`{word: line of its first appearance}` for every plain word of a YAML tree."""
    found, waiting, met = {}, [node], []
    while waiting:
        node = waiting.pop(0)
        if node in met:
            continue  # an alias, which may even stand in itself
        met.append(node)
        if isinstance(node, yaml.ScalarNode):
            line = node.start_mark.line + 1
            found[node.value] = min(line, found.get(node.value, line))
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return found


class StrictLoader(yaml.SafeLoader):
    """YAML in which no key of a mapping comes twice: the second would silently win."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key.value!r} comes twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)
