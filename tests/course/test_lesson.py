"""How a lesson begins, shows figures, and compares guesses."""

import base64
import io
import subprocess
import sys

import keras
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib import pyplot as plt
from PIL import Image

from simclr_lib import course
from simclr_lib.course import compare_guess, figures, lesson, predict, show
from simclr_lib.errors import UserError


def test_a_lesson_begins(capsys):
    setting = lesson("03_nt_xent", profile="smoke", dataset="shapes", seed=3)
    assert capsys.readouterr().out == (
        "Data: shapes, 256 pictures to learn from and 128 to test on, 32×32 pixels, 10 classes;"
        " profile smoke, seed 3.\n"
    )
    assert setting.smoke
    assert len(setting.data.train_images) == 256
    assert setting.pick(full=10, smoke=1) == 1


def test_a_lesson_can_be_had_again(capsys):
    draws = []
    for _ in range(2):
        lesson("03_nt_xent", profile="smoke", dataset="shapes", seed=3)
        draws.append((np.random.rand(), float(keras.random.uniform(()))))  # noqa: NPY002
    assert draws[0] == draws[1]


def test_auto_takes_the_shapes_where_no_cifar10_is(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    setting = lesson("03_nt_xent", profile="smoke", dataset="auto")
    assert setting.data.name == "shapes"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"profile": "quick"}, "profile='quick'"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 0.5}, "seed=0.5"),
        ({"dataset": "no-such-set"}, "no dataset 'no-such-set'"),
    ],
)
def test_a_wrong_setting_is_told(setting, said):
    with pytest.raises(UserError, match=said):
        lesson("03_nt_xent", **{"dataset": "shapes", **setting})


def test_a_wrong_setting_is_a_line_in_a_notebook(capsys):
    shell = InteractiveShell()
    shell.run_cell("from simclr_lib.course import lesson; lesson('03_nt_xent', profile='quick')")
    said = capsys.readouterr().out.strip()
    assert said == "UserError: profile='quick': choose one of 'full', 'smoke'."


def test_what_is_done_to_pictures_is_noted_in_a_line(tmp_path, capsys):
    for kind in "ab":
        (tmp_path / "pets" / kind).mkdir(parents=True)
        for number in range(6):
            picture = np.full((20, 24, 3), 20 * number, "uint8")
            Image.fromarray(picture).save(tmp_path / "pets" / kind / f"{number}.png")
    for _ in range(2):
        lesson("03_nt_xent", profile="smoke", dataset=str(tmp_path / "pets"))
        first, *_ = capsys.readouterr().out.splitlines()
        assert first.startswith("Note: ")
        assert first.endswith("12 of 12 pictures cut to their centre square and resized to 32×32.")


def test_a_figure_without_words_is_refused():
    with pytest.raises(UserError, match="say in a sentence"):
        show(plt.figure())
    plt.close("all")


def test_a_figure_is_shown_once_with_its_words(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    show(plt.figure(figsize=(1, 1)), alt='Loss "falls"\n  to 3.')
    assert plt.get_fignums() == []
    (data,) = shown
    assert data["text/plain"] == 'Loss "falls" to 3.'
    start = '<img alt="Loss &quot;falls&quot; to 3." src="data:image/png;base64,'
    assert data["text/html"].startswith(start)
    png = base64.b64decode(data["text/html"].removeprefix(start).partition('"')[0])
    assert Image.open(io.BytesIO(png)).size[0] > 50
    assert data.keys() == {"text/html", "text/plain"}  # the picture once


def test_a_guess_is_asked_for_taken_and_compared(capsys):
    assert predict("start", "How large is the loss?") is None
    assert "in place of None" in capsys.readouterr().out
    assert predict("start", "How large is the loss?", answer=4) == 4
    capsys.readouterr()
    compare_guess("start", 4, 4.844, "nats")
    assert capsys.readouterr().out == (
        "How large is the loss?\nYour guess: 4 nats; measured: 4.84 nats; 0.844 nats apart.\n"
    )
    compare_guess("start", None, 4.844)
    assert capsys.readouterr().out.endswith("No guess; measured: 4.84.\n")


@pytest.mark.parametrize("answer", ["30", "30%", " 30 %", "30,0"])
def test_a_guess_in_quotation_marks_is_a_number_all_the_same(answer, capsys):
    compare_guess("share", predict("share", "Which share?", answer=answer), 14.06, "%")
    said = capsys.readouterr().out
    assert "Your guess: 30. The experiment will tell." in said
    assert said.endswith("Your guess: 30 %; measured: 14.1 %; 15.9 % apart.\n")


def test_a_guess_that_is_a_share_where_a_percentage_is_asked_for(capsys):
    compare_guess("share", 0.3, 14.06, "%")
    assert capsys.readouterr().out.endswith("(Did you mean 30 %? Then write 30.)\n")


def test_a_choice_may_be_a_number_or_in_capitals():
    choices = ["0.9", "0.99", "No difference"]
    assert predict("which", "Which?", choices=choices, answer=0.9) == "0.9"
    assert predict("which", "Which?", choices=choices, answer="no difference") == "No difference"
    assert predict("which", "Which?", choices=["none", "all"]) is None


def test_a_guess_that_is_no_number_is_told(capsys):
    assert predict("share", "Which share?", answer="a third") is None
    assert "'a third' is not a number: write one, without quotes" in capsys.readouterr().out


def test_a_choice(capsys):
    assert predict("which", "Which?", choices=["h", "z"], answer="x") is None
    assert "'x' is not among the choices" in capsys.readouterr().out
    compare_guess("which", predict("which", "Which?", choices=["h", "z"], answer="h"), "h")
    assert capsys.readouterr().out.endswith("Your guess: h; measured: h: as you guessed.\n")


def test_the_names_of_the_course():
    for name in course.__all__:
        assert name in dir(course)
        found = getattr(course, name)
        assert name == "NOT_STARTED" or (callable(found) and found.__doc__)


def test_importing_the_course_brings_no_framework():
    code = (
        "import sys; from simclr_lib.course import NOT_STARTED, check, show, lesson;"
        "print(callable(lesson), *{'keras', 'tensorflow', 'jax', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["True"], done.stderr
