"""The page: one file that needs no network, with its numbers, plots and links."""

import csv
import os
import re
import shutil
import statistics
import subprocess
from html.parser import HTMLParser

import pytest
from playwright.sync_api import sync_playwright
from sweep_tools import LIGHT, SIMCLR, sweep

from simclr_lib.sweeps import charts, collect, lock, tables

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

SEEDED = "title: Heat & <dust>\nabout: 1 < 2\n" + LIGHT.split("\n", 1)[1] + "seeds: [0, 1, 2]\n"


def accuracy(run):
    """Falls with the temperature, and differs between the seeds."""
    p = run.parameters
    return 0.9 - p["temperature"] / 10 + p["batch_size"] / 1000 + (p["seed"] - 1) / 50


class Page(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def reported(finished):
    folder, plan = finished(SEEDED, accuracy)
    failed = folder.files(plan.runs[-1])
    failed.done.unlink()
    failed.write(failed.failed, {"cell": "4: fit()", "error": "UserError: NaN & <more>"})
    sweep("report", folder.path, cwd=folder.path, check=False)
    return folder, plan


def test_the_page_asks_nothing_of_any_network(reported):
    folder, _ = reported
    text = folder.report.read_text()
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object")
        assert tag != "script" or "src" not in attributes
        if tag == "img":
            assert attributes["src"].startswith("data:image/png;base64,") and attributes["alt"]
        if tag == "a":
            target = attributes["href"]
            assert not re.match("[a-z]+:", target) and not target.startswith("/")
    assert "import" not in re.search("<style>.*?</style>", text, re.DOTALL)[0]
    assert not re.search(r"url\(|mathjax|require\.js", text, re.IGNORECASE)
    headings = [tag for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1" and headings.count("h1") == 1


def test_the_page_tells_means_failures_and_baselines(reported):
    folder, plan = reported
    words = " ".join(" ".join(Page(folder.report.read_text()).words).split())
    shares = [accuracy(run) for run in plan.runs if run.arm == plan.runs[0].arm]
    assert (
        f"{100 * statistics.mean(shares):.1f} % {100 * statistics.stdev(shares):.1f} % 3" in words
    )
    assert "Heat & <dust>" in words and "UserError: NaN & <more>" in words
    assert "Runs: 12, done: 11, failed: 1." in words
    told = (
        "Baselines, the same for every arm, mean over the seeds: random encoder 26.0%, raw pixels"
    )
    assert f"{told} 11.0%." in words
    assert "tensorflow, float32; python 3.11" in words


def test_the_csv_beside_it_has_a_row_a_run(reported):
    folder, plan = reported
    with folder.table.open() as file:
        found = list(csv.DictReader(file))
    assert [row["state"] for row in found] == ["done"] * 11 + ["failed"]
    assert [float(row["SimCLR linear"]) for row in found[:-1]] == [
        accuracy(run) for run in plan.runs[:-1]
    ]
    assert [row["temperature"] for row in found] == [
        str(run.parameters["temperature"]) for run in plan.runs
    ]


def test_a_report_waits_for_another_that_is_at_it(finished):
    folder, _ = finished(SEEDED, accuracy)
    held = lock.take(folder.report_lock)
    both = [
        subprocess.Popen([SIMCLR, "sweep", "report", folder.path], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    with pytest.raises(subprocess.TimeoutExpired):
        both[0].wait(timeout=5)
    assert both[1].poll() is None and not folder.table.exists()
    os.close(held)
    for process in both:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0 and b"12 of 12 runs done" in said
    assert folder.table.exists() and folder.report.exists()


def test_means_are_over_the_runs_that_are_done(reported):
    folder, plan = reported
    arms = collect.arms(collect.rows(folder, plan), plan, "linear")
    assert [len(arm["values"]) for arm in arms] == [3, 3, 3, 2]
    for arm in arms[:3]:
        assert arm["std"] == pytest.approx(0.02)
    knn = collect.arms(collect.rows(folder, plan), plan, "knn")
    assert knn[0]["mean"] == pytest.approx(arms[0]["mean"] - 0.05)


ARMS = [
    {
        "arm": f"temperature {t}",
        "settings": {"temperature": t},
        "values": [] if m is None else [m],
        "mean": m,
        "std": s,
        "baselines": {},
    }
    for t, m, s in ((0.1, 0.5, 0.02), (0.5, 0.7, None), (1.0, None, None))
]
PLOT = {"x": "temperature", "y": "linear", "lines": None, "scale": "log", "matrix": False}


def test_a_plot_shows_means_error_bars_chance_and_baselines():
    arms = [{**arm, "baselines": {"raw pixels": {0: 0.3}}} for arm in ARMS]
    figure = charts.chart(arms, PLOT, 10, "Heat")
    (axes,) = figure.axes
    (container,) = axes.containers
    assert list(container.lines[0].get_xdata()) == [0.1, 0.5]
    assert list(container.lines[0].get_ydata()) == [0.5, 0.7]
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "temperature"
    texts = {text.get_text() for text in axes.texts}
    assert texts == {"raw pixels: 30.0 %", "chance: 10.0 %"}
    assert "temperature 0.1: 50.0 % ± 2.0" in figure.alt_text


def test_pairs_fill_both_halves_of_a_matrix():
    arms = [
        {"arm": arm, "settings": {}, "values": [], "mean": mean, "std": None, "baselines": {}}
        for arm, mean in (("crop", 0.2), ("colour", 0.3), ("crop + colour", 0.6))
    ]
    figure = charts.chart(arms, PLOT | {"x": None, "matrix": True}, 10, "Pairs")
    grid = figure.axes[0].images[0].get_array()
    assert grid.tolist() == [[0.2, 0.6], [0.6, 0.3]]
    assert "crop + colour 60.0 %" in figure.alt_text


@pytest.mark.parametrize("y", ["linear", "minutes"])
def test_arms_without_an_order_are_bars(y):
    arms = [{**arm, "settings": {}} for arm in ARMS]
    figure = charts.chart(arms, PLOT | {"x": None, "y": y}, 10, "Bars")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["temperature 0.1", "temperature 0.5"]


def test_with_nothing_done_there_is_no_plot():
    arms = [{**arm, "mean": None} for arm in ARMS]
    assert charts.chart(arms, PLOT, 10, "Nothing") is None


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_browser_without_a_network_shows_and_sorts_it(reported, tmp_path):
    folder, _ = reported
    asked, said = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(folder.report.as_uri())
        for image in page.locator("img").all():
            assert image.evaluate("image => image.naturalWidth") > 100
        runs = page.locator("table", has=page.locator("caption", has_text="All runs"))
        heading = runs.get_by_role("button", name="SimCLR linear")
        column = runs.locator("thead th").all_inner_texts().index("SimCLR linear") + 1
        shown = []
        for _ in range(2):
            heading.click()
            cells = runs.locator(f"tbody td:nth-child({column})").all_inner_texts()
            shown.append([float(cell.split()[0]) for cell in cells if cell != "–"])
        page.screenshot(path=tmp_path / "report.png", full_page=True)
        browser.close()
    assert shown[0] == sorted(shown[0]) and shown[1] == shown[0][::-1] and len(shown[0]) == 11
    assert said == []
    assert all(url.startswith(("file:", "data:")) for url in asked)


def test_a_plot_can_show_the_small_classifier_of_each_row():
    row = {"SimCLR linear": 0.4, "classifier (20, 20) test": 0.2, "classifier (20, 20) train": 0.3}
    assert collect.measure(row, "classifier") == 0.2
    assert collect.measure(row, "linear") == 0.4
    assert collect.measure({"SimCLR linear": 0.4}, "classifier") is None
    row["random encoder linear"] = row["random encoder knn"] = 0.3
    # No baseline has such a classifier; its linear probe is shown, and said to be one.
    assert collect.baselines(row, "classifier") == {"random encoder, linear probe": 0.3}


TINY = {
    "SimCLR linear": 0.2,
    "SimCLR knn": 0.1,
    "autoencoder linear": 0.2,
    "random encoder linear": 0.06,
    "raw pixels, 16×16 linear": 0.05,
    "raw pixels, 16×16 knn": 0.04,
    "weights as loaded linear": 0.3,
    "supervised from scratch linear": 0.4,
}


def test_whatever_was_measured_beside_a_run_is_a_baseline():
    assert collect.baselines(TINY, "linear") == {
        "random encoder": 0.06,
        "raw pixels, 16×16": 0.05,
        "weights as loaded": 0.3,
        "supervised from scratch": 0.4,
    }
    assert collect.baselines(TINY, "knn") == {"raw pixels, 16×16": 0.04}
    assert collect.baselines(TINY, "minutes") == {}
    shown = tables.run_table([{"arm": "a", "seed": 0, "state": "done", "folder": "x"} | TINY])
    assert "SimCLR linear" in shown and "raw pixels" not in shown


def depths(seeds=(0, 1)):
    """Two arms whose untrained encoders differ, and one without a result."""
    found = []
    for depth, mean in ((8, 0.5), (18, 0.6), (34, None)):
        untrained = {seed: depth / 100 + seed / 10 for seed in seeds}
        pixels = {seed: 0.1 + seed / 10 + depth / 1e5 for seed in seeds}
        found.append(
            {
                "arm": f"depth {depth}",
                "settings": {"depth": depth},
                "values": [] if mean is None else [mean, mean],
                "mean": mean,
                "std": None if mean is None else 0.01,
                "baselines": {"random encoder": untrained, "raw pixels": pixels} if mean else {},
            }
        )
    return found


def test_a_baseline_that_depends_on_the_arm_is_no_level():
    assert collect.levels(depths()) == {"raw pixels": pytest.approx(0.15, abs=0.001)}
    own = collect.own_baselines(depths())
    assert own == {"random encoder": {"depth 8": pytest.approx(0.13), "depth 18": 0.23}}
    # Seeds that differ don't make a difference between arms, also while one arm lags behind.
    late = depths()
    del late[1]["baselines"]["raw pixels"][1]
    assert collect.levels(late).keys() == {"raw pixels"}


def test_a_plot_shows_each_arm_s_own_baseline_at_its_place():
    plot = PLOT | {"x": "depth", "scale": "linear"}
    (axes,) = charts.chart(depths(), plot, 10, "Depth").axes
    (own,) = [line for line in axes.lines if line.get_label() == "random encoder"]
    assert list(own.get_xdata()) == [8, 18]
    assert list(own.get_ydata()) == pytest.approx([0.13, 0.23])
    assert axes.get_legend() is not None
    assert {text.get_text() for text in axes.texts} == {"raw pixels: 15.0 %", "chance: 10.0 %"}

    figure = charts.chart(depths(), PLOT | {"x": None}, 10, "Depth")
    (own,) = [line for line in figure.axes[0].lines if line.get_label() == "random encoder"]
    assert list(own.get_xdata()) == pytest.approx([0.13, 0.23])
    assert [round(y) for y in own.get_ydata()] == [0, 1]
    assert "random encoder: depth 8 13.0 %, depth 18 23.0 %." in figure.alt_text
    shown = tables.arm_table(depths(), "linear")
    assert "random encoder" in shown and "13.0 %" in shown and "raw pixels" not in shown
