"""Lesson 06: what an ablation is, what chance does to it, and how one is designed."""

import itertools

import numpy as np

from simclr_lib.course.exercise import Exercise, mistake
from simclr_lib.course.sweep_design import complaints

LESSON = "06_ablations"


# -- One thing at a time ---------------------------------------------------------------------------

BASE = {"temperature": 0.2, "batch_size": 256, "crop_min_area": 0.3}


def arms_by_loops(base, choices):
    arms = [dict(base)]
    for field, values in choices.items():
        others = [value for value in values if value != base[field]]
        arms += [{**base, field: value} for value in others]
    return arms


def arms_by_comprehension(base, choices):
    pairs = [(field, value) for field, values in choices.items() for value in values]
    return [base] + [base | {field: value} for field, value in pairs if base[field] != value]


def arms_by_copies(base, choices):
    arms = [base.copy()]
    for field in choices:
        for value in choices[field]:
            arm = base.copy()
            arm[field] = value
            if arm not in arms:
                arms.append(arm)
    return arms


def changed(base, choices):
    """The arms without the base."""
    return arms_by_loops(base, choices)[1:]


@mistake(
    "You combine every value with every value: that is the full grid, in which two arms can differ"
    " in several things at once. Wanted are arms that differ from the base in one field.",
    hint="For each field, for each of its values: a copy of the base with that one field changed.",
)
def full_grid(base, choices):
    fields = list(choices)
    combined = itertools.product(*choices.values())
    arms = [{**base, **dict(zip(fields, values, strict=True))} for values in combined]
    return [dict(base), *(arm for arm in arms if arm != base)]


@mistake(
    "The base itself is missing: it is the arm that all others are compared with.",
    hint="Begin the list with dict(base).",
)
def base_missing(base, choices):
    return changed(base, choices)


@mistake(
    "The base is there several times: where a value is the base's own, nothing changes, and the"
    " same run would be paid for again.",
    hint="Leave a value out that equals base[field].",
)
def base_again(base, choices):
    arms = [{**base, field: value} for field, values in choices.items() for value in values]
    return [dict(base), *arms]


@mistake(
    "Your changes pile up: an arm keeps what an earlier one has changed. Each one is to begin from"
    " the base.",
    hint="Make a new copy of the base within the inner loop.",
)
def changes_pile_up(base, choices):
    arms, arm = [dict(base)], dict(base)
    for field, values in choices.items():
        for value in values:
            if value != base[field]:
                arm = {**arm, field: value}
                arms.append(arm)
    return arms


@mistake(
    "All entries of your list are one and the same dict: each change shows in all of them.",
    hint="Make a new copy of the base within the inner loop.",
)
def one_dict_for_all(base, choices):
    arm = dict(base)
    arms = [arm]
    for field, values in choices.items():
        for value in values:
            if value != base[field]:
                arm[field] = value
                arms.append(arm)
    return arms


@mistake(
    "An arm holds only what it changes: wanted is the whole recipe, with the base's other fields.",
    hint="{**base, field: value}.",
)
def only_the_change(base, choices):
    arms = [{field: v} for field, values in choices.items() for v in values if v != base[field]]
    return [dict(base), *arms]


@mistake(
    "Of each field only the first value is tried.",
    hint="A loop over the values within the loop over the fields.",
)
def first_value_only(base, choices):
    return arms_by_loops(base, {field: values[:1] for field, values in choices.items()})


@mistake(
    "Only the last field is varied: the list begins anew for each field.",
    hint="Make the list once, before the loops.",
)
def last_field_only(base, choices):
    last = list(choices)[-1]
    return arms_by_loops(base, {last: choices[last]})


@mistake(
    "Only the first field is varied: `return` stands within the loop.",
    hint="Move `return` out to the left, below the loops.",
)
def first_field_only(base, choices):
    first = next(iter(choices))
    return arms_by_loops(base, {first: choices[first]})


@mistake(
    "Your arms change all fields together, first values with first values: then nobody knows which"
    " of the changes did it.",
    hint="Two loops, one within the other, and one field changed in each arm.",
)
def all_fields_together(base, choices):
    together = zip(*choices.values(), strict=False)
    arms = [{**base, **dict(zip(choices, values, strict=True))} for values in together]
    return [dict(base), *arms]


@mistake(
    "The base stands at the end: it is to come first.",
    hint="Begin the list with dict(base), then add the others.",
)
def base_at_the_end(base, choices):
    return [*changed(base, choices), dict(base)]


@mistake(
    "A field's value is now the whole list of its choices: each arm takes one of them.",
    hint="A loop over the values within the loop over the fields.",
)
def list_as_value(base, choices):
    return [dict(base), *({**base, field: values} for field, values in choices.items())]


def begins_with_the_base(answer):
    arms = answer(BASE, {"temperature": [0.1, 1.0]})
    if not arms or arms[0] != BASE:
        return "The first of your arms is not the base."
    return None


