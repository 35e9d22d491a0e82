"""What a run's own files give away: one question a function, one line an answer."""

from simclr_lib.doctor import Finding
from simclr_lib.from_recipe import chance_loss
from simclr_lib.postmortem.norm_statistics import initial_share
from simclr_lib.pretraining.diagnostics import loss_warning
from simclr_lib.recipes import OBJECTIVES, hidden_layers

FEW_STEPS = 1000  # the classroom recipe takes 1,365
LEARNT = 0.1  # so far above the best baseline, a short training was long enough
LARGEST_SHARE = 0.01  # of the statistics that BatchNorm began with
FAR_FROM_USUAL = 10  # times, either way
SMALL_VIEWS = 64  # pixels; from there up, ImageNet's stem leaves a map of more than one pixel
SURELY = 2  # standard errors between two accuracies


def examine_record(record):
    """Yield a `Finding` for each question; `ok` is None where it can't be told."""
    for look in (training, loss, statistics, stem, rate, views, classifier, pixels):
        yield look(record)


def training(record):
    """Was it long enough to learn anything?"""
    epochs, steps, recipe = len(record.history), record.steps, record.recipe
    if not epochs:
        return Finding("training", "no epoch is done yet", None)
    seen = f"{steps:,} steps of {recipe.batch_size} pictures in {epochs} epochs"
    if epochs < recipe.epochs:
        return Finding("training", f"{seen}, of {recipe.epochs}: it is not finished", None)
    if steps >= FEW_STEPS or above_baselines(record) > LEARNT:
        return Finding("training", seen)
    return Finding(
        "training",
        f"{seen}: short trainings that learn take well over {FEW_STEPS:,} steps",
        False,
        f"train longer, epochs={recipe.epochs * -(-FEW_STEPS // max(steps, 1))}; or take more and "
        "smaller steps in the same time: a smaller batch_size, encoder_depth or view_size",
    )


def loss(record):
    """Has it left its chance line?"""
    last = record.history[-1].get("loss") if record.history else None
    if last is None:
        return Finding("loss", "not known yet", None)
    if record.recipe.objective != "contrastive":
        return Finding("loss", f"{last:.4f}; chance is not known without the pictures", None)
    chance = chance_loss(record.recipe)
    warning = loss_warning(last, chance, record.steps)
    if warning:
        return split(warning, "loss")
    return Finding("loss", f"{last:.2f}, where a guess has {chance:.2f}")


def statistics(record):
    """Can the statistics that BatchNorm uses in inference have arrived?"""
    momentum, steps = record.recipe.batch_norm_momentum, record.steps
    if not steps:
        return Finding("statistics", "no step is known yet", None)
    share = initial_share(momentum, steps)
    seen = (
        f"at BatchNorm momentum {momentum:g}, {share:.1%} of its first statistics are left after "
        f"{steps:,} steps"
    )
    if share <= LARGEST_SHARE:
        return Finding("statistics", seen)
    return Finding(
        "statistics",
        f"{seen}, in each layer, and the error adds up from layer to layer",
        False,
        "batch_norm_momentum=0.9; for this encoder, evaluation.reestimate_batch_norm",
    )


