"""The kit's pictures: functions from arrays to a figure, one function a figure.

They neither show nor save. In a notebook a returned figure is the cell's value and appears once
(`display(fig)` where it is not the last line); on the command line `save(fig, path)` writes it.

Figures are made with `matplotlib.figure.Figure`, not with `pyplot.subplots`. pyplot keeps a list of
open figures; at the end of a cell JupyterLab draws all of that list *and* the cell's value, so a
returned figure would appear twice, and the command line would have to close each one. A plain
`Figure` is in no list: it needs no display, no closing, and no backend chosen beforehand.

Every figure carries `alt_text`, a sentence or two with the numbers that the figure shows. It goes
into the notebook (as the image's `alt` and as the text shown where images are not) and into PNGs.
"""

import io
import os
import textwrap
from itertools import product
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, PercentFormatter
from matplotlib.transforms import Bbox

# The one place for looks. Starting from "default" makes figures the same under any user's style:
# black on white, so that they can be read on JupyterLab's dark theme too.
_STYLE = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "image.interpolation": "nearest",  # a pixel stays a crisp square
    "text.parse_math": False,  # a "$" in a class name is a dollar
}
styled = style.context(["default", _STYLE])  # used as a decorator

# Okabe and Ito's colours: told apart with any colour vision.
INK, GREY, SKY, BLUE, VERMILION = "#222222", "#767676", "#56B4E9", "#0072B2", "#D55E00"
# Ten of Petroff's colours, made for the same purpose, each with a marker of its own.
COLOURS = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"]
COLOURS += ["#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"]
MARKERS = "osD^vP<X>*"
_HALO = [withStroke(linewidth=3, foreground="white")]  # keeps text readable on lines and points


def set_style():
    """Give figures that are made elsewhere in this program the same looks.

    Formulas are drawn as such there: Matplotlib labels logarithmic axes with them.
    """
    style.use(["default", {**_STYLE, "text.parse_math": True}])


class DescribedFigure(Figure):
    """A figure with an alternative text, which notebooks show together with the picture."""

    alt_text = ""

    @styled
    def _repr_mimebundle_(self, **_):
        png = io.BytesIO()
        self.savefig(png, format="png")
        data = {"image/png": png.getvalue(), "text/plain": self.alt_text}
        return data, {"image/png": {"alt": self.alt_text}}