def each_differs_in_one_field(answer):
    arms = answer(BASE, {"temperature": [0.1, 1.0], "batch_size": [64, 512]})
    for number, arm in enumerate(arms[1:], 2):
        if arm.keys() != BASE.keys():
            return f"Arm {number} has the fields {sorted(arm)}; the base has {sorted(BASE)}."
        count = sum(arm[field] != BASE[field] for field in BASE)
        if count != 1:
            return f"Arm {number} differs from the base in {count} fields, not in one."
    return None


def no_arm_twice(answer):
    arms = answer(BASE, {"temperature": [0.2, 1.0], "batch_size": [256, 64]})
    if any(arm in arms[:number] for number, arm in enumerate(arms)):
        return "An arm is there twice: the same run would be paid for twice."
    return None


ARMS = Exercise(
    id="one_at_a_time",
    lesson=LESSON,
    title="arms that differ from the base in one thing",
    minutes=10,
    difficulty=2,
    reference=arms_by_loops,
    probes=[
        (BASE, {"temperature": [0.1, 0.2, 1.0], "batch_size": [64, 256]}),
        (BASE, {"batch_size": [32, 128], "crop_min_area": [0.1, 0.9, 0.3], "temperature": [0.5]}),
    ],
    ladder=[begins_with_the_base, each_differs_in_one_field, no_arm_twice],
    mistakes=[
        full_grid,
        base_missing,
        base_again,
        changes_pile_up,
        one_dict_for_all,
        only_the_change,
        first_value_only,
        last_field_only,
        first_field_only,
        all_fields_together,
        base_at_the_end,
        list_as_value,
    ],
    hints=(
        "Two loops, one within the other: over the fields, and over the values of each.",
        "{**base, field: value} is a new dict, the base with one field changed.",
        "Begin with arms = [dict(base)]; append a changed copy wherever value != base[field].",
    ),
    right=[arms_by_loops, arms_by_comprehension, arms_by_copies],
    parameters=("base", "choices"),
)


# -- Over the seeds --------------------------------------------------------------------------------


def runs(arms=4, seeds=3, number=0):
    """Accuracies, in percent: `(arms, seeds)`."""
    rng = np.random.default_rng(number)
    return rng.uniform(40, 70, (arms, 1)) + rng.gamma(2.0, 1.0, (arms, seeds))


def over_seeds(values):
    mean = values.mean(axis=1)
    deviation = values.std(axis=1, ddof=1)
    return mean, deviation, deviation / np.sqrt(values.shape[1])


def over_seeds_by_loops(values):
    import statistics

    means, deviations, errors = [], [], []
    for arm in np.asarray(values).tolist():
        means.append(sum(arm) / len(arm))
        deviations.append(statistics.stdev(arm))
        errors.append(deviations[-1] / len(arm) ** 0.5)
    return np.array(means), np.array(deviations), np.array(errors)


def over_seeds_by_hand(values):
    seeds = np.shape(values)[1]
    mean = np.sum(values, axis=1) / seeds
    variance = ((values - mean[:, None]) ** 2).sum(axis=1) / (seeds - 1)
    return mean, variance**0.5, (variance / seeds) ** 0.5


def over_seeds_in_keras(values):
    from keras import ops

    values = ops.convert_to_tensor(values, "float32")
    seeds = values.shape[1]
    deviation = ops.std(values, axis=1) * (seeds / (seeds - 1)) ** 0.5
    return ops.mean(values, axis=1), deviation, deviation / seeds**0.5


@mistake(
    "You divide by the number of seeds within the deviation: of a few runs that makes it too small,"
    " as the mean is fitted to those same runs. Divide by one less.",
    hint="np.std(…, ddof=1).",
)
def divided_by_n(values):
    deviation = values.std(axis=1)
    return values.mean(axis=1), deviation, deviation / np.sqrt(values.shape[1])


@mistake(
    "You average over the arms, for each seed: wanted is each arm's mean, over its seeds.",
    hint="axis=1: seeds are counted along the second axis.",
)
def over_arms(values):
    return over_seeds(values.T)


@mistake(
    "You take all arms together: each arm has a mean, a deviation and an error of its own.",
    hint="axis=1 in mean and std.",
)
def all_together(values):
    deviation = values.std(ddof=1)
    return values.mean(), deviation, deviation / np.sqrt(values.size)


@mistake(
    "That is the variance: the deviation is its root.",
    hint="np.std instead of np.var.",
)
def variance_for_deviation(values):
    variance = values.var(axis=1, ddof=1)
    return values.mean(axis=1), variance, variance / np.sqrt(values.shape[1])


@mistake(
    "The error of the mean is the deviation divided by the *root* of the number of seeds.",
    hint="deviation / np.sqrt(seeds).",
)
def error_by_n(values):
    mean, deviation, _ = over_seeds(values)
    return mean, deviation, deviation / values.shape[1]


@mistake(
    "Your error of the mean is the deviation of a single run: a mean of several is surer than one.",
    hint="deviation / np.sqrt(seeds).",
)
def error_not_divided(values):
    mean, deviation, _ = over_seeds(values)
    return mean, deviation, deviation


