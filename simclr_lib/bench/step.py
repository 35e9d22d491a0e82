"""A whole pretraining step: data, views, encoder, loss, gradients and optimiser.

The kit's side walks the recipe's road: the model that `experiment` builds, and a segment of its
loop, with the display and what else looks at each step. What Python does in a step is measured by
the same loop around a model that computes nothing. On a processor Keras leaves XLA out; what the
`classroom` would be with it is measured too. The peer (`peers/torch_step.py`) is a plain PyTorch
loop with the same encoder, batch, loss and optimiser, and torchvision's views. Both are measured in
float32 and in bfloat16. Beside each, the same process multiplies large matrices: what share of that
rate the convolutions reach is a measure that a faster or busier machine changes less.
"""

from dataclasses import asdict, replace

import numpy as np

from simclr_lib.bench.case import Case
from simclr_lib.bench.figures import Bar, Figure
from simclr_lib.bench.peers.serving import repeat

PYTORCH, XLA = "PyTorch loop", "kit through XLA"
KIT_PRECISION = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
RECIPES = {
    "classroom": ("classroom", {}),
    "ResNet-18": ("cifar10-resnet18", {"batch_size": 64}),
}
LOOP = "the loop around the step"
UNITS = {
    "speed": "pairs/s",
    "arithmetic": "GFLOP/s",
    "gemm": "GFLOP/s",
    "data and views": "share",
    LOOP: "share",
}


def cases(quick):
    if quick:
        return [Case("step", "smoke", 90, 9, {"encoder": "smoke", "xla": True})]
    return [
        Case("step", "classroom", 240, 70, {"encoder": "classroom", "xla": True}),
        Case("step", "ResNet-18", 90, 45, {"encoder": "ResNet-18"}),
    ]


def measure(case, session, earlier):
    settings = {"encoder": case.settings["encoder"]}
    recipe = asdict(recipe_of(**settings))
    sides = {}
    for precision in KIT_PRECISION:
        name = f"{{}}, {precision}".format
        sides[name("kit")] = session.kit("step", precision=precision, **settings)
        sides[name(PYTORCH)] = session.peer("torch_step.py", precision=precision, recipe=recipe)
        if case.settings.get("xla"):
            sides[name(XLA)] = session.kit("step", precision=precision, xla=True, **settings)
    answers = session.alternate(case, sides)
    return [
        Figure(
            case.name, side, quantity, UNITS[quantity], [answer[quantity] for answer in measured]
        )
        for side, measured in answers.items()
        for quantity, unit in UNITS.items()
        if quantity in measured[0]
    ]


def bars(found):
    faster = {"classroom": 1.3, "ResNet-18": 1.0}
    shares = {
        ("classroom", "bfloat16"): 60,
        ("ResNet-18", "float32"): 85,
        ("ResNet-18", "bfloat16"): 80,
    }
    made = []
    for encoder, times in faster.items():
        name = f"{encoder} step, kit ÷ {PYTORCH}, each in its faster dtype"
        best = [(encoder, fastest(found, encoder, side), "speed") for side in ("kit", PYTORCH)]
        made.append(found.bar(name, *best, times))
        made += [
            found.bar(
                f"{encoder} step in {precision}, kit ÷ {PYTORCH}",
                (encoder, f"kit, {precision}", "speed"),
                (encoder, f"{PYTORCH}, {precision}", "speed"),
                None,
            )
            for precision in KIT_PRECISION
        ]
        made += [
            found.bar(
                f"{encoder} step in {precision}, kit ÷ {XLA}",
                (encoder, f"kit, {precision}", "speed"),
                (encoder, f"{XLA}, {precision}", "speed"),
                1,
            )
            for precision in KIT_PRECISION
        ]
        for precision in KIT_PRECISION:
            side = f"kit, {precision}"
            products = [(encoder, f"{one}, {precision}", "gemm") for one in ("kit", PYTORCH)]
            gemm = max(products, key=lambda product: found.median(*product) or 0)
            name = f"{encoder} step in {precision}: convolutions' share of the gemm rate"
            share = found.bar(name, (encoder, side, "arithmetic"), gemm, None)
            made.append(in_percent(share, shares.get((encoder, precision))))
            # What others wait for is the slower part of a fast step: the bar holds in both dtypes.
            for quantity, limit in (("data and views", 10), (LOOP, None)):
                name = f"{encoder} step in {precision}: share of {quantity}"
                what = (encoder, side, quantity)
                share = Bar(name, found.median(*what), None, False, rounds=found.values(*what))
                made.append(in_percent(share, limit))
    return made


def in_percent(share, limit):
    """A bar whose value is a share of 1, in percent, and held to a limit in percent."""
    value = 100 * share.value if share.value else None
    rounds = tuple(100 * one for one in share.rounds)
    return replace(share, value=value, limit=limit, unit="%", rounds=rounds)


def fastest(found, encoder, side):
    """The name of a side in the dtype in which its median speed is highest."""
    names = [f"{side}, {precision}" for precision in KIT_PRECISION]
    return max(names, key=lambda name: found.median(encoder, name, "speed") or 0)


def recipe_of(encoder):
    from simclr_lib.recipes import get_recipe

    name, settings = RECIPES.get(encoder, (encoder, {}))
    return get_recipe(name, settings)


