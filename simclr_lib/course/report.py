"""What a check found, as text and as a card in a notebook."""

import html
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

# The rungs, as the learner sees them.
STAGES = ("signature", "runs", "shape and dtype", "properties", "values", "own work")

# JupyterLab's and VS Code's own colours, so that both their themes keep the contrast of the text;
# the last is for pages that know neither. The coloured edge says nothing that words do not say.
_EDGE = {
    "✓": "var(--jp-success-color1, #2e7d32)",
    "✗": "var(--jp-error-color1, #c62828)",
    "–": "var(--jp-info-color1, #1565c0)",
}
_TEXT = "color:var(--jp-content-font-color1, var(--vscode-foreground, inherit))"
_CODE = (
    "font-family:var(--jp-code-font-family, monospace);"
    "background:var(--jp-layout-color2, var(--vscode-textCodeBlock-background, transparent));"
    "color:inherit"
)


@dataclass(frozen=True, eq=False)
class Report:
    """What `check` found.

    Attributes:
        exercise_id, title: which exercise.
        passed: whether all visible checks passed.
        stage: "not started", the rung that failed (one of `STAGES`), "passed", or "no check" where
            the check itself could not run.
        diagnosis: what is wrong, in a sentence or two; "" when passed.
        seen: what showed it, where the diagnosis names a mistake.
        mistakes: names of the known mistakes that fit.
        hint: the first step towards mending it.
        function: the learner's own function if it passed, else the kit's.
        notes: what else is good to know.
    """

    exercise_id: str
    title: str
    stage: str
    function: Callable
    diagnosis: str = ""
    seen: str = ""
    mistakes: tuple[str, ...] = ()
    hint: str = ""
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.stage == "passed"

    def with_note(self, note) -> "Report":
        return replace(self, notes=(*self.notes, note))

    def verdict(self) -> tuple[str, str]:
        """A mark and a few words."""
        if self.passed:
            return "✓", "visible checks passed"
        if self.stage == "not started":
            return "–", "not started"
        if self.stage == "no check":
            return "✗", "not checked"
        return "✗", "not yet"

    def rungs(self) -> list[tuple[str, str]]:
        """(mark, rung) for each rung of the ladder; "–" for those not reached."""
        if self.stage not in STAGES:
            return []
        reached = STAGES.index(self.stage)
        marks = ["✓"] * reached + ["✗"] + ["–"] * (len(STAGES) - reached - 1)
        return list(zip(marks, STAGES, strict=True))

    def lines(self) -> list[str]:
        """What is said below the verdict."""
        if self.passed:
            return [*self.notes, f"The lesson goes on with your own {self.exercise_id}."]
        said = [self.diagnosis]
        if self.seen:
            said.append(f"What showed it: {self.seen}")
        said += self.notes
        if self.stage in STAGES:
            said.append(f'Stuck? hint("{self.exercise_id}") gives a hint.')
        return said

    def banner(self) -> str:
        """What the lesson goes on with, where that is not the learner's own."""
        if self.passed or self.stage == "no check":
            return ""
        name = self.exercise_id
        return f"Until this passes, the lesson goes on with the kit's own {name}."

    def __str__(self):
        mark, words = self.verdict()
        text = [f"{mark} {self.exercise_id} ({self.title}): {words}"]
        if self.rungs():
            text.append("  " + "  ".join(f"{mark} {rung}" for mark, rung in self.rungs()))
        text += [f"  {line}" for line in self.lines()]
        if self.banner():
            text.append(f"▶ {self.banner()}")
        return "\n".join(text)

    def __repr__(self):
        return f"<{self.exercise_id}: {self.verdict()[1]}>"

    def as_html(self) -> str:
        mark, words = self.verdict()
        rows = [f"<strong>{mark} <code>{self.exercise_id}</code>: {words}</strong>"]
        rows[0] += f" – {html.escape(self.title)}"
        if self.rungs():
            rows.append(" &nbsp; ".join(f"{mark} {rung}" for mark, rung in self.rungs()))
        rows += map(marked_up, self.lines())
        if self.banner():
            rows.append(f"<strong>▶ {marked_up(self.banner())}</strong>")
        return card(rows, mark)

    def show(self):
        """Print the report, or put its card into the notebook."""
        show_text(str(self), self.as_html())


def card(rows, mark="–"):
    """Rows of HTML with a coloured edge."""
    rows = "".join(f'<div style="margin:2px 0">{row}</div>' for row in rows)
    return f'<div style="border-left:5px solid {_EDGE[mark]};padding:4px 12px;{_TEXT}">{rows}</div>'


def marked_up(text):
    """Text as HTML, with what stands between backquotes as code."""
    return re.sub(r"`([^`]+)`", rf'<code style="{_CODE}">\1</code>', html.escape(text))


def in_notebook():
    """Whether a notebook's kernel shows what is displayed."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None


def show_text(text, as_html=None):
    """Print a text, or in a notebook put its HTML there (with the text for other readers)."""
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    as_html = card(map(marked_up, text.splitlines())) if as_html is None else as_html
    display({"text/html": as_html, "text/plain": text}, raw=True)