@mistake(
    "You multiply by the root of the number of seeds: then more seeds would make a mean less sure.",
    hint="deviation / np.sqrt(seeds).",
)
def error_multiplied(values):
    mean, deviation, _ = over_seeds(values)
    return mean, deviation, deviation * np.sqrt(values.shape[1])


@mistake(
    "You take one off twice: ddof=1 is in the deviation already, so the error divides by the root"
    " of the number of seeds itself.",
    hint="deviation / np.sqrt(seeds).",
)
def one_off_twice(values):
    mean, deviation, _ = over_seeds(values)
    return mean, deviation, deviation / np.sqrt(values.shape[1] - 1)


@mistake(
    "The number under the root is the number of arms: wanted is that of the seeds.",
    hint="values.shape[1].",
)
def root_of_the_arms(values):
    mean, deviation, _ = over_seeds(values)
    return mean, deviation, deviation / np.sqrt(len(values))


@mistake("That is the median: wanted is the mean.", hint="np.mean.")
def median_for_mean(values):
    return np.median(values, axis=1), *over_seeds(values)[1:]


@mistake(
    "Your deviation is half of the range from the lowest run to the highest: it grows with the"
    " number of runs, whatever their spread.",
    hint="np.std(…, axis=1, ddof=1).",
)
def half_of_the_range(values):
    deviation = np.ptp(values, axis=1) / 2
    return values.mean(axis=1), deviation, deviation / np.sqrt(values.shape[1])


@mistake(
    "Deviation and error have changed places.",
    hint="return mean, deviation, error, in that order.",
)
def swapped(values):
    mean, deviation, error = over_seeds(values)
    return mean, error, deviation


def a_constant_changes_only_the_mean(answer):
    values = runs(3, 4, 5)
    mean, deviation, error = answer(values)
    higher, deviation_too, error_too = answer(values + 7)
    if not np.allclose(higher, mean + 7, rtol=1e-4):
        return "With 7 points added to every run, the means do not rise by 7."
    if not (np.allclose(deviation, deviation_too, 1e-2) and np.allclose(error, error_too, 1e-2)):
        return "With 7 points added to every run, deviation or error change."
    return None


def two_runs(answer):
    _, deviation, error = answer(np.array([[58.0, 62.0]]))
    if not np.allclose(deviation, np.sqrt(8), rtol=1e-3):
        return (
            "Two runs of 58 and 62 have the deviation √8 = 2.83 (squares 4 + 4, divided by 2 − 1);"
            f" yours is {float(np.ravel(deviation)[0]):.3g}."
        )
    if not np.allclose(error, 2, rtol=1e-3):
        return (
            "The mean of 58 and 62 has the standard error √8 ÷ √2 = 2; yours is"
            f" {float(np.ravel(error)[0]):.3g}."
        )
    return None


OVER_SEEDS = Exercise(
    id="over_seeds",
    lesson=LESSON,
    title="mean, deviation and standard error over the seeds",
    minutes=8,
    difficulty=1,
    reference=over_seeds,
    probes=[(runs(),), (runs(2, 5, 1),), (runs(6, 2, 2),)],
    ladder=[a_constant_changes_only_the_mean, two_runs],
    mistakes=[
        divided_by_n,
        over_arms,
        all_together,
        variance_for_deviation,
        error_by_n,
        error_not_divided,
        error_multiplied,
        one_off_twice,
        root_of_the_arms,
        median_for_mean,
        half_of_the_range,
        swapped,
    ],
    hints=(
        "Each row is an arm: go along it, axis=1, and NumPy has a function for the first two.",
        "values.std(axis=1, ddof=1) divides by one less than the number of seeds.",
        "The error is that deviation divided by np.sqrt(values.shape[1]).",
    ),
    right=[over_seeds, over_seeds_by_loops, over_seeds_by_hand, over_seeds_in_keras],
    parameters=("values",),
)


# -- The difference of two arms --------------------------------------------------------------------


def two_arms(seeds=3, number=0, apart=2.0):
    """Two arms over the same seeds: what a seed does to one, it does in part to the other."""
    rng = np.random.default_rng([6, number])
    shared = rng.normal(60, 3, seeds)
    return shared + apart + rng.normal(0, 0.7, seeds), shared + rng.normal(0, 0.7, seeds)


def paired_difference(arm, control):
    differences = arm - control
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return differences.mean(), error


def paired_by_loop(arm, control):
    differences = [float(a) - float(c) for a, c in zip(arm, control, strict=True)]
    mean = sum(differences) / len(differences)
    squares = sum((d - mean) ** 2 for d in differences)
    return mean, (squares / (len(differences) - 1) / len(differences)) ** 0.5


def paired_by_statistics(arm, control):
    import math
    import statistics

    differences = np.subtract(arm, control).tolist()
    return statistics.fmean(differences), statistics.stdev(differences) / math.sqrt(len(arm))


def paired_by_scipy(arm, control):
    from scipy import stats

    return np.mean(np.asarray(arm) - control), stats.sem(np.asarray(arm) - control)


def error_of(values, ddof=1):
    return np.std(values, ddof=ddof) / np.sqrt(len(values))


