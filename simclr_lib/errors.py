"""The one exception that means: the user can mend this."""


class UserError(Exception):
    """A mistake in what the user gave, told in one line: what is wrong, and what to do.

    The command line prints the message without a traceback and exits with 2, and a notebook shows
    it without one. Raise it with a sentence that names the thing at fault (a path, a key, a
    picture) and the way out.
    """

    def _render_traceback_(self):
        """What IPython shows in place of a traceback: lines."""
        return [f"{type(self).__name__}: {self}"]
