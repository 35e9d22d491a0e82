"""SimCLR in one picture: two pictures, two views of each, one encoder, points on a circle."""

import numpy as np
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from simclr_lib.plots import BLUE, GREY, INK, VERMILION, DescribedFigure

# Where the four projections lie on the circle, in degrees: the views of a picture near each other.
ANGLES = {0: (128, 62), 1: (242, 308)}
COLOURS, MARKERS = (BLUE, VERMILION), "os"


def idea_picture(images, views_a, views_b):
    """Draw the road from two pictures to four projections, and who pulls and pushes whom.

    Args:
        images: two pictures, `(2, H, W, 3)`, uint8 or floats in [0, 1].
        views_a, views_b: two views of each, `(2, h, w, 3)`, floats in [0, 1].

    Returns:
        A figure with an `alt_text`.
    """
    fig = DescribedFigure(figsize=(10, 4.6))
    ax = fig.add_axes([0, 0, 1, 0.9])
    ax.set(xlim=(0, 10), ylim=(0, 4.15), aspect="equal")
    ax.axis("off")
    fig.suptitle("SimCLR in one picture", x=0.02, ha="left", fontweight="bold")
    for x, heading in ((0.75, "pictures"), (2.75, "two random views"), (8.25, "projections z")):
        ax.text(x, 4.0, heading, ha="center", va="center")

    for index, middle in enumerate((2.95, 1.0)):
        put(ax, images[index], (0.75, middle), 1.1)
        for view, y in ((views_a[index], middle + 0.46), (views_b[index], middle - 0.46)):
            arrow(ax, (1.4, middle), (2.3, y), GREY, style="-|>")
            put(ax, view, (2.75, y), 0.8)
            colour, marker = COLOURS[index], MARKERS[index]
            ax.plot(3.32, y, marker, color=colour, markersize=9)
            arrow(ax, (3.5, y), (4.1, y), GREY, style="-|>")
    box(ax, (4.15, 0.3), (1.15, 3.35), "encoder\n\nh")
    box(ax, (5.55, 0.95), (0.85, 2.05), "head\n\nz")
    arrow(ax, (5.3, 1.98), (5.55, 1.98), GREY, style="-|>")
    arrow(ax, (6.4, 1.98), (6.85, 1.98), GREY, style="-|>")
    draw_circle(ax, centre=np.array([8.25, 1.98]), radius=1.3)
    fig.alt_text = (
        "Two pictures on the left. From each, two random views are drawn. All four views go "
        "through the same encoder and head and become four points on a circle. The two points of "
        "one picture pull each other together; points of different pictures push each other apart."
    )
    return fig


def draw_circle(ax, centre, radius):
    """The four projections on the unit circle, with arrows between them."""
    ax.add_patch(Circle(centre, radius, fill=False, edgecolor=GREY, linewidth=1.2))
    points = {}
    for picture, angles in ANGLES.items():
        for view, angle in enumerate(np.radians(angles)):
            point = centre + radius * np.array([np.cos(angle), np.sin(angle)])
            points[picture, view] = point
            ax.plot(*point, MARKERS[picture], color=COLOURS[picture], markersize=11, zorder=3)
    for picture in ANGLES:
        a, b = points[picture, 0], points[picture, 1]
        towards = 0.3 * (b - a)
        for start, step in ((a, towards), (b, -towards)):
            arrow(ax, start, start + step, INK, style="-|>", width=2)
        ax.text(*(0.72 * (a + b) / 2 + 0.28 * centre), "pull together", ha="center", va="center")
    for view in (0, 1):
        arrow(ax, points[0, view], points[1, view], GREY, style="<|-|>", dashed=True)
    ax.text(*centre, "push apart", ha="center", va="center", color=INK)


def put(ax, picture, middle, side):
    """Show a picture as a square around a point."""
    picture = np.asarray(picture)
    if picture.dtype != np.uint8:
        picture = np.clip(picture, 0, 1)
    (x, y), half = middle, side / 2
    ax.imshow(picture, extent=(x - half, x + half, y - half, y + half), zorder=2)


def arrow(ax, start, end, color, style, width=1.3, dashed=False):
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle=style,
            mutation_scale=12,
            color=color,
            linewidth=width,
            linestyle="--" if dashed else "-",
            shrinkA=7,
            shrinkB=7 if dashed else 0,
        )
    )


def box(ax, corner, size, text):
    style = {"boxstyle": "round,pad=0.02,rounding_size=0.12", "facecolor": "#eeeeee"}
    ax.add_patch(FancyBboxPatch(corner, *size, edgecolor=INK, **style))
    ax.text(corner[0] + size[0] / 2, corner[1] + size[1] / 2, text, ha="center", va="center")