@mistake(
    "Your difference has the wrong sign: it is the arm minus the control, positive where the arm is"
    " better.",
    hint="arm - control.",
)
def control_minus_arm(arm, control):
    return paired_difference(control, arm)


@mistake(
    "Your error is that of two arms without common seeds: it adds up both arms' spread. Here the"
    " two runs of a seed share their start and their pictures; subtract them first, and what they"
    " share is gone.",
    hint="differences = arm - control, and then the error of these.",
)
def as_if_not_paired(arm, control):
    error = np.sqrt(error_of(arm) ** 2 + error_of(control) ** 2)
    return np.mean(arm - control), error


@mistake(
    "That is the deviation of a single difference: the mean of several is surer.",
    hint="Divide by np.sqrt(len(differences)).",
)
def deviation_for_error(arm, control):
    return np.mean(arm - control), np.std(arm - control, ddof=1)


@mistake(
    "The deviation divides by the number of seeds: with so few, divide by one less.",
    hint="ddof=1.",
)
def without_ddof(arm, control):
    return np.mean(arm - control), error_of(arm - control, ddof=0)


@mistake(
    "You take the size of each difference: then chance alone always looks like a gain. Keep the"
    " signs.",
    hint="No np.abs.",
)
def sizes_only(arm, control):
    differences = np.abs(arm - control)
    return differences.mean(), error_of(differences)


@mistake(
    "The error is that of the arm alone: the control's runs vary too.",
    hint="Subtract first, then take the error of the differences.",
)
def error_of_the_arm_alone(arm, control):
    return np.mean(arm - control), error_of(arm)


@mistake(
    "You subtract one arm's error from the other's, or add them: errors do not add like this, and"
    " here there is a shorter way.",
    hint="Subtract the runs first, then take the error of the differences.",
)
def errors_added(arm, control):
    return np.mean(arm - control), error_of(arm) + error_of(control)


@mistake(
    "You sort both arms first: then run 1 of one is no longer of the same seed as run 1 of the"
    " other.",
    hint="Leave the order as it is: place i is seed i in both.",
)
def sorted_first(arm, control):
    return paired_difference(np.sort(arm), np.sort(control))


@mistake(
    "You give the difference as a share of the control: wanted are points.",
    hint="arm - control, and no division by the control.",
)
def share_of_the_control(arm, control):
    return paired_difference(arm / control, np.ones_like(control))


@mistake("That is the median of the differences: wanted is their mean.", hint="np.mean.")
def median_difference(arm, control):
    return np.median(arm - control), error_of(arm - control)


@mistake(
    "You compare the best run of one with the best of the other: luck against luck.",
    hint="(arm - control).mean().",
)
def best_against_best(arm, control):
    return np.max(arm) - np.max(control), error_of(arm - control)


@mistake(
    "You divide by the number of seeds: it is by its root.",
    hint="np.sqrt(len(differences)).",
)
def divided_by_the_seeds(arm, control):
    return np.mean(arm - control), np.std(arm - control, ddof=1) / len(arm)


@mistake("That is the sum of the differences: wanted is their mean.", hint="np.mean.")
def sum_of_differences(arm, control):
    return np.sum(arm - control), error_of(arm - control)


def what_both_share_does_not_matter(answer):
    arm, control = two_arms(4, 7)
    seeds = np.array([0.0, 9.0, -5.0, 3.0])
    before, after = answer(arm, control), answer(arm + seeds, control + seeds)
    if not np.allclose(before, after, rtol=1e-3, atol=1e-4):
        return (
            "One seed is now 9 points luckier in both arms: their difference is as before, and so"
            " should be your two numbers."
        )
    return None


def the_other_way_round(answer):
    arm, control = two_arms(3, 8)
    (there, error), (back, error_too) = answer(arm, control), answer(control, arm)
    if not np.allclose(there, -back, rtol=1e-3) or not np.allclose(error, error_too, rtol=1e-3):
        return "With arm and control exchanged, the difference changes otherwise than in its sign."
    return None


PAIRED = Exercise(
    id="paired_difference",
    lesson=LESSON,
    title="the difference of two arms, seed by seed",
    minutes=8,
    difficulty=2,
    reference=paired_difference,
    probes=[two_arms(), two_arms(5, 1, -0.5), two_arms(4, 2, 0.1)],
    ladder=[what_both_share_does_not_matter, the_other_way_round],
    mistakes=[
        control_minus_arm,
        as_if_not_paired,
        deviation_for_error,
        without_ddof,
        sizes_only,
        error_of_the_arm_alone,
        errors_added,
        sorted_first,
        share_of_the_control,
        median_difference,
        best_against_best,
        divided_by_the_seeds,
        sum_of_differences,
    ],
    hints=(
        "Subtract first, seed by seed; then it is one row of numbers, as in the exercise before.",
        "differences = arm - control has one number for each seed.",
        "Return differences.mean() and differences.std(ddof=1) / np.sqrt(len(differences)).",
    ),
    right=[paired_difference, paired_by_loop, paired_by_statistics, paired_by_scipy],
    parameters=("arm", "control"),
)


# -- What else changed -----------------------------------------------------------------------------


