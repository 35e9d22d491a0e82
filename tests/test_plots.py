"""The figures show the numbers that they were given, and say them in their alternative text."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from matplotlib import style
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from simclr_lib import plots

CLASSES = ["airplane", "automobile", "a class with a long name", "cat", "deer"]


def random(*shape):
    return np.random.default_rng(0).random(shape)


def small_history(**columns):
    history = {
        "epoch": [1.0, 2.0, 3.0, 4.0],
        "loss": [6.0, 5.5, 5.0, 4.25],
        "contrastive_accuracy": [0.1, 0.3, 0.5, 0.625],
    }
    return history | columns


def few_labels():
    draws = (("probe", 0.1, 0.4), ("probe", 0.1, 0.6), ("probe", 1.0, 0.7), ("scratch", 0.1, 0.2))
    return [*draws, ("scratch", 1.0, 0.9)]


def neighbours(rows=3, k=4):
    labels = np.arange(rows)
    near = np.tile(labels[:, None], (1, k))
    near[0, 1] = 4  # the only neighbour of another class
    return random(rows, 8, 8, 3), random(rows, k, 8, 8, 3), labels, near, CLASSES


def every_figure():
    """One of each, by name."""
    labels = np.arange(60) % 5
    return {
        "views": plots.view_grid(random(3, 8, 8, 3), random(3, 6, 6, 3), random(3, 6, 6, 3)),
        "curves": plots.training_curves(small_history(), 256),
        "drawing": plots.reconstruction_curves(small_history(), 5.1),
        "labels": plots.label_efficiency(few_labels(), "Few labels", classes=5),
        "bars": plots.accuracy_bars([("pixels", 0.4), ("SimCLR", 0.7, 0.01)], "Test", classes=5),
        "neighbours": plots.neighbour_grid(*neighbours()),
        "map": plots.feature_map(random(60, 2), labels, CLASSES),
        "confusion": plots.confusion_matrix(np.eye(5, dtype=int), CLASSES),
        "similarity": plots.similarity_heatmap(np.eye(8)),
    }


@pytest.fixture(scope="module")
def figures():
    drawn = every_figure()
    for fig in drawn.values():
        fig.draw_without_rendering()
    return drawn


def texts(fig):
    return [text.get_text() for text in fig.findobj(Text) if text.get_text()]


def dashed_levels(ax):
    return [line.get_ydata()[0] for line in ax.get_lines() if line.get_linestyle() == "--"]


def test_every_figure_fits_a_notebook_is_readable_and_described(figures):
    for name, fig in figures.items():
        assert fig.get_figwidth() <= 9, name
        assert fig.get_suptitle(), name
        assert len(fig.alt_text) > 40, name
        assert min(t.get_fontsize() for t in fig.findobj(Text) if t.get_text()) >= 9, name


def test_nothing_is_cut_off_at_the_edges(figures):
    for name, fig in figures.items():
        tight = fig.get_tightbbox()
        assert tight.x0 >= -0.02 and tight.y0 >= -0.02, name
        assert tight.x1 <= fig.get_figwidth() + 0.02, name
        assert tight.y1 <= fig.get_figheight() + 0.02, name


def test_figures_stay_dark_on_white_under_a_dark_style():
    with style.context("dark_background"):
        for name, fig in every_figure().items():
            fig.draw_without_rendering()
            assert fig.get_facecolor() == to_rgba("white"), name
            ticks = [label.get_color() for ax in fig.axes for label in ax.get_xticklabels()]
            assert "white" not in ticks, name


def test_figures_are_not_in_the_list_that_notebooks_draw_by_themselves():
    code = (
        "import sys, simclr_lib.plots as plots; plots.similarity_heatmap([[1, 0], [0, 1]]);"
        "assert 'matplotlib.pyplot' not in sys.modules; assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_notebook_gets_the_picture_and_its_alternative_text():
    fig = plots.confusion_matrix(np.eye(3, dtype=int), CLASSES[:3])
    data, metadata = fig._repr_mimebundle_(include=None, exclude=None)
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["text/plain"] == metadata["image/png"]["alt"] == fig.alt_text


def test_save_writes_a_described_png(tmp_path):
    fig = plots.accuracy_bars([("τ = 0.3 → probe", 0.5)], "Bars", classes=10)
    plots.save(fig, tmp_path / "bars.png")
    with Image.open(tmp_path / "bars.png") as picture:
        assert picture.size[0] == int(144 * fig.get_figwidth())
        assert picture.text["Description"] == fig.alt_text
    assert [path.name for path in tmp_path.iterdir()] == ["bars.png"]


def test_a_save_that_fails_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, monkeypatch):
    fig = plots.similarity_heatmap(np.eye(4))
    (tmp_path / "figure.png").write_bytes(b"old")

    def fill_the_disk(path, **_):
        path.write_bytes(b"half a pic")
        raise OSError("No space left on device")

    monkeypatch.setattr(fig, "savefig", fill_the_disk)
    with pytest.raises(OSError, match="No space"):
        plots.save(fig, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_view_grid_shows_every_picture_and_view_with_crisp_pixels():
    images = (255 * random(10, 8, 8, 3)).astype("uint8")
    views = 1.2 * random(10, 6, 6, 3)
    fig = plots.view_grid(images, views, views)
    shown = [ax.images[0] for ax in fig.axes]
    assert len(shown) == 30
    assert {image.get_interpolation() for image in shown} == {"nearest"}
    np.testing.assert_array_equal(shown[0].get_array(), images[0])
    np.testing.assert_allclose(shown[1].get_array(), np.clip(views[0], 0, 1), rtol=1e-6)
    assert "10 pictures" in fig.alt_text and "6 by 6" in fig.alt_text


def test_chance_lines_are_at_their_closed_forms():
    fig = plots.training_curves(small_history(), 256)
    loss, accuracy = fig.axes
    assert dashed_levels(loss) == [pytest.approx(np.log(511))]
    assert dashed_levels(accuracy) == [pytest.approx(1 / 511)]
    assert "chance: ln(2N−1) = 6.24" in texts(fig)
    for part in ("4 epochs", "6.00 to 4.25", "6.24", "62.5 %", "0.2 %"):
        assert part in fig.alt_text


def test_another_loss_brings_its_own_chance_level():
    fig = plots.training_curves(small_history(), 256, chance=0.0)
    assert dashed_levels(fig.axes[0]) == [0.0]
    assert fig.axes[0].get_ylabel() == "contrastive loss"
    assert "chance: 0.00" in texts(fig) and "stays at 0.00" in fig.alt_text


def test_knn_is_drawn_only_where_it_was_measured():
    fig = plots.training_curves(small_history(knn_accuracy=[None, 0.4, float("nan"), 0.55]), 256)
    assert len(fig.axes) == 3
    (line,) = fig.axes[2].get_lines()
    np.testing.assert_array_equal(line.get_xydata(), [[2, 0.4], [4, 0.55]])
    assert line.get_marker() == "o"
    assert "55.0 %" in fig.alt_text
    never = plots.training_curves(small_history(knn_accuracy=[None] * 4), 256)
    assert len(never.axes) == 2


@pytest.mark.parametrize(
    "loss", [[6.24, 6.23, 6.24, 6.24], [7.0, 9.0, 11.0, 12.0], [5.0, *[None] * 3]]
)
def test_the_chance_line_and_its_text_stay_visible_whatever_the_loss(loss):
    fig = plots.training_curves(small_history(loss=loss), 256)
    low, high = fig.axes[0].get_ylim()
    assert low < np.log(511) < high
    assert low < fig.axes[0].texts[0].xy[1] < high


def test_bars_are_as_long_as_the_accuracies():
    rows = [("nothing", 0.0), ("SimCLR", 0.669, 0.004), ("all", 1.0, None)]
    fig = plots.accuracy_bars(rows, "Accuracies", classes=4, highlight="SimCLR")
    (ax,) = fig.axes
    assert [bar.get_width() for bar in ax.patches] == [0.0, 0.669, 1.0]
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True, False]
    assert [label.get_fontweight() for label in ax.get_yticklabels()] == [
        "normal",
        "bold",
        "normal",
    ]
    assert any(list(line.get_xdata()) == [0.25, 0.25] for line in ax.get_lines())
    assert {"0.0 %", "66.9 % ± 0.4", "100.0 %", "chance: 25.0 %"} <= set(texts(fig))
    assert "SimCLR 66.9 % ± 0.4" in fig.alt_text and "25.0 %" in fig.alt_text


def test_neighbours_of_another_class_have_a_dashed_frame_and_a_cross():
    fig = plots.neighbour_grid(*neighbours(rows=3, k=4))
    assert len(fig.axes) == 3 * (1 + 4)
    marked = {"✓": [], "✗": []}
    for ax in fig.axes:
        if ax.get_xlabel()[0] in marked:
            marked[ax.get_xlabel()[0]].append(ax.spines.left.get_linestyle())
    assert marked == {"✓": ["-"] * 11, "✗": ["--"]}
    assert "11 of 12" in fig.alt_text


def test_names_under_neighbours_do_not_overlap():
    names = ["an unreasonably long class name"] * 5
    fig = plots.neighbour_grid(*neighbours(rows=2, k=8)[:4], names)
    fig.draw_without_rendering()
    boxes = [ax.xaxis.label.get_window_extent() for ax in fig.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_feature_map_names_each_class_once_and_apart():
    labels = np.arange(200) % 10
    names = [f"a class called {number}" for number in range(10)]
    fig = plots.feature_map(0.01 * random(200, 2), labels, names)  # all medians nearly coincide
    fig.draw_without_rendering()
    written = fig.axes[0].texts
    assert [text.get_text() for text in written] == names
    boxes = [Text.get_window_extent(text) for text in written]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_feature_map_tells_classes_apart_by_colour_and_marker():
    assert len(set(plots.COLOURS)) == len(set(plots.MARKERS)) == 10
    fig = plots.feature_map(random(200, 2), np.arange(200) % 100, [str(i) for i in range(100)])
    looks = {
        (tuple(dots.get_facecolor()[0]), dots.get_paths()[0].vertices.tobytes())
        for dots in fig.axes[0].collections
    }
    assert len(looks) == 100


def test_feature_map_says_how_well_classes_separate():
    labels = np.repeat([0, 1], 20)
    fig = plots.feature_map(random(40, 2) + 10 * labels[:, None], labels, ["cat", "dog"])
    assert "40 points of 2 classes" in fig.alt_text and "100.0 %" in fig.alt_text


def test_embedding_is_repeatable_and_keeps_neighbours_by_cosine():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    directions = np.eye(2, 8)[labels] + 0.05 * rng.normal(size=(60, 8))
    features = directions * rng.uniform(0.1, 10, size=(60, 1))  # lengths say nothing
    points = plots.embed_in_plane(features, seed=3)
    np.testing.assert_array_equal(points, plots.embed_in_plane(features, seed=3))
    assert points.shape == (60, 2)
    distances = np.linalg.norm(points[:, None] - points, axis=2) + 1e9 * np.eye(60)
    assert np.mean(labels[distances.argmin(axis=1)] == labels) > 0.9


def test_embedding_of_collapsed_features_is_one_point():
    assert np.ptp(plots.embed_in_plane(np.ones((30, 8)))) == 0


def test_embedding_refuses_more_points_than_it_can_place_in_time():
    with pytest.raises(ValueError, match="2,000"):
        plots.embed_in_plane(np.zeros((2001, 4)))


def test_confusion_rows_are_normalised_and_an_empty_class_is_no_trouble():
    confusion = np.array([[8, 2, 0], [0, 30, 10], [0, 0, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fig = plots.confusion_matrix(confusion, CLASSES[:3])
    ax = fig.axes[0]
    shares = ax.images[0].get_array()
    np.testing.assert_allclose(shares, [[0.8, 0.2, 0], [0, 0.75, 0.25], [0, 0, 0]])
    assert [cell.get_text() for cell in ax.texts] == ["80", "20", "0", "0", "75", "25", *"–––"]
    assert "76.0 %" in fig.alt_text
    assert "automobile taken for a class with a long name, 25.0 %" in fig.alt_text


def test_cell_text_contrasts_with_its_cell():
    confusion = np.zeros((20, 20), int)
    confusion[:, 0] = np.arange(20)  # shares from 0 to 100 % in steps of 5.3 %
    confusion[:, 1] = 19 - np.arange(20)
    ax = plots.confusion_matrix(confusion, range(20)).axes[0]
    image = ax.images[0]
    cells = image.cmap(image.norm(image.get_array())).reshape(-1, 4)
    for cell, text in zip(cells, ax.texts, strict=True):
        dark, light = sorted((luminance(cell), luminance(to_rgba(text.get_color()))))
        assert (light + 0.05) / (dark + 0.05) > 3.5


def luminance(colour):
    """Relative luminance as WCAG defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


