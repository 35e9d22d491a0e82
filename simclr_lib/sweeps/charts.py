"""The report's plots: means over the seeds with error bars, beside chance and the baselines."""

import numpy as np
from matplotlib.ticker import NullLocator, PercentFormatter

from simclr_lib.plots import (
    COLOURS,
    GREY,
    INK,
    MARKERS,
    accuracy_bars,
    new_figure,
    percent,
    styled,
)
from simclr_lib.sweeps import collect

NAMES = {
    "linear": "linear probe accuracy",
    "knn": "kNN accuracy",
    "classifier": "accuracy of the small classifier",
    "minutes": "minutes of training",
}
DASHES = ((0, (5, 2)), (0, (1, 2)), (0, (5, 2, 1, 2)))


def chart(arms, plot, classes, title):
    """The figure that a sweep's `plot` asks for.

    Args:
        arms: see `collect.arms`; their baselines are drawn where accuracies are.
        plot: see `spec.Spec`.
        classes: number of classes, or None: no chance line.
        title: the figure's title.

    Returns:
        A figure with `alt_text`, or None if no arm has a result.
    """
    measured = [arm for arm in arms if arm["mean"] is not None]
    if not measured:
        return None
    if plot["matrix"]:
        return matrix(arms, NAMES[plot["y"]], title)
    if plot["x"] is not None:
        return lines(measured, plot, classes, title)
    if plot["y"] == "minutes":
        return minute_bars(measured, title)
    return bars(measured, classes, title)


@styled
def bars(arms, classes, title):
    """A bar an arm, and a baseline; what is the baseline of one arm alone is a mark on its bar."""
    rows = [(arm["arm"], arm["mean"], arm["std"]) for arm in arms]
    rows += collect.levels(arms).items()
    best = max(arms, key=lambda arm: arm["mean"])["arm"]
    fig = accuracy_bars(rows, title, classes=classes or 1, highlight=best)
    # On the lower edge of the bar, clear of the number behind it.
    places = {arm["arm"]: y + 0.34 for y, arm in enumerate(arms)}
    own = collect.own_baselines(arms)
    for number, (name, shares) in enumerate(own.items()):
        fig.axes[0].plot(
            list(shares.values()),
            [places[arm] for arm in shares],
            color=INK,
            marker=MARKERS[number % len(MARKERS)],
            markerfacecolor="white",
            linestyle="none",
            label=name,
            zorder=5,
        )
    if own:
        fig.legend(loc="outside lower right", frameon=False, fontsize=9, ncols=2)
    fig.alt_text += told_of(own)
    return fig


def told_of(own):
    """Words for `collect.own_baselines`."""
    return "".join(
        f" {name}: {', '.join(f'{arm} {percent(share)}' for arm, share in shares.items())}."
        for name, shares in own.items()
    )


@styled
def lines(arms, plot, classes, title):
    """Mean against a field, a line for each value of another; bars show one standard deviation.

    A baseline that is the same for all is a level, any other a thin line of its own.
    """
    x, by, shares, own = plot["x"], plot["lines"], plot["y"] != "minutes", {}
    fig = new_figure(8.0, 4.8, title)
    ax = fig.subplots()
    arms = [arm for arm in arms if arm["settings"].get(x) is not None]
    places = [arm["settings"][x] for arm in arms]
    # Text, and numbers that are neither on a line nor on a scale, stand side by side.
    numeric = all(
        isinstance(place, int | float) and not isinstance(place, bool) for place in places
    )
    order = sorted(set(places)) if numeric else list(dict.fromkeys(places))
    position = {place: place if numeric else order.index(place) for place in order}
    described = []
    for number, value in enumerate(dict.fromkeys(arm["settings"].get(by) for arm in arms)):
        chosen = [arm for arm in arms if arm["settings"].get(by) == value]
        chosen.sort(key=lambda arm: position[arm["settings"][x]])
        means = [arm["mean"] for arm in chosen]
        ax.errorbar(
            [position[arm["settings"][x]] for arm in chosen],
            means,
            yerr=[arm["std"] or 0 for arm in chosen],
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            capsize=4,
            label="SimCLR" if by is None else f"{by} {value}",
        )
        for arm, mean in zip(chosen, means, strict=True):
            text = percent(mean) if shares else f"{mean:.1f}"
            spread = "" if arm["std"] is None else f" ± {arm['std'] * (100 if shares else 1):.1f}"
            described.append(f"{arm['arm']}: {text}{spread}")
    if plot["scale"] == "log" and numeric and min(order) > 0:
        ax.set_xscale("log")
    if not numeric or len(order) <= 10:
        ax.set_xticks([position[place] for place in order], [str(place) for place in order])
        ax.xaxis.set_minor_locator(NullLocator())
    if shares:
        levels, own = collect.levels(arms), collect.own_baselines(arms)
        draw_own(ax, arms, own, by, {arm["arm"]: position[arm["settings"][x]] for arm in arms})
        if classes:
            levels["chance"] = 1 / classes
        draw_levels(ax, levels)
        described += [f"{name}: {percent(level)}" for name, level in levels.items()]
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    ax.set(xlabel=x, ylabel=NAMES[plot["y"]])
    ax.grid(color="#e5e5e5", linewidth=0.8)
    if by is not None or own:
        ax.legend(frameon=False, fontsize=9)
    fig.alt_text = f"{title}. {NAMES[plot['y']]} against {x}. {'; '.join(described)}."
    fig.alt_text += told_of(own)
    return fig