def recipes(*changes, **others):
    """Recipes that differ from a common one in what each of `changes` says."""
    common = {"batch_size": 256, "batch_norm": 0.9, "learning_rate": 0.02, "optimizer": "muon"}
    common |= {"seed": 0, "limit": None, "epochs": 2} | others
    return [common | change for change in changes]


def confounders(arms, asked):
    first = arms[0]
    others = [field for field in first if field != asked]
    return [field for field in others if any(arm[field] != first[field] for arm in arms)]


def confounders_by_sets(arms, asked):
    found = set()
    for field in arms[0]:
        if len({repr(arm[field]) for arm in arms}) > 1:
            found.add(field)
    return found - {asked}


def confounders_by_pairs(arms, asked):
    found = []
    for one, other in itertools.combinations(arms, 2):
        for field, value in one.items():
            if other[field] != value and field != asked and field not in found:
                found.append(field)
    return sorted(found)


@mistake(
    "The field that is asked about is among them: it is *meant* to differ. Wanted is what else"
    " does.",
    hint="Leave out field == asked.",
)
def asked_too(arms, asked):
    return sorted({*confounders(arms, asked), asked})


@mistake(
    "You compare the first two arms only: a later one may differ in something else.",
    hint="any(arm[field] != arms[0][field] for arm in arms).",
)
def first_two_only(arms, asked):
    return confounders(arms[:2], asked)


@mistake(
    "You compare the first arm with the last only: one between them may differ in something else.",
    hint="any(arm[field] != arms[0][field] for arm in arms).",
)
def first_and_last_only(arms, asked):
    return confounders([arms[0], arms[-1]], asked)


@mistake(
    "These are the fields that are the *same* in all arms: what was held still. Wanted are the"
    " others.",
    hint="!= instead of ==.",
)
def those_held_still(arms, asked):
    moved = confounders(arms, asked)
    return [field for field in arms[0] if field not in moved and field != asked]


@mistake(
    "You name a field only if it is different in *every* arm: it is enough that one differs.",
    hint="any(…), not all(…).",
)
def different_everywhere(arms, asked):
    return [f for f in confounders(arms, asked) if all(a[f] != arms[0][f] for a in arms[1:])]


@mistake(
    "You stop at the first field that differs: there may be more.",
    hint="Collect the names in a list, and return it after the loop.",
)
def first_found_only(arms, asked):
    return confounders(arms, asked)[:1]


@mistake(
    "Only numbers are compared: words, such as the optimiser's name, can differ too.",
    hint="!= works for numbers and words alike.",
)
def numbers_only(arms, asked):
    return [f for f in confounders(arms, asked) if not isinstance(arms[0][f], str)]


@mistake(
    "A name comes several times, once for each pair of arms that differ in it.",
    hint="Go through the fields, and ask of each whether any arm differs.",
)
def once_for_each_arm(arms, asked):
    return [f for arm in arms for f in arm if f != asked and arm[f] != arms[0][f]]


@mistake(
    "A field whose name only resembles the asked one is left out: compare whole names.",
    hint="field != asked, and not `in`.",
)
def names_that_resemble(arms, asked):
    return [f for f in confounders(arms, asked) if f.split("_")[0] != asked.split("_")[0]]


@mistake(
    "Values such as None and 0 are passed over: they are settings too.",
    hint="Compare by != alone, and do not ask `if value`.",
)
def empty_passed_over(arms, asked):
    return [f for f in confounders(arms, asked) if all(arm[f] for arm in arms)]


@mistake(
    "These are all fields but the asked one: wanted are only those that differ between arms.",
    hint="any(arm[field] != arms[0][field] for arm in arms).",
)
def all_the_others(arms, asked):
    return [field for field in arms[0] if field != asked]


def names_in_order(found, *_arguments):
    """The names as one text, whatever they came in."""
    if isinstance(found, (str, dict)):
        raise TypeError("wanted is a list of names")
    return ", ".join(sorted(found)) or "none"


def nothing_where_one_thing_changed(answer):
    found = answer(recipes({"batch_size": 64}, {"batch_size": 128}), "batch_size")
    if len(found):
        return f"Two recipes that differ in batch_size alone: yours also names {sorted(found)}."
    return None


def finds_what_moved_along(answer):
    arms = recipes({"batch_size": 64, "learning_rate": 0.01}, {"batch_size": 256})
    if "learning_rate" not in answer(arms, "batch_size"):
        return "With the batch size the learning rate changed too: yours does not name it."
    return None