def side(encoder, precision, quick, xla=False):
    """The kit's training, on CIFAR-10's number of random pictures; through XLA its speed alone."""
    pictures = 2_000 if quick else 50_000
    step = TrainingStep(recipe_of(encoder), KIT_PRECISION[precision], pictures, xla)
    gemm = GemmRate(precision, 512 if quick else 4096)
    seconds = 0.2 if quick else 5.0
    idle = idle_model()
    step.run(2)  # compiles
    step.run(2, idle)
    pace = step.run(2)

    def measure():
        took = step.run(max(1, round(seconds / pace)))
        speed = step.recipe.batch_size / took
        if xla:
            return {"speed": speed}
        return {
            "speed": speed,
            "arithmetic": step.convolution_flops() / took / 1e9,
            "data and views": step.data_and_views(seconds / 5) / took,
            LOOP: step.run(4 if quick else 100, idle) / took,
            "gemm": gemm(seconds / 5),
        }

    return measure


class TrainingStep:
    """The pretraining of a recipe, to be run a few steps at a time.

    Args:
        recipe: a `Recipe`.
        precision: a Keras dtype policy.
        pictures: how many 32×32 pictures of noise it trains on.
        xla: whether XLA compiles the step; False leaves it to Keras.
    """

    def __init__(self, recipe, precision, pictures, xla=False):
        from keras import ops

        from simclr_lib import experiment
        from simclr_lib.bench.compiled import compiled

        self.recipe = recipe
        self.images = np.random.default_rng(0).integers(0, 256, (pictures, 32, 32, 3), "uint8")
        self.encoder = experiment.build_encoder(recipe, precision)
        self.model = experiment.build_model(recipe, precision, self.encoder, pictures)
        experiment.compile_for(
            recipe,
            precision,
            self.model,
            self.images,
            recipe.epochs,
            jit_compile=True if xla else "auto",
        )
        # As `SimCLR.call` begins.
        views = self.model.augmenter
        self.augment = compiled(lambda images: views(ops.concatenate([images, images])))

    def batches(self, steps):
        from simclr_lib.pretraining.batches import ShuffledBatches

        return ShuffledBatches(self.images, self.recipe.batch_size, 0, 0, 0, steps)

    def run(self, steps, model=None):
        """Train that many steps, as `fit_epochs` does between two checkpoints: seconds a step.

        Args:
            steps: how many.
            model: what to train; None: the recipe's model.
        """
        from simclr_lib.pretraining.loop import StepWatch, fit_segment
        from simclr_lib.pretraining.progress import Progress

        watch = StepWatch(Progress("Training", steps, chance=1.0), 0)
        watch.progress.start(0)

        def segment():
            fit_segment(model or self.model, self.batches(steps), watch)

        seconds = repeat(segment, 0)
        watch.progress.close()
        return seconds / steps

    def data_and_views(self, seconds):
        """Fetch a batch and make its two views, as a step does: seconds a step."""
        batches = self.batches(1)
        self.augment(*batches[0])
        return repeat(lambda: self.augment(*batches[0]), seconds)

    def convolution_flops(self):
        """Floating-point operations of a step's convolutions: forward, and both gradients.

        The first convolution needs no gradient by its inputs, the views.
        """
        views = 2 * self.recipe.batch_size
        passes = 2  # of the first: forward, and by the kernel
        total = 0
        for kernel, outputs in self.convolutions():
            total += passes * 2 * views * outputs * kernel
            passes = 3
        return total

    def convolutions(self):
        """`(weights of the kernel, pixels of its output map)` of each, the first one first."""
        import keras

        from simclr_lib.encoders import resnet

        # The recipe's encoder takes views of any side; the same one for this side knows its maps.
        recipe = self.recipe
        encoder = resnet(
            recipe.encoder_depth,
            width=recipe.encoder_width,
            stem=recipe.stem,
            image_size=recipe.view_size,
        )
        for layer in encoder.layers:
            if isinstance(layer, keras.layers.Conv2D):
                _, rows, columns, _ = layer.output.shape
                yield int(np.prod(layer.kernel.shape)), rows * columns


def idle_model():
    """A Keras model that takes batches and computes next to nothing: what is left is the loop."""
    import keras
    from keras import ops

    class Idle(keras.Model):
        def __init__(self):
            super().__init__()
            self.weight = self.add_weight(shape=(), initializer="ones")

        def call(self, images, training=False):
            return self.weight * ops.cast(images[0, 0, 0, 0], "float32")

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return y_pred

    model = Idle()
    model.compile(keras.optimizers.SGD(0.0))
    return model


class GemmRate:
    """GFLOP/s of a product of two large square matrices in the framework: the machine's best.

    In float32 NumPy's is measured too, and the faster one counts.
    """

    def __init__(self, precision, size):
        from keras import ops

        from simclr_lib.bench.compiled import compiled

        self.size = size
        numbers = np.random.default_rng(0).normal(size=(size, size)).astype("float32")
        matrix = ops.cast(numbers, precision)
        product = compiled(ops.matmul)
        self.products = [lambda: product(matrix, matrix)]
        if precision == "float32":
            self.products.append(lambda: numbers @ numbers)
        for multiply in self.products:
            multiply()

    def __call__(self, seconds):
        fastest = min(repeat(multiply, seconds) for multiply in self.products)
        return 2 * self.size**3 / fastest / 1e9