@styled
def save(fig, path):
    """Writes `fig` as a PNG whose "Description" is the figure's alternative text.

    The file appears under its name when it is complete: a reader never meets half a picture.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        fig.savefig(unfinished, format="png", dpi=144, metadata={"Description": fig.alt_text})
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@styled
def view_grid(images, views_a, views_b, title="Each picture and its two views"):
    """Original pictures with the two views that were drawn from each, eight to a band.

    Args:
        images: `(n, H, W, 3)`, uint8 or floats in [0, 1].
        views_a: `(n, h, w, 3)`, floats in [0, 1].
        views_b: as `views_a`.
        title: the figure's title.
    """
    columns = min(len(images), 8)
    bands = -(-len(images) // columns)
    fig = new_figure(max(1.05 * columns + 0.6, 6.0), 3.5 * bands + 0.5, title, layout="compressed")
    grid = fig.add_gridspec(3 * bands, columns)
    rows = {"original": images, "view a": views_a, "view b": views_b}
    for index in range(len(images)):
        band, column = divmod(index, columns)
        for row, (name, pictures) in enumerate(rows.items()):
            ax = fig.add_subplot(grid[3 * band + row, column])
            _show_picture(ax, pictures[index])
            if row == 0:
                ax.set_title(f"picture {index + 1}", fontsize=9)
            if column == 0:
                ax.set_ylabel(name)
    height, width = np.shape(views_a)[1:3]
    fig.alt_text = (
        f"{title}. {_count(len(images), 'picture')}, one a column: the original, below it its two "
        f"random views of {width} by {height} pixels."
    )
    return fig


@styled
def training_curves(history, batch_size, title="Pretraining", *, chance=None):
    """Loss, contrastive accuracy and, where measured, online kNN accuracy over the epochs.

    Args:
        history: equal-length lists under `epoch` (may be fractional), `loss`,
            `contrastive_accuracy` and perhaps `knn_accuracy`, with None or NaN where it was not
            measured. Other keys are not drawn.
        batch_size: N, the images in a batch; a view is compared with 2N - 1 others.
        title: the figure's title.
        chance: what an encoder that has learnt nothing gets from another loss than NT-Xent; None:
            the loss is NT-Xent, whose chance level is ln(2N−1).
    """
    others = 2 * batch_size - 1
    epoch, loss, accuracy, knn = (
        np.array(history.get(key, []), dtype=float)
        for key in ("epoch", "loss", "contrastive_accuracy", "knn_accuracy")
    )
    measured = np.flatnonzero(np.isfinite(knn))
    panels = 3 if len(measured) else 2
    fig = new_figure(9.0, 3.5, title)
    fig.get_layout_engine().set(w_pad=0.1)
    axes = fig.subplots(1, panels)
    marker = "." if len(epoch) <= 30 else ""
    for ax in axes:
        ax.set(xlabel="epoch", xlim=(0, 1.03 * epoch[-1]))
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.grid(color="#e5e5e5", linewidth=0.8)

    name, formula = "contrastive loss", ""
    if chance is None:
        name, formula, chance = "NT-Xent loss", "ln(2N−1) = ", np.log(others)
    finite = loss[np.isfinite(loss)]
    low, high = min([*finite, chance - 0.5]), max([*finite, chance])
    room = high - low
    axes[0].plot(epoch, loss, color=BLUE, marker=marker)
    above = max([*finite[len(finite) // 2 :], chance])  # the text stays clear of the curve
    _chance_line(axes[0], chance, f"chance: {formula}{chance:.2f}", above)
    axes[0].set(ylabel=name, title=f"Loss: {loss[-1]:.2f} at the end")
    axes[0].set_ylim(low - 0.05 * room, high + 0.15 * room)
    alt = (
        f"{title}, {_count(epoch[-1], 'epoch')}. The loss goes from {loss[0]:.2f} to "
        f"{loss[-1]:.2f}; an encoder that has learnt nothing stays at {chance:.2f}. The matching "
        f"view is ranked first among {others} in {percent(accuracy[-1])} of cases; by chance in "
        f"{percent(1 / others)}."
    )

    axes[1].plot(epoch, accuracy, color=VERMILION, marker=marker)
    _chance_line(axes[1], 1 / others, f"chance: 1/(2N−1) = {percent(1 / others)}", 1 / others)
    axes[1].set(ylabel="matching view ranked first")
    axes[1].set_title(f"Contrastive accuracy: {percent(accuracy[-1])}")
    if len(measured):
        axes[2].plot(epoch[measured], knn[measured], color=INK, marker="o", linestyle=":")
        axes[2].set(ylabel="held-out pictures right")
        axes[2].set_title(f"Online kNN: {percent(knn[measured[-1]])}")
        alt += f" Online kNN accuracy on held-out training pictures: {percent(knn[measured[-1]])}."
    for ax in axes[1:]:
        ax.set_ylim(-0.03, 1.03)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    fig.alt_text = alt
    return fig


@styled
def reconstruction_curves(history, mean_error, title="Pretraining an autoencoder"):
    """Reconstruction error and, where measured, online kNN accuracy over the epochs.

    Args:
        history: equal-length lists under `epoch`, `loss` and perhaps `knn_accuracy`, with None or
            NaN where it was not measured. Other keys are not drawn.
        mean_error: the error of always drawing the mean picture.
        title: the figure's title.
    """
    epoch, loss, knn = (
        np.array(history.get(key, []), dtype=float) for key in ("epoch", "loss", "knn_accuracy")
    )
    measured = np.flatnonzero(np.isfinite(knn))
    fig = new_figure(9.0, 3.5, title)
    fig.get_layout_engine().set(w_pad=0.1)
    axes = fig.subplots(1, 2 if len(measured) else 1, squeeze=False)[0]
    for ax in axes:
        ax.set(xlabel="epoch", xlim=(0, 1.03 * epoch[-1]))
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.grid(color="#e5e5e5", linewidth=0.8)
    axes[0].plot(epoch, loss, color=BLUE, marker="." if len(epoch) <= 30 else "")
    top = max([*loss[np.isfinite(loss)], mean_error])
    _chance_line(axes[0], mean_error, f"the mean of all pictures: {mean_error:.4f}", mean_error)
    axes[0].set(ylabel="mean squared error", title=f"Error: {loss[-1]:.4f} at the end")
    axes[0].set_ylim(0, 1.15 * top)
    fig.alt_text = (
        f"{title}, {_count(epoch[-1], 'epoch')}. The mean squared error of the pixels goes from "
        f"{loss[0]:.4f} to {loss[-1]:.4f}; always drawing the mean picture has {mean_error:.4f}."
    )
    if len(measured):
        axes[1].plot(epoch[measured], knn[measured], color=INK, marker="o", linestyle=":")
        axes[1].set(ylabel="held-out pictures right", ylim=(-0.03, 1.03))
        axes[1].set_title(f"Online kNN: {percent(knn[measured[-1]])}")
        axes[1].yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        fig.alt_text += (
            f" Online kNN accuracy on held-out training pictures: {percent(knn[measured[-1]])}."
        )
    return fig


@styled
def accuracy_bars(rows, title, *, classes, highlight=None):
    """A horizontal bar for each method, beside the chance line.

    Args:
        rows: `(name, accuracy)` or `(name, accuracy, std)`, accuracies in 0..1, top row first; a
            std of None draws no error bar.
        title: the figure's title.
        classes: the number of (equally frequent) classes; chance is `1 / classes`.
        highlight: the name of the row to stress, by colour, hatching, edge and bold name.
    """
    fig = new_figure(8.0, 1.3 + 0.45 * len(rows), title)
    ax = fig.subplots()
    described = []
    for y, row in enumerate(rows):
        name, accuracy, std = (*row, None)[:3]
        text = percent(accuracy) + (f" ± {100 * std:.1f}" if std is not None else "")
        described.append(f"{name} {text}")
        own = name == highlight
        looks = {"color": SKY, "hatch": "///", "linewidth": 1.5} if own else {"color": "#c8ccd0"}
        ax.barh(y, accuracy, height=0.68, edgecolor=INK, **looks)
        if std is not None:
            ax.errorbar(accuracy, y, xerr=std, color=INK, capsize=4, linewidth=1.5)
        ax.annotate(
            text,
            (accuracy + (std or 0), y),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold" if own else "normal",
            path_effects=_HALO,
            zorder=4,
        )
    ax.axvline(1 / classes, color=INK, linestyle="--", linewidth=1.2, zorder=3)
    ax.annotate(
        f"chance: {percent(1 / classes)}",
        (1 / classes, 1),
        xycoords=ax.get_xaxis_transform(),
        xytext=(-2, 3),
        textcoords="offset points",
        fontsize=9,
    )
    names = [_fit(row[0], 28, lines=2) for row in rows]
    ax.set_yticks(range(len(rows)), names)
    for label, row in zip(ax.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row[0] == highlight else "normal")
    ax.set(xlabel="accuracy", ylabel="method", xlim=(0, 1.25), ylim=(len(rows) - 0.45, -0.55))
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    ax.spines.bottom.set_bounds(0, 1)
    ax.tick_params(axis="y", length=0)
    fig.alt_text = f"{title}. {'; '.join(described)}. Chance is {percent(1 / classes)}."
    return fig


@styled
def label_efficiency(rows, title, *, classes):
    """Accuracy by the share of the labels, a line a method, over several draws of the labels.

    Args:
        rows: `(method, fraction, accuracy)`, fractions and accuracies in 0..1; rows of the same
            method and fraction are draws, shown as mean and standard deviation.
        title: the figure's title.
        classes: the number of (equally frequent) classes; chance is `1 / classes`.
    """
    fig = new_figure(8.0, 4.2, title)
    ax = fig.subplots()
    ax.set_xscale("log")
    described = []
    looks = zip(("o-", "s--", "^:", "D-."), (BLUE, VERMILION, INK, GREY), strict=True)
    for method, (line, colour) in zip(dict.fromkeys(row[0] for row in rows), looks, strict=False):
        draws = {}
        for name, fraction, accuracy in rows:
            if name == method:
                draws.setdefault(fraction, []).append(accuracy)
        fractions = sorted(draws)
        means = [np.mean(draws[fraction]) for fraction in fractions]
        spreads = [np.std(draws[f], ddof=1) if len(draws[f]) > 1 else 0.0 for f in fractions]
        ax.errorbar(fractions, means, spreads, fmt=line, color=colour, capsize=4, label=method)
        told = (
            f"{percent(mean)} ± {100 * spread:.1f} with {fraction:.0%}"
            for fraction, mean, spread in zip(fractions, means, spreads, strict=True)
        )
        described.append(f"{method} {', '.join(told)}")
    ticks = sorted({row[1] for row in rows})
    ax.set_xticks(ticks, [f"{100 * tick:g} %" for tick in ticks])
    ax.minorticks_off()
    _chance_line(ax, 1 / classes, f"chance: {percent(1 / classes)}", 1 / classes)
    ax.set(xlabel="labels used", ylabel="accuracy", ylim=(0, 1.02))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    fig.alt_text = (
        f"{title}. Accuracy by the share of the labels: {'; '.join(described)}. Chance is "
        f"{percent(1 / classes)}."
    )
    return fig


@styled
def neighbour_grid(
    query_images,
    neighbour_images,
    query_labels,
    neighbour_labels,
    class_names,
    title="Test pictures and their nearest training pictures, by cosine",
):
    """Each row: a test picture, then the training pictures whose features are nearest to its own.

    Args:
        query_images: `(n, H, W, 3)`, uint8 or floats in [0, 1].
        neighbour_images: `(n, k, H, W, 3)`, nearest first.
        query_labels: `(n,)` class numbers.
        neighbour_labels: `(n, k)` class numbers.
        class_names: one name a class.
        title: the figure's title.
    """
    rows, k = np.shape(neighbour_labels)
    same = np.asarray(neighbour_labels) == np.asarray(query_labels)[:, None]
    side = min(1.2, 8.4 / (k + 1.3))
    characters = int(side * 13.5)
    two_lines = max(len(str(name)) for name in class_names) + 2 > characters
    row_height = side + (0.42 if two_lines else 0.28)
    fig = new_figure(max(side * (k + 1.3) + 0.4, 6.0), row_height * rows + 0.9, title)
    grid = fig.add_gridspec(rows, k + 2, width_ratios=[1, 0.1] + k * [1])
    for row in range(rows):
        ax = fig.add_subplot(grid[row, 0])
        _show_picture(ax, query_images[row])
        ax.set_xlabel(_fit(class_names[query_labels[row]], characters, lines=2), fontsize=9)
        if row == 0:
            ax.set_title("test")
        for rank in range(k):
            ax = fig.add_subplot(grid[row, rank + 2])
            _show_picture(ax, neighbour_images[row][rank])
            mark, colour, line = ("✓", BLUE, "-") if same[row, rank] else ("✗", VERMILION, "--")
            ax.spines[:].set(visible=True, color=colour, linestyle=line, linewidth=2.5)
            name = class_names[neighbour_labels[row][rank]]
            ax.set_xlabel(_fit(f"{mark} {name}", characters, lines=2), fontsize=9)
            if row == 0:
                ax.set_title(f"nearest {rank + 1}" if k < 8 else f"{rank + 1}")
    fig.supxlabel("✓ solid frame: same class      ✗ dashed frame: another class", fontsize=10)
    fig.alt_text = (
        f"{title}. {_count(rows, 'test picture')} with {_count(k, 'neighbour')} each: "
        f"{same.sum()} of {same.size} neighbours ({percent(same.mean())}) are of the test "
        "picture's class."
    )
    return fig


def embed_in_plane(features, seed=0):
    """Places features on a plane so that near neighbours by cosine stay near (t-SNE).

    Distances between far groups, and the directions of the axes, mean nothing.

    Args:
        features: `(n, d)`, at most 2,000 rows, so that it takes seconds.
        seed: the same seed gives the same map.

    Returns:
        `(n, 2)` float32.
    """
    from sklearn.manifold import TSNE  # slow to import, and only this function needs it
    from threadpoolctl import threadpool_limits

    if len(features) > 2000:
        raise ValueError(f"{len(features)} points are too many for a map: give at most 2,000")
    if np.ptp(features, axis=0).max() == 0:  # collapsed: one point, and nothing to spread
        return np.zeros((len(features), 2), dtype="float32")
    perplexity = min(30, (len(features) - 1) / 3)
    tsne = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=seed)
    # t-SNE's threads wait for each other a thousand times, which takes minutes beside another
    # busy program; one thread takes seconds, and gives the same map.
    with threadpool_limits(1):
        return tsne.fit_transform(np.asarray(features, dtype="float32"))


@styled
def feature_map(points, labels, class_names, title="Features on a plane (t-SNE)"):
    """Points on a plane, each class with its colour and marker, and its name at its median.

    Args:
        points: `(n, 2)`, as from `embed_in_plane`.
        labels: `(n,)` class numbers.
        class_names: one name a class; above 20 classes the names are left out.
        title: the figure's title.
    """
    points, labels = np.asarray(points, dtype="float32"), np.asarray(labels)
    fig = new_figure(8.0, 7.0, title)
    ax = fig.subplots()
    names = []
    for number in np.unique(labels):
        colour = COLOURS[number % 10]
        marker = MARKERS[(number + number // 10) % 10]  # an eleventh class gets another pair
        own = points[labels == number]
        ax.scatter(*own.T, s=16, color=colour, marker=marker, alpha=0.8, linewidths=0)
        if len(class_names) <= 20:
            middle = np.median(own, axis=0)
            ax.scatter(*middle, s=110, color=colour, marker=marker, edgecolor=INK, zorder=3)
            names.append(ax.annotate(
                _fit(class_names[number], 20), middle, textcoords="offset points", xytext=(0, 0),
                ha="center", va="center", fontweight="bold", path_effects=_HALO, zorder=4,
                arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.8, "shrinkB": 6},
            ))  # fmt: skip
    ax.margins(0.08)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xticks=[], yticks=[], xlabel="first axis (no unit)", ylabel="second axis (no unit)")
    _spread(fig, ax, names)

    plane = (points @ [1, 1j]).astype("complex64")
    distances = np.abs(plane[:, None] - plane)
    np.fill_diagonal(distances, np.inf)
    agree = np.mean(labels[distances.argmin(axis=1)] == labels)
    fig.alt_text = (
        f"{title}. {len(points)} points of {len(np.unique(labels))} classes; for "
        f"{percent(agree)} of them the nearest other point is of the same class."
    )
    return fig


@styled
def confusion_matrix(confusion, class_names, title="Confusion matrix"):
    """Which class is taken for which: each row shows where the pictures of one class went.

    Args:
        confusion: `(K, K)` counts, rows the true class, columns the answer.
        class_names: K names. Cells carry their percentage up to 20 classes, axes the names up
            to 40; beyond that, class numbers.
        title: the figure's title.
    """
    confusion = np.asarray(confusion)
    totals = confusion.sum(axis=1)
    share = confusion / np.maximum(totals, 1)[:, None]
    classes = len(share)
    side = float(np.clip(3.0 + 0.4 * classes, 5.0, 9.0))
    fig = new_figure(side, side - 0.7, title, layout="compressed")
    ax = fig.subplots()
    image = ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    bar = fig.colorbar(image, ax=ax, shrink=0.8, format=PercentFormatter(1.0, symbol=" %"))
    bar.set_label("share of the true class")
    ax.spines[:].set_visible(True)
    ax.set(xlabel="predicted class", ylabel="true class")
    if classes <= 40:
        names = [_fit(name, 22) for name in class_names]
        ax.set_xticks(range(classes), names, rotation=90 if classes > 12 else 45)
        if classes <= 12:
            for label in ax.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        ax.set_yticks(range(classes), names)
    if classes <= 20:
        ax.set_title("each row: percent of that true class")
        for (row, column), value in np.ndenumerate(share):
            colour = "white" if value > 0.66 else INK if value >= 0.005 else GREY
            text = f"{100 * value:.0f}" if totals[row] else "–"
            ax.text(column, row, text, color=colour, fontsize=9, ha="center", va="center")

    right = np.trace(confusion) / max(totals.sum(), 1)
    fig.alt_text = (
        f"{title}, {classes} classes, in percent of the true class. {percent(right)} of all "
        "pictures lie on the diagonal."
    )
    mistakes = share - np.diag(np.diag(share))
    if mistakes.any():
        true, answer = np.unravel_index(mistakes.argmax(), mistakes.shape)
        fig.alt_text += (
            f" The most frequent mistake: {class_names[true]} taken for {class_names[answer]}, "
            f"{percent(mistakes.max())}."
        )
    return fig


@styled
def similarity_heatmap(
    similarity, positives=True, title="Similarity of every view with every view"
):
    """All pairwise similarities of a batch's 2N views: N views a, then N views b.

    Args:
        similarity: `(2N, 2N)`, cosines; entries that are not finite are left grey.
        positives: whether to frame the positive pairs, `(i, i + N)` and `(i + N, i)`.
        title: the figure's title.
    """
    similarity = np.asarray(similarity, dtype=float)
    views = len(similarity)
    n = views // 2
    fig = new_figure(7.6, 6.6, title, layout="compressed")
    ax = fig.subplots()
    ax.set_facecolor("#bbbbbb")
    finite = np.isfinite(similarity)
    limit = max(1.0, np.abs(similarity[finite]).max(initial=0.0))
    image = ax.imshow(similarity, cmap="RdBu_r", vmin=-limit, vmax=limit)
    fig.colorbar(image, ax=ax, shrink=0.8).set_label("similarity")
    ax.axhline(n - 0.5, color=INK, linewidth=1)
    ax.axvline(n - 0.5, color=INK, linewidth=1)
    ax.spines[:].set_visible(True)
    ax.set(xlabel="compared with", ylabel="anchor")
    if views <= 40:
        names = [f"{view}{number + 1}" for view in "ab" for number in range(n)]
        ax.set_xticks(range(views), names, rotation=90 if n > 8 else 0)
        ax.set_yticks(range(views), names)
    else:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_ticks([n / 2 - 0.5, n + n / 2 - 0.5], [f"{n} views a", f"{n} views b"])
        ax.tick_params(axis="y", labelrotation=90)
    anchor = np.arange(views)
    positive = (anchor + n) % views
    if positives:
        for row, column in zip(anchor, positive, strict=True):
            box = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="black")
            box.set_linewidth(min(2.0, 60 / views))
            ax.add_patch(box)
        ax.set_title("black frames: positive pairs, two views of one picture")
    rest = finite.copy()
    rest[anchor, anchor] = rest[anchor, positive] = False
    fig.alt_text = (
        f"{title}, {views} by {views}. Mean similarity of positive pairs "
        f"{similarity[anchor, positive].mean():z.2f}"
    )
    if rest.any():
        fig.alt_text += f", of all other pairs {similarity[rest].mean():z.2f}"
    fig.alt_text += "."
    return fig


def new_figure(width, height, title, layout="constrained"):
    """An empty white figure, sizes in inches, with its title at the top left."""
    fig = DescribedFigure(figsize=(width, height), layout=layout)
    title = textwrap.fill(title, int(width * 10))
    fig.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    return fig


def _show_picture(ax, picture):
    """A picture without ticks; floats are clipped to [0, 1]."""
    picture = np.asarray(picture)
    if picture.dtype != np.uint8:
        picture = np.clip(picture.astype("float32"), 0, 1)
    ax.imshow(picture)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _chance_line(ax, level, text, text_level):
    """A dashed line across `ax` at `level`, and at the right, above `text_level`, its meaning."""
    ax.axhline(level, color=INK, linestyle="--", linewidth=1.2)
    place = {"xycoords": ax.get_yaxis_transform(), "textcoords": "offset points", "xytext": (-2, 4)}
    ax.annotate(text, (1, text_level), **place, ha="right", fontsize=9, path_effects=_HALO)


def _spread(fig, ax, names):
    """Moves each name from its point to the nearest place where it covers no other name or point.

    The line that `annotate` draws keeps a moved name tied to its point. A line that crosses
    another name or point costs as much as being 60 points (1/72 inch) further away.
    """
    fig.draw_without_rendering()  # sizes are known once the layout is made
    pixels = fig.dpi / 72
    frame = ax.get_window_extent()
    centres = [ax.transData.transform(name.xy) for name in names]
    taken = [Bbox([centre - 7 * pixels, centre + 7 * pixels]) for centre in centres]
    angles = np.radians([90, 270, 0, 180, 45, 135, 225, 315])
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for name, centre in zip(names, centres, strict=True):
        at_centre = Text.get_window_extent(name).padded(2 * pixels)
        lowest = np.inf
        for radius, direction in product(range(14, 240, 6), directions):
            if radius >= lowest:
                break
            box = at_centre.translated(*(radius * pixels * direction))
            line = [centre + pixels * step * direction for step in range(12, radius, 4)]
            covers = sum(box.overlaps(other) for other in taken)
            crosses = sum(other.count_contains(line) > 0 for other in taken)
            outside = not (frame.contains(*box.min) and frame.contains(*box.max))
            cost = radius + 60 * crosses + 1000 * (covers + outside)
            if cost < lowest:
                lowest, place, place_box = cost, radius * direction, box
        name.set_position(place)
        name.set_zorder(4 - np.hypot(*place) / 1000)  # near names are drawn over far ones' lines
        taken.append(place_box)


def _fit(name, characters, lines=1):
    """The name on at most `lines` lines; a longer one loses its middle, as its ends tell more."""
    name, room = str(name), characters * lines
    while True:
        head, tail = room // 2, room - room // 2 - 1
        short = name if len(name) <= room else f"{name[:head]}…{name[-tail:]}"
        rows = textwrap.wrap(short, characters)
        if len(rows) <= lines:
            return "\n".join(rows)
        room -= 1


def _count(number, thing):
    return f"{number:g} {thing}" if number == 1 else f"{number:g} {thing}s"


def percent(share):
    return f"{100 * share:.1f} %"