CONFOUNDERS = Exercise(
    id="confounders",
    lesson=LESSON,
    title="what else changed",
    minutes=8,
    difficulty=2,
    reference=confounders,
    probes=[
        (
            recipes(
                {"batch_size": 64, "learning_rate": 0.01, "limit": 10},
                {"batch_size": 128, "learning_rate": 0.014, "batch_norm": 0.8},
                {"batch_size": 512, "optimizer": "lars", "limit": 20},
            ),
            "batch_size",
        ),
        (
            recipes({"epochs": 1}, {}, {"epochs": 4, "seed": 1}, {"epochs": 8}),
            "epochs",
        ),
        (
            recipes({}, {"learning_rate": 0.1, "optimizer": "sgd"}, {"batch_size": 64}, {}),
            "learning_rate",
        ),
    ],
    ladder=[nothing_where_one_thing_changed, finds_what_moved_along],
    mistakes=[
        asked_too,
        first_two_only,
        first_and_last_only,
        those_held_still,
        different_everywhere,
        first_found_only,
        numbers_only,
        once_for_each_arm,
        names_that_resemble,
        empty_passed_over,
        all_the_others,
    ],
    hints=(
        "Go through the fields; of each ask whether all arms have what the first one has.",
        "any(arm[field] != arms[0][field] for arm in arms) is True where one differs.",
        "Collect the fields of which that is so, but for the one asked about.",
    ),
    right=[confounders, confounders_by_sets, confounders_by_pairs],
    observe=names_in_order,
    parameters=("arms", "asked"),
)


# -- Choose, then report ---------------------------------------------------------------------------


def chosen_and_fresh(arms=5, seeds=3, number=0):
    rng = np.random.default_rng([66, number])
    level = rng.normal(60, 1, (arms, 1))
    return level + rng.normal(0, 2, (arms, seeds)), level + rng.normal(0, 2, (arms, seeds))


def choose_and_report(validation, fresh):
    winner = validation.mean(axis=1).argmax()
    return winner, fresh[winner].mean()


def choose_by_loop(validation, fresh):
    best, winner = float("-inf"), 0
    for number, values in enumerate(validation):
        if sum(values) / len(values) > best:
            best, winner = sum(values) / len(values), number
    return winner, float(sum(fresh[winner]) / len(fresh[winner]))


def choose_by_sorting(validation, fresh):
    order = sorted(range(len(validation)), key=lambda arm: np.mean(validation[arm]))
    return order[-1], np.mean(fresh, axis=1)[order[-1]]


def means(values):
    return values.mean(axis=1)


@mistake(
    "You report the runs that the winner was chosen by: they made it win, so they are too good."
    " Report its fresh ones.",
    hint="fresh[winner].mean().",
)
def reports_what_chose(validation, fresh):
    winner = means(validation).argmax()
    return winner, validation[winner].mean()


@mistake(
    "You choose by the fresh runs: then they are no longer fresh, and the winner's are too good.",
    hint="The winner is the argmax of the validation means.",
)
def chosen_by_the_fresh(validation, fresh):
    return choose_and_report(fresh, fresh)


@mistake(
    "You choose the arm with the single best run: one lucky seed decides. Choose by the mean.",
    hint="validation.mean(axis=1).argmax().",
)
def best_single_run(validation, fresh):
    winner = validation.max(axis=1).argmax()
    return winner, fresh[winner].mean()


@mistake("You choose the lowest: accuracies are better the higher.", hint="argmax.")
def lowest_chosen(validation, fresh):
    winner = means(validation).argmin()
    return winner, fresh[winner].mean()


@mistake(
    "argmax of the whole array gives the place of a run, not of an arm.",
    hint="First the mean over the seeds, axis=1, then argmax.",
)
def place_in_the_whole_array(validation, fresh):
    place = validation.argmax()
    return place, fresh.ravel()[place]


@mistake(
    "You report the best of the fresh means: that is the winner of another race. Report the fresh"
    " mean of the arm that you have chosen.",
    hint="fresh[winner].mean().",
)
def best_of_the_fresh(validation, fresh):
    return means(validation).argmax(), means(fresh).max()


@mistake(
    "You report the mean of all arms' fresh runs: wanted is that of the chosen arm.",
    hint="fresh[winner].mean().",
)
def mean_of_all_arms(validation, fresh):
    return means(validation).argmax(), fresh.mean()


@mistake(
    "You report the best fresh run of the winner: report the mean of all of them.",
    hint="fresh[winner].mean().",
)
def best_fresh_run(validation, fresh):
    winner = means(validation).argmax()
    return winner, fresh[winner].max()


@mistake(
    "You report one fresh run only: report the mean of all of them.",
    hint="fresh[winner].mean().",
)
def one_fresh_run(validation, fresh):
    winner = means(validation).argmax()
    return winner, fresh[winner, 0]


@mistake(
    "You mix the runs that chose with the fresh ones: half of the luck is still in the mean.",
    hint="fresh[winner].mean(), and nothing of validation.",
)
def both_mixed(validation, fresh):
    winner = means(validation).argmax()
    return winner, (validation[winner].mean() + fresh[winner].mean()) / 2


@mistake(
    "You average over the arms and choose a seed: choose an arm.",
    hint="validation.mean(axis=1).argmax().",
)
def seed_chosen(validation, fresh):
    winner = validation.mean(axis=0).argmax()
    return winner, fresh[:, winner].mean()


@mistake(
    "You count the arms from 1: Python counts from 0.",
    hint="argmax gives the number as it is wanted.",
)
def counted_from_one(validation, fresh):
    winner = means(validation).argmax()
    return winner + 1, fresh[winner].mean()


@mistake(
    "The two values have changed places.",
    hint="return winner, reported.",
)
def order_exchanged(validation, fresh):
    return choose_and_report(validation, fresh)[::-1]


