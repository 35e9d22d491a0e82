"""What the lessons cost: the machine's minutes within their bounds, the learner's as is told."""

import re

import pytest

from simclr_lib.course import exercises
from simclr_lib.course.build.minutes import read_minutes
from simclr_lib.course.build.source import read_lesson
from simclr_lib.doctor import KIT

COURSE = ("00", "01", "02", "03", "04", "05", "06")
LESSONS = {
    path.stem[:2]: read_lesson(path) for path in sorted((KIT / "solutions").glob("[0-9][0-9]_*.py"))
}
FURTHER = ("07", "08", "09")
HOURS = {5.5: "about five and a half hours", 10.5: "about ten and a half hours"}


def machine_minutes(profile):
    recorded = read_minutes(KIT / "solutions" / "minutes.csv")
    return {name[:2]: minutes for (name, of), minutes in recorded.items() if of == profile}


def test_the_course_takes_45_minutes_of_the_machine_and_no_lesson_ten():
    minutes = machine_minutes("full")
    assert minutes.keys() >= LESSONS.keys()
    assert {lesson: taken for lesson, taken in minutes.items() if taken > 10} == {}
    assert sum(minutes[lesson] for lesson in COURSE) <= 45


def test_both_sets_run_in_smoke_within_eight_minutes():
    """Students' notebooks do the same work, with the kit's functions for what is not answered."""
    minutes = machine_minutes("smoke")
    assert minutes.keys() >= LESSONS.keys()
    assert 2 * sum(minutes[lesson] for lesson in COURSE) <= 8


def rows(readme):
    """The cells of each line of a table that begins with a lesson's number."""
    for line in readme.read_text(encoding="utf-8").splitlines():
        if re.match(r"\| \d\d[ |]", line):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def own_minutes(lesson):
    """What a lesson says that it takes a learner."""
    told = re.search(r"\*\*It takes\*\* about (\d+) minutes of yours", lesson.cells[0].source)
    return int(told[1])


def core_minutes(lesson, done, left):
    """The exercises done, and the reading without the sections left, shared out by length."""
    minutes = {e.id: e.minutes for e in exercises.all_exercises() if e.lesson == lesson.name}
    lengths, section = {}, ""
    for cell in lesson.cells:
        heading = re.search(r"^## (.+)$", cell.source, re.MULTILINE)
        if cell.kind == "markdown" and heading:
            section = heading[1]
        lengths[section] = lengths.get(section, 0) + len(cell.source)
    reading = own_minutes(lesson) - sum(minutes.values())
    share = 1 - sum(lengths[section] for section in left) / sum(lengths.values())
    return sum(minutes[exercise] for exercise in done) + reading * share


def test_the_readme_tells_the_minutes_that_the_lessons_tell():
    told = {cells[0][:2]: int(cells[-1]) for cells in rows(KIT / "README.md")}
    assert told.keys() >= set(COURSE)
    assert told == {number: own_minutes(LESSONS[number]) for number in told}


def test_the_core_path_names_what_there_is_and_takes_an_afternoon():
    readme = KIT / "notebooks" / "README.md"
    path = {cells[0]: cells[1:] for cells in rows(readme)}
    assert path.keys() >= set(COURSE)
    for number, (everything, core, done, left) in path.items():
        lesson = LESSONS[number]
        assert int(everything) == own_minutes(lesson)
        done, left = re.findall("`(.+?)`", done), re.findall(r"\*(.+?)\*", left)
        assert int(core) == pytest.approx(core_minutes(lesson, done, left), abs=3), number
    for column in (0, 1):
        total = sum(int(path[number][column]) for number in COURSE)
        for file in (readme, KIT / "README.md"):
            assert HOURS[round(total / 30) / 2] in " ".join(file.read_text(encoding="utf-8").split())
    further = [sum(int(path[number][column]) for number in FURTHER) for column in (0, 1)]
    assert further == pytest.approx([4.5 * 60, 3.25 * 60], abs=8)
    for file in (readme, KIT / "README.md"):
        assert "four and a half more" in " ".join(file.read_text(encoding="utf-8").split())