def test_two_hundred_classes_are_drawn_without_text():
    fig = plots.confusion_matrix(np.eye(200, dtype=int), [f"class {i}" for i in range(200)])
    assert not fig.axes[0].texts
    assert len(fig.axes[0].get_xticklabels()) < 20
    assert "mistake" not in fig.alt_text


def test_positive_pairs_are_framed():
    similarity = np.full((6, 6), 0.25)
    similarity[np.arange(6), (np.arange(6) + 3) % 6] = 0.75
    np.fill_diagonal(similarity, -np.inf)  # as in a loss that masks a view's match with itself
    fig = plots.similarity_heatmap(similarity)
    frames = [patch for patch in fig.axes[0].patches if isinstance(patch, Rectangle)]
    cells = {(round(f.get_y() + 0.5), round(f.get_x() + 0.5)) for f in frames}
    assert cells == {(0, 3), (1, 4), (2, 5), (3, 0), (4, 1), (5, 2)}
    assert "positive pairs 0.75" in fig.alt_text and "other pairs 0.25" in fig.alt_text
    assert not plots.similarity_heatmap(similarity, positives=False).axes[0].patches


def test_a_name_that_is_too_long_keeps_both_ends():
    assert plots._fit("cat", 10) == "cat"
    short = plots._fit("terrier, number 12 of the kennel", 12)
    assert len(short) <= 12 and short.startswith("terr") and short.endswith("nel") and "…" in short
    rows = plots._fit("one_word_without_any_space_in_it", 12, lines=2).split("\n")
    assert len(rows) == 2 and all(len(row) <= 12 for row in rows)