def fresh_runs_do_not_choose(answer):
    validation, fresh = chosen_and_fresh(4, 3, 9)
    winner, _ = answer(validation, fresh)
    other, _ = answer(validation, fresh[::-1].copy())
    if winner != other:
        return "With other fresh runs, another arm wins: they may not choose."
    return None


def validation_is_not_reported(answer):
    validation, fresh = chosen_and_fresh(4, 3, 10)
    _, reported = answer(validation, fresh)
    _, also = answer(validation + 5, fresh)
    if not np.isclose(reported, also, rtol=1e-4):
        return "With 5 points more in all validation runs, the reported number changes."
    return None


CHOOSE = Exercise(
    id="choose_and_report",
    lesson=LESSON,
    title="choose by some runs, report others",
    minutes=6,
    difficulty=1,
    reference=choose_and_report,
    probes=[chosen_and_fresh(5, 3, n) for n in (0, 1, 2, 4)] + [chosen_and_fresh(7, 4, 3)],
    ladder=[fresh_runs_do_not_choose, validation_is_not_reported],
    mistakes=[
        reports_what_chose,
        chosen_by_the_fresh,
        best_single_run,
        lowest_chosen,
        place_in_the_whole_array,
        best_of_the_fresh,
        mean_of_all_arms,
        best_fresh_run,
        one_fresh_run,
        both_mixed,
        seed_chosen,
        counted_from_one,
        order_exchanged,
    ],
    hints=(
        "Two steps: which row of validation has the highest mean, and what has that row in fresh?",
        "validation.mean(axis=1) has a number for each arm; argmax says which is the highest.",
        "winner = validation.mean(axis=1).argmax(); then return winner and fresh[winner].mean().",
    ),
    right=[choose_and_report, choose_by_loop, choose_by_sorting],
    parameters=("validation", "fresh"),
)


# -- A sweep of one's own --------------------------------------------------------------------------

QUESTION = "Does a smaller crop, which shares less with the other view, teach more? I guess 0.3."
SHORT = {"data": "shapes", "evaluate_on": "validation", "supervised_baseline": False, "epochs": 4}
SOUND = {
    "title": "How small a crop",
    "about": QUESTION,
    "recipe": "classroom",
    "set": SHORT,
    "grid": {"crop_min_area": [0.1, 0.3, 0.6, 1.0]},
    "seeds": [0, 1, 2],
}


def crop_sweep():
    return {
        "title": "How small a crop",
        "about": "Does a smaller crop, which shares less with the other view, teach more?",
        "recipe": "classroom",
        "set": {
            "data": "shapes",
            "evaluate_on": "validation",
            "supervised_baseline": False,
            "epochs": 4,
        },
        "grid": {"crop_min_area": [0.1, 0.3, 0.6, 1.0]},
        "seeds": [0, 1, 2],
    }


def head_sweep_as_text():
    return """
title: The head
about: Is a head of two layers better than one, and one better than none?
recipe: demo
set: {evaluate_on: validation, epochs: 5}
grid:
  head_layers: [0, 1, 2]
seeds: [0, 1, 2, 3, 4]
"""


def listed_sweep():
    return {
        "about": "Grey and colour distortion: does each help, and do both help more?",
        "recipe": "demo",
        "set": {"evaluate_on": "validation"},
        "list": [
            {"name": "both"},
            {"name": "no grey", "gray_probability": 0},
            {"name": "no colour", "color_strength": 0},
            {"name": "neither", "gray_probability": 0, "color_strength": 0},
        ],
        "seeds": [0, 1, 2],
    }


def batch_sweep_that_says_so():
    arms = [{"batch_size": 64, "learning_rate": 0.01}, {"batch_size": 256, "learning_rate": 0.02}]
    about = "Does a larger batch_size help if the learning_rate goes with its square root?"
    return without("grid", about=about, list=arms)


def without(key, **others):
    return {name: value for name, value in SOUND.items() if name != key} | others


@mistake(
    "Too few seeds: with one there is no spread at all, and with two it is hardly known. Three are"
    " few, and the least.",
    hint='"seeds": [0, 1, 2].',
    name="too few seeds",
)
def two_seeds():
    return SOUND | {"seeds": [0, 1]}


@mistake(
    "There is nothing to compare: a single arm only shows that it runs.",
    hint="Give the field in the grid two values or more.",
    name="a single arm",
)
def single_arm():
    return SOUND | {"grid": {"crop_min_area": [0.3]}}


@mistake(
    "Two things change at once between your arms: whatever comes out, nobody will know which of"
    " them did it. Change one; or, where two must go together, name both in `about`, so that a"
    " reader is told.",
    hint="Arms that differ in one field each, or a grid with all combinations.",
    name="two things at once",
)
def two_things_at_once():
    arms = [{"crop_min_area": 0.1, "temperature": 0.1}, {"crop_min_area": 1.0, "temperature": 0.5}]
    return without("grid", list=arms)


