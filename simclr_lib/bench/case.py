"""One thing to measure, and how long that takes."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A case of one part.

    Attributes:
        part, name: what the results call it.
        start, turn: seconds until all sides are ready, and of a round, roughly, on two cores.
        settings: what its part needs to know.
    """

    part: str
    name: str
    start: float
    turn: float
    settings: dict = field(default_factory=dict)

    def seconds(self, rounds):
        return self.start + rounds * self.turn
