"""What is wrong with a sweep that somebody has designed, said before it costs a night."""

from pathlib import Path

import yaml

from simclr_lib.errors import UserError
from simclr_lib.sweeps.plan import make_plan
from simclr_lib.sweeps.spec import StrictLoader, checked

NIGHT = 8 * 60  # minutes
FEWEST_SEEDS = 3
SEED = "seed"

# What the planner says → which mistake that is.
OF_THE_PLANNER = (
    ("duplicate runs", "the same run twice"),
    ("A recipe has no", "no such field"),
    ("There is no recipe", "no such recipe"),
    ("`recipe:` is missing", "no recipe"),
    ("say what to compare", "nothing to compare"),
    ("seeds go under", "seeds in the wrong place"),
    ("in the grid takes a list", "one value, no list"),
    ("a spec has no", "no such part"),
    ("must be", "value that makes no sense"),
    ("takes", "value that makes no sense"),
)

# Minutes on two cores, as the kit's large sweeps took them.
MINUTES_FOR_PAIRS = 2.5 / 54_000  # of the classroom recipe's encoder
MINUTES_FOR_THE_REST = 2.0  # the start, the evaluation and the pictures of a run
PICTURES = {"cifar10": 50_000, "tiny-imagenet": 100_000}
PICTURES_ELSE = 10_000
WORK_OF_STEM = {"strided": 1.0, "imagenet": 0.3, "cifar": 4.0}


def read_design(design):
    """A sweep as a dict, or as the text of a spec: `(Spec, Plan)`, by the kit's own planner.

    Raises:
        UserError: what `simclr sweep run` would find wrong with it.
    """
    if isinstance(design, str):
        try:
            design = yaml.load(design, Loader=StrictLoader)
        except yaml.YAMLError as error:
            raise UserError(f"not YAML: {' '.join(str(error).split())[:200]}.") from error
    spec = checked(Path("my_sweep"), design, {})
    return spec, make_plan(spec)


def complaints(design):
    """What is wrong with a design: a list of `(mistake in a few words, sentence)`."""
    try:
        spec, plan = read_design(design)
    except UserError as error:
        said = str(error).removeprefix("my_sweep: ")
        words = next((words for part, words in OF_THE_PLANNER if part in said), "not a spec")
        return [(words, f"The kit's planner says: {said}")]
    except Exception as error:  # of a kind that no YAML file can hold
        return [("not a spec", f"It is no spec that can be read ({type(error).__name__}).")]
    return [found for rule in RULES if (found := rule(spec, plan))]


def has_two_arms(spec, plan):
    if len(spec.arms) < 2:
        return "a single arm", "There is one arm: a sweep compares two at least."
    return None


def has_seeds(spec, plan):
    if len(spec.seeds) < FEWEST_SEEDS:
        count = len(spec.seeds)
        return "too few seeds", (
            f"It has {count} seed{'' if count == 1 else 's'}: with fewer than {FEWEST_SEEDS}"
            " nobody can say what chance alone would do."
        )
    return None


def changes_one_thing(spec, plan):
    """Each arm can be reached from each by steps that change one field, or `about` says so."""
    recipes = [run.parameters for run in plan.runs if run.parameters[SEED] == spec.seeds[0]]
    reached, waiting = [recipes[0]], recipes[1:]
    while near := [r for r in waiting if any(len(differing(r, other)) == 1 for other in reached)]:
        reached += near
        waiting = [recipe for recipe in waiting if recipe not in near]
    words = f"{spec.title} {spec.about}".lower().replace("_", " ")
    unsaid = [field for field in varied(recipes) if field.replace("_", " ") not in words]
    if waiting and unsaid:
        together = ", ".join(varied(recipes))
        return "two things at once", (
            f"Between arms more than one thing changes ({together}), and `about` does not name"
            f" {', '.join(unsaid)}."
        )
    return None


def chooses_on_validation(spec, plan):
    if any(run.parameters["evaluate_on"] == "test" for run in plan.runs):
        return "chosen on the test pictures", (
            "Its runs are judged on the test pictures (evaluate_on: test, which is what a recipe"
            " does unless told otherwise)."
        )
    return None


def asks_a_question(spec, plan):
    if len(spec.about.split()) < 5:
        return "no question", "`about` does not say in a sentence what is asked."
    return None


def fits_into_a_night(spec, plan):
    minutes = rough_minutes(plan)
    if minutes > NIGHT:
        return "too dear", (
            f"{len(plan.runs)} runs would take about {minutes / 60:.0f} hours on two cores; a night"
            f" has {NIGHT // 60}."
        )
    return None


RULES = (
    has_two_arms,
    has_seeds,
    changes_one_thing,
    chooses_on_validation,
    asks_a_question,
    fits_into_a_night,
)


def differing(one, other):
    """Names of the fields that differ between two recipes, the seed aside."""
    return [field for field in one if field != SEED and one[field] != other[field]]


def varied(recipes):
    """Names of the fields that differ between any of them."""
    return [
        field for field in recipes[0] if any(field in differing(recipes[0], r) for r in recipes)
    ]


def rough_minutes(plan):
    """How long a plan's runs take on two cores, one after the other; right within a factor of two.

    Fair for encoders like the classroom recipe's, a guess for others.
    """
    return sum(minutes_of(run.parameters) for run in plan.runs)


def minutes_of(recipe):
    pictures = PICTURES.get(recipe["data"], PICTURES_ELSE)
    pictures = min(pictures, recipe["train_limit"] or pictures)
    steps = recipe["steps_per_epoch"]
    pairs = recipe["epochs"] * (steps * recipe["batch_size"] if steps else pictures)
    work = recipe["encoder_depth"] / 8 * (recipe["encoder_width"] / 64) ** 2
    work *= (recipe["view_size"] / 24) ** 2 * WORK_OF_STEM[recipe["stem"]]
    training = MINUTES_FOR_PAIRS * pairs * work
    return training * (2 if recipe["supervised_baseline"] else 1) + MINUTES_FOR_THE_REST
