"""The exercise of "start here": count the negatives of an anchor."""

from simclr_lib.course.exercise import Exercise, mistake


def count_negatives(batch_size):
    """Number of negatives of one anchor in a batch of N pictures: 2N − 2."""
    views = 2 * batch_size
    return views - 2


# --- right answers


def in_one_line(batch_size):
    return 2 * batch_size - 2


def two_of_each_other_picture(batch_size):
    other_pictures = batch_size - 1
    return 2 * other_pictures


def by_counting(batch_size):
    anchor = (0, "a")
    count = 0
    for picture in range(batch_size):
        for view in ("a", "b"):
            is_anchor = (picture, view) == anchor
            is_positive = picture == 0 and view == "b"
            if not is_anchor and not is_positive:
                count += 1
    return count


# --- mistakes


@mistake(
    "You count the other pictures; each of them brings two views, and each view is a negative.",
    hint="How many views does one other picture bring into the batch?",
)
def pictures_not_views(batch_size):
    return batch_size - 1


@mistake(
    "That is every view but the anchor itself: the anchor's positive is still among them.",
    hint="One of the other views shows the anchor's own picture.",
)
def positive_counted(batch_size):
    return 2 * batch_size - 1


@mistake(
    "That is all views of the batch: neither the anchor itself nor its positive is a negative.",
    hint="Which two of these views show the anchor's own picture?",
)
def all_views(batch_size):
    return 2 * batch_size


@mistake(
    "That is the number of pictures; negatives are views, and the anchor's own picture has none.",
    hint="Draw a batch of three pictures: six views. Cross out those of the anchor's picture.",
)
def all_pictures(batch_size):
    return batch_size


@mistake(
    "You take away two pictures; only one, the anchor's own, brings no negatives.",
    hint="How many pictures other than the anchor's are there?",
)
def two_pictures_taken_away(batch_size):
    return 2 * (batch_size - 2)


@mistake(
    "That is the count over all anchors of the batch together; the question is about one anchor.",
    hint="There are 2N anchors: divide by that.",
)
def over_all_anchors(batch_size):
    return 2 * batch_size * (2 * batch_size - 2)


@mistake(
    "You take away two from the pictures; take it away from the views.",
    hint="Begin with the number of views in the batch.",
)
def two_taken_from_pictures(batch_size):
    return batch_size - 2


# --- properties


def one_picture_has_none(answer):
    count = answer(1)
    if count != 0:
        return (
            "A batch of one picture holds an anchor and its positive, so there are 0 negatives; "
            f"yours are {count:g}."
        )
    return None


EXERCISES = [
    Exercise(
        id="count_negatives",
        lesson="00_start_here",
        title="How many negatives has an anchor?",
        minutes=3,
        difficulty=1,
        reference=count_negatives,
        probes=[(2,), (3,), (8,), (256,)],
        ladder=[one_picture_has_none],
        mistakes=[
            pictures_not_views,
            positive_counted,
            all_views,
            all_pictures,
            two_pictures_taken_away,
            over_all_anchors,
            two_taken_from_pictures,
        ],
        hints=(
            "Begin with the number of views: each of the N pictures is drawn twice.",
            "From all views take away those that show the anchor's own picture.",
            "The anchor and its positive show the anchor's own picture; everything else counts.",
        ),
        right=[in_one_line, two_of_each_other_picture, by_counting],
    )
]