def draw_own(ax, arms, own, by, places):
    """Draw the baselines that differ between the arms, each joined over the arms of one line."""
    for number, (name, shares) in enumerate(own.items()):
        label = name  # once
        for value in dict.fromkeys(arm["settings"].get(by) for arm in arms):
            line = [arm["arm"] for arm in arms if arm["settings"].get(by) == value]
            line = sorted((arm for arm in line if arm in shares), key=places.get)
            ax.plot(
                [places[arm] for arm in line],
                [shares[arm] for arm in line],
                color=GREY,
                linestyle=DASHES[number % len(DASHES)],
                linewidth=1.2,
                marker=".",
                label=label,
                zorder=1.9,  # below the arms, above the grid
            )
            label = None


def draw_levels(ax, levels):
    """Draw a line across the plot at each level, and its name at the right, clear of the others."""
    ends = [*ax.get_ylim(), *levels.values()]
    bottom, top = min(ends), max(ends)
    bottom -= 0.04 * (top - bottom)
    ax.set_ylim(bottom, top)
    lowest = bottom
    for number, (name, level) in enumerate(sorted(levels.items(), key=lambda item: item[1])):
        dashes = "--" if name == "chance" else DASHES[number % len(DASHES)]
        color = INK if name == "chance" else GREY
        ax.axhline(level, color=color, linestyle=dashes, linewidth=1.2, zorder=1)
        height = max(level, lowest)
        lowest = height + 0.045 * (top - bottom)  # a line of text
        ax.annotate(
            f"{name}: {percent(level)}",
            (1, level),
            xycoords=ax.get_yaxis_transform(),
            xytext=(1.01, height),
            textcoords=ax.get_yaxis_transform(),
            va="center",
            fontsize=9,
        )


@styled
def minute_bars(arms, title):
    """A bar an arm, in minutes."""
    fig = new_figure(8.0, 1.3 + 0.4 * len(arms), title)
    ax = fig.subplots()
    means = [arm["mean"] for arm in arms]
    ax.barh(range(len(arms)), means, xerr=[arm["std"] or 0 for arm in arms], color="#c8ccd0",
            edgecolor=INK, capsize=4)  # fmt: skip
    ax.set_yticks(range(len(arms)), [arm["arm"] for arm in arms])
    ax.invert_yaxis()
    ax.set(xlabel=NAMES["minutes"])
    told = "; ".join(f"{arm['arm']} {arm['mean']:.1f}" for arm in arms)
    fig.alt_text = f"{title}. Minutes of training: {told}."
    return fig


@styled
def matrix(arms, measure, title):
    """A square of pairs: the arm "a + b" is the cell of a and b, the arm "a" is on the diagonal."""
    pairs = {tuple(arm["arm"].split(" + ")): arm["mean"] for arm in arms}
    names = list(dict.fromkeys(name for pair in pairs for name in (pair[0], pair[-1])))
    pairs = {pair: mean for pair, mean in pairs.items() if mean is not None}
    grid = np.full((len(names), len(names)), np.nan)
    for pair, mean in pairs.items():
        row, column = names.index(pair[0]), names.index(pair[-1])
        grid[row, column] = grid[column, row] = mean
    fig = new_figure(2.4 + 0.9 * len(names), 1.6 + 0.75 * len(names), title)
    ax = fig.subplots()
    image = ax.imshow(grid, cmap="cividis", aspect="auto")
    middle = (np.nanmin(grid) + np.nanmax(grid)) / 2
    for row, column in np.ndindex(grid.shape):
        share = grid[row, column]
        if np.isfinite(share):
            color = "white" if share < middle else "black"
            ax.text(column, row, f"{100 * share:.1f}", ha="center", va="center", color=color)
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right")
    ax.set_yticks(range(len(names)), names)
    ax.spines[:].set_visible(False)
    bar = fig.colorbar(image, ax=ax, format=PercentFormatter(1.0, symbol=" %"))
    bar.set_label(measure)
    told = "; ".join(f"{' + '.join(pair)} {percent(mean)}" for pair, mean in pairs.items())
    fig.alt_text = f"{title}. {measure} of each operation alone (diagonal) and of pairs: {told}."
    return fig