@mistake(
    "The arms are judged on the test pictures. A sweep is there to choose by, and what has chosen"
    " cannot judge any more.",
    hint='"set": {"evaluate_on": "validation", …}.',
    name="chosen on the test pictures",
)
def chosen_on_test():
    return SOUND | {"set": {"data": "shapes", "supervised_baseline": False, "epochs": 4}}


@mistake(
    "A field has a name that no recipe knows.",
    hint="The first cell of notebooks/experiments/experiment.ipynb has all names.",
    name="no such field",
)
def misspelt_field():
    return SOUND | {"grid": {"crop_min_aera": [0.1, 0.3]}}


@mistake(
    "There is no such recipe to start from.",
    hint='"recipe": "classroom", or "demo" for a smaller encoder.',
    name="no such recipe",
)
def unknown_recipe():
    return SOUND | {"recipe": "clasroom"}


@mistake(
    "It does not say which recipe all runs start from, so nobody knows what was held still.",
    hint='"recipe": "classroom".',
    name="no recipe",
)
def recipe_missing():
    return without("recipe")


@mistake(
    "One run is there twice: it would cost twice and, with the same seed, find the same number, so"
    " it is no second opinion.",
    hint="Different values in the grid, and different seeds.",
    name="the same run twice",
)
def same_seed_again():
    return SOUND | {"seeds": [0, 0, 0]}


@mistake(
    "It does not say what to compare, or says it twice: by a grid, or by a list of arms.",
    hint='"grid": {field: [values]}.',
    name="nothing to compare",
)
def no_grid():
    return without("grid")


@mistake(
    "The seeds stand among what is compared: they are repetitions of every arm, and have a place of"
    " their own.",
    hint='"seeds": [0, 1, 2], beside "grid".',
    name="seeds in the wrong place",
)
def seeds_in_the_grid():
    return without("seeds", grid={"crop_min_area": [0.1, 0.3], "seed": [0, 1, 2]})


@mistake(
    "A field of the grid has one value where a list of them is wanted.",
    hint='"grid": {field: [first, second, third]}, in square brackets.',
    name="one value, no list",
)
def value_without_brackets():
    return SOUND | {"grid": {"crop_min_area": 0.3}}


@mistake(
    "A value makes no sense for its field.",
    hint="What was wrong is told above, with what would be right.",
    name="value that makes no sense",
)
def share_above_one():
    return SOUND | {"grid": {"crop_min_area": [0.3, 3.0]}}


@mistake(
    "It has a part that a spec does not know.",
    hint="Its parts: title, about, recipe, set, grid or list, seeds, plot, notebook.",
    name="no such part",
)
def unknown_part():
    return without("grid", gird=SOUND["grid"])


@mistake(
    "It has no question. Write it down, and your guess with it, before the runs: afterwards any"
    " outcome looks as if it had been expected.",
    hint='"about": "a sentence".',
    name="no question",
)
def no_question():
    return without("about")


@mistake(
    "It is more than a night can hold.",
    hint="Fewer values, fewer epochs, fewer pictures (train_limit), or a smaller encoder.",
    name="too dear",
)
def a_week_of_runs():
    return SOUND | {"set": SHORT | {"data": "cifar10", "epochs": 50}}


@mistake(
    "This is no spec: it takes `key: value` pairs, at least recipe, and grid or list.",
    hint="Begin from the small sweep of this lesson, and change its words.",
    name="not a spec",
)
def a_list_of_values():
    return [0.1, 0.3, 1.0]


def verdict(design, *_arguments):
    """What is wrong with a design in a few words, or that nothing is."""
    found = complaints(design)
    return found[0][0] if found else "sound"


def is_sound(answer):
    found = complaints(answer())
    return found[0][1] if found else None


def known_mistakes(answer):
    design = answer()
    return [words for words, _ in complaints(design)[:1]] if design is not None else []


MY_SWEEP = Exercise(
    id="my_sweep",
    lesson=LESSON,
    title="a sweep that answers one question",
    minutes=15,
    difficulty=2,
    reference=crop_sweep,
    probes=[()],
    ladder=[is_sound],
    mistakes=[
        two_seeds,
        single_arm,
        two_things_at_once,
        chosen_on_test,
        misspelt_field,
        unknown_recipe,
        recipe_missing,
        same_seed_again,
        no_grid,
        seeds_in_the_grid,
        value_without_brackets,
        share_above_one,
        unknown_part,
        no_question,
        a_week_of_runs,
        a_list_of_values,
    ],
    hints=(
        "Take the small sweep of this lesson, and put another field and its values into its grid.",
        "Not to be forgotten: about (the question), evaluate_on: validation, and three seeds.",
        "return {'about': '…', 'recipe': 'demo', 'set': {'evaluate_on': 'validation'}, 'grid':"
        " {'head_layers': [0, 1, 2]}, 'seeds': [0, 1, 2]}, with your own question.",
    ),
    right=[crop_sweep, head_sweep_as_text, listed_sweep, batch_sweep_that_says_so],
    observe=verdict,
    diagnose=known_mistakes,
)

EXERCISES = [ARMS, OVER_SEEDS, PAIRED, CONFOUNDERS, CHOOSE, MY_SWEEP]
