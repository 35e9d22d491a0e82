"""What a person sees while a model trains."""

import sys
import time

from tqdm import tqdm


class Progress:
    """A bar with the time left in a terminal; elsewhere a line now and then.

    Args:
        title: what is being trained.
        steps: all steps of the training.
        chance: the loss of a model that has learnt nothing, shown beside the loss.

    Attributes:
        note: text that is shown at the end of the line.
    """

    SECONDS_BETWEEN_LINES = 20

    def __init__(self, title, steps, chance):
        self.title, self.steps, self.chance, self.note = title, steps, chance, ""
        self.bar = None

    def start(self, step):
        """Begin at `step`, which an earlier run has reached."""
        self.first_step, self.began, self.last_line = step, time.monotonic(), time.monotonic()
        if sys.stderr.isatty():
            form = "{desc} {percentage:3.0f}% |{bar:20}| {elapsed}, {remaining} left{postfix}"
            self.bar = tqdm(total=self.steps, initial=step, desc=self.title, bar_format=form)
        elif step:
            self.say(f"{self.title}: going on from step {step} of {self.steps}.")

    def step(self, step, logs):
        """Show that `step` steps are done; `logs` holds the running means of this epoch."""
        digits = 2 if self.chance >= 0.5 else 4  # a squared error of pixels is small
        text = f"loss {logs['loss']:.{digits}f} (chance {self.chance:.{digits}f})"
        if self.note:
            text += f", {self.note}"
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(step - self.bar.n)
            return
        now = time.monotonic()
        if now - self.last_line >= self.SECONDS_BETWEEN_LINES or step == self.steps:
            self.last_line = now
            left = (now - self.began) / max(step - self.first_step, 1) * (self.steps - step)
            self.say(f"{self.title}: {step / self.steps:4.0%}, {left / 60:.1f} min left, {text}")

    def say(self, line):
        """Print a line without tearing the bar."""
        if self.bar is not None:
            self.bar.write(line, file=sys.stderr)
        else:
            print(line, file=lines_go_to(), flush=True)

    def close(self):
        if self.bar is not None:
            self.bar.close()


def lines_go_to():
    """Standard error, which in a notebook is shown on red as errors are: there the other one."""
    in_notebook = type(sys.stdout).__module__.startswith("ipykernel")
    return sys.stdout if in_notebook else sys.stderr
