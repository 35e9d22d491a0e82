"""What a benchmark found: figures with their spread, and the bars they are held to."""

import statistics
from dataclasses import asdict, dataclass
from operator import truediv


@dataclass(frozen=True)
class Figure:
    """One quantity of one side, measured several times.

    Attributes:
        case: what was measured, e.g. `"32×32"`.
        side: `"kit"`, or the peer's name.
        quantity, unit: e.g. `"speed"`, `"images/s"`.
        values: one a round; none where it could not be measured.
        note: why not.
    """

    case: str
    side: str
    quantity: str
    unit: str
    values: tuple[float, ...]
    note: str = ""

    @property
    def median(self):
        return statistics.median(self.values) if self.values else None

    @property
    def quartiles(self):
        """The lower and the upper one; with a single value, twice that."""
        if len(self.values) < 2:
            return (self.median, self.median)
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high

    def record(self):
        values = [rounded(value) for value in self.values]
        low, high = map(rounded, self.quartiles)
        summary = {"median": rounded(self.median), "quartiles": [low, high]}
        return asdict(self) | summary | {"values": values}


@dataclass(frozen=True)
class Bar:
    """A ratio or a share beside what it has to reach.

    Attributes:
        name: what is compared, in words.
        value: what was found; None where a side is missing.
        limit: the number to reach; None: merely told.
        at_least: whether `value` must be at least the limit, or at most.
        unit: "×", "%" or "MB".
        rounds: the same in each round by itself, where there is such a thing: `value` is made of
            medians, and these tell how much the rounds agree.
        chance: twice the standard error of `value`, where it is a mean of draws: a limit within
            that is reached, as far as the draws can tell.
    """

    name: str
    value: float | None
    limit: float | None
    at_least: bool = True
    unit: str = "×"
    rounds: tuple[float, ...] = ()
    chance: float = 0.0

    @property
    def reached(self):
        """True, False, or None where there is nothing to compare."""
        if self.value is None or self.limit is None:
            return None
        if self.at_least:
            return self.value + self.chance >= self.limit
        return self.value - self.chance <= self.limit

    def record(self):
        seen = {"value": rounded(self.value), "chance": rounded(self.chance)}
        seen["rounds"] = [rounded(value) for value in self.rounds]
        return asdict(self) | seen | {"reached": self.reached}


class Found:
    """The figures of one part, looked up by case, side and quantity."""

    def __init__(self, figures):
        self.figures = figures

    def figure(self, case, side, quantity):
        """The figure, or None where it was not measured."""
        for figure in self.figures:
            if (figure.case, figure.side, figure.quantity) == (case, side, quantity):
                return figure
        return None

    def median(self, case, side, quantity):
        """The median, or None where it was not measured."""
        figure = self.figure(case, side, quantity)
        return figure and figure.median

    def values(self, case, side, quantity):
        """One a round; none where it was not measured."""
        figure = self.figure(case, side, quantity)
        return tuple(figure.values) if figure else ()

    def ratio(self, above, below):
        """One median over another, each `(case, side, quantity)`; None if one is absent."""
        above, below = self.median(*above), self.median(*below)
        return above / below if above is not None and below else None

    def ratios(self, above, below):
        """The ratio in each round, for two sides that were measured in the same rounds."""
        above, below = self.values(*above), self.values(*below)
        return tuple(map(truediv, above, below)) if len(above) == len(below) > 1 else ()

    def bar(self, name, above, below, limit, at_least=True):
        rounds = self.ratios(above, below)
        return Bar(name, self.ratio(above, below), limit, at_least, rounds=rounds)


def rounded(value):
    """Four significant digits: more are noise."""
    return None if value is None else float(f"{value:.4g}")
