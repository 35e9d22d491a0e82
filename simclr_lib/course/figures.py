"""Figures that also speak to those who do not see them."""

import base64
import html
import io

from simclr_lib.course.report import in_notebook
from simclr_lib.errors import UserError


def show(figure, alt: str = ""):
    """Put a figure into the notebook with a text for those who do not see it, and close it.

    Args:
        figure: a Matplotlib figure.
        alt: what it shows, in a sentence or two; by default the figure's own `alt_text`, which the
            figures of `simclr_lib.plots` have.

    Raises:
        UserError: there is no text.
    """
    alt = " ".join((alt or getattr(figure, "alt_text", "")).split())
    if not alt:
        raise UserError('show(figure, alt="…"): say in a sentence what the figure shows.')
    if in_notebook():
        from IPython.display import display
        from PIL import Image

        drawn, png = io.BytesIO(), io.BytesIO()
        figure.savefig(drawn, format="png", bbox_inches="tight", facecolor="white")
        Image.open(drawn).convert("RGB").save(png, "png", optimize=True)  # a tenth smaller
        data = base64.b64encode(png.getvalue()).decode()
        # As image/png, JupyterLab and nbconvert would show it without the text; both, twice as big.
        image = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}" />'
        display({"text/html": image, "text/plain": alt}, raw=True)
    else:
        print(alt)
    if getattr(figure, "number", None) is not None:  # one of pyplot's, which it would show again
        from matplotlib import pyplot

        pyplot.close(figure)