def test_a_dollar_in_a_name_is_a_dollar(tmp_path):
    fig = plots.accuracy_bars([("5$ and $\\frac", 0.5)], "A $ title", classes=2)
    plots.save(fig, tmp_path / "dollar.png")


def test_few_labels_are_shown_as_means_over_their_draws(figures):
    fig = figures["labels"]
    assert "probe 50.0 % ± 14.1 with 10%, 70.0 % ± 0.0 with 100%" in fig.alt_text
    assert "scratch 20.0 % ± 0.0 with 10%, 90.0 %" in fig.alt_text
    assert dashed_levels(fig.axes[0])[-1] == pytest.approx(0.2)
    assert {"10 %", "100 %", "probe", "scratch", "chance: 20.0 %"} <= set(texts(fig))


def test_an_autoencoder_s_curve_stands_below_the_mean_picture(figures):
    fig = figures["drawing"]
    assert dashed_levels(fig.axes[0]) == [pytest.approx(5.1)]
    assert "goes from 6.0000 to 4.2500" in fig.alt_text and len(fig.axes) == 1
    with_knn = plots.reconstruction_curves(small_history(knn_accuracy=[None, 0.4, None, 0.55]), 5.1)
    assert len(with_knn.axes) == 2 and "55.0 %" in with_knn.alt_text