def stem(record):
    """Does the stem leave anything of a small view?"""
    size, recipe = record.recipe.view_size, record.recipe
    if recipe.stem != "imagenet" or size >= SMALL_VIEWS:
        return Finding("stem", f"{recipe.stem!r} at {size}×{size}")
    side = -(-size // 32)
    return Finding(
        "stem",
        f"'imagenet' at {size}×{size}: the last feature map is {side}×{side}, and the first "
        "stage sees a sixteenth of the pixels",
        False,
        "stem=cifar; on a laptop stem=strided, a quarter of its arithmetic",
    )


def rate(record):
    """Is the learning rate what this optimiser usually gets?"""
    recipe = record.recipe
    usual = usual_rate(recipe)
    seen = f"{recipe.learning_rate:g} for {recipe.optimizer}"
    if usual is None:
        return Finding("rate", seen, None)
    times = recipe.learning_rate / usual
    if 1 / FAR_FROM_USUAL <= times <= FAR_FROM_USUAL:
        return Finding("rate", f"{seen}; {usual:g} is usual")
    far = f"{times:,.0f} times" if times > 1 else f"1/{1 / times:,.0f} of"
    return Finding(
        "rate",
        f"{seen} is {far} what is usual at batches of {recipe.batch_size}",
        False,
        f"learning_rate={usual:g}",
    )


def usual_rate(recipe):
    """What an optimiser usually gets in contrastive training; None: not known.

    SGD and LARS as in the SimCLR paper's scaling with the batch (section 2.2; here for CIFAR-10),
    the others as in the kit's own recipes.
    """
    times = recipe.batch_size / 256
    usual = {"adamw": 2e-3, "adam": 1e-3, "muon": 2e-2, "sgd": 0.03 * times, "lars": times}
    return usual.get(recipe.optimizer)


def views(record):
    """Do two views of a picture differ in what they must?"""
    recipe = record.recipe
    if recipe.crop_min_area > 0.9:
        return Finding(
            "views",
            f"a crop keeps at least {recipe.crop_min_area:.0%} of the picture: its two views show "
            "the same",
            False,
            "crop_min_area=0.2",
        )
    if recipe.color_strength == 0 and recipe.gray_probability == 0:
        return Finding(
            "views",
            "no colour distortion: two views can be matched by their colours alone",
            False,
            "color_strength=0.5 gray_probability=0.2",
        )
    return Finding("views", f"crops from {recipe.crop_min_area:.0%} of the area, and colours")


def classifier(record):
    """Does the classifier on h get less out of it than a linear probe does?"""
    hidden = hidden_layers(record.recipe)
    if hidden is None:
        return Finding("classifier", "the linear probe alone")
    seen = f"hidden layers {hidden}, {record.recipe.classifier_epochs} epochs"
    found = record.accuracies.get(f"classifier {hidden}", {}).get("test")
    linear = record.linear(OBJECTIVES[record.recipe.objective])
    if None in (found, linear):
        return Finding("classifier", f"{seen}; what it gets is not known yet", None)
    seen += f": {found:.1%}, where a linear probe of the same features has {linear:.1%}"
    if linear - found <= SURELY * error_of_difference(found, linear, record.config["data"]["test"]):
        return Finding("classifier", seen)
    return Finding(
        "classifier",
        seen,
        False,
        "go by the linear probe; or wider layers, standardised features and more epochs",
    )


def error_of_difference(share, other, pictures):
    """Standard error of the difference of two accuracies on so many pictures each."""
    mean = (share + other) / 2
    return (2 * mean * (1 - mean) / pictures) ** 0.5


def pixels(record):
    """Is it better than what needs no training?"""
    linear = record.linear(OBJECTIVES[record.recipe.objective])
    others = untrained(record)
    if linear is None or not others:
        return Finding("baselines", "no accuracies yet", None)
    beside = ", ".join(f"{row} {share:.1%}" for row, share in others.items())
    seen = f"linear probe {linear:.1%}; {beside}"
    if above_baselines(record) > 0:
        return Finding("baselines", seen)
    return Finding(
        "baselines",
        f"{seen}: more is lost than learnt",
        False,
        "mend what is marked ✗ here, from the top; then train again",
    )


def above_baselines(record):
    """How far the linear probe lies above the best that needs no training; −1 if not known."""
    linear = record.linear(OBJECTIVES[record.recipe.objective])
    others = untrained(record)
    return linear - max(others.values()) if linear is not None and others else -1.0


def untrained(record):
    """Linear probes of what needs no training: `{row: accuracy}`.

    Large pictures are classified in a smaller size, and their row says so: "raw pixels, 16×16".
    """
    rows = {row: record.linear(row) for row in record.accuracies}
    known = ("raw pixels", "random encoder")
    return {row: share for row, share in rows.items() if row.startswith(known) and share}


def split(warning, name):
    """A diagnostic's sentence as a `Finding`: the symptom, and what it says to try."""
    symptom, _, remedy = warning.partition(" Try ")
    return Finding(name, symptom.rstrip("."), False, remedy.rstrip("."))
