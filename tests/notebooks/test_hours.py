"""What the lessons cost: the machine's minutes within their bounds."""

from simclr_lib.course.build.minutes import read_minutes
from simclr_lib.course.build.source import read_lesson
from simclr_lib.doctor import KIT

COURSE = ("00", "01", "02", "03", "04", "05")
LESSONS = {
    path.stem[:2]: read_lesson(path) for path in sorted((KIT / "solutions").glob("[0-9][0-9]_*.py"))
}


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
