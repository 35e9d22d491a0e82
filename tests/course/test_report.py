"""What a report looks like: stable text, and a card that does not rest on colour."""

import re

import pytest

from simclr_lib.course import check
from simclr_lib.course.checking import examine


def half_right(values, weight=1.0):
    return weight * sum(values)


def right(values, weight=1.0):
    return weight * sum(values) / len(values)


def test_text_of_a_failure(average, capsys):
    report = check("average", half_right)
    assert capsys.readouterr().out == f"{report}\n"
    assert str(report).splitlines() == [
        "✗ average (a mean): not yet",
        "  ✓ signature  ✓ runs  ✓ shape and dtype  ✗ properties  – values  – own work",
        "  This is the sum.",
        "  What showed it: The mean of 1 and 3 lies between them; yours is 4.",
        '  Stuck? hint("average") gives a hint.',
        "▶ Until this passes, the lesson goes on with the kit's own average.",
    ]


def test_text_of_a_pass(average, capsys):
    check("average", right)
    assert capsys.readouterr().out.splitlines() == [
        "✓ average (a mean): visible checks passed",
        "  The lesson goes on with your own average.",
    ]


def test_a_report_is_the_same_the_second_time(average):
    first, second = (examine(average, half_right) for _ in range(2))
    assert (str(first), first.as_html()) == (str(second), second.as_html())
    assert "correct" not in str(examine(average, right))


@pytest.mark.parametrize("answer", [half_right, right])
def test_the_card_says_all_that_the_text_says(average, answer):
    report = examine(average, answer)
    words = re.sub(r"<[^>]*>|&nbsp;", " ", report.as_html())
    for word in re.findall(r"\w+|[✓✗–▶]", str(report)):
        assert word in words


def test_what_a_learner_wrote_is_escaped(average):
    def angle(values, weight=1.0):
        raise ValueError("<script>")

    html = examine(average, angle).as_html()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
