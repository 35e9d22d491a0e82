# %% [markdown] slug=title
# # One experiment, opened up
#
# This notebook walks the whole road of `simclr run`: pictures, views, contrastive training
# without labels, and the accuracies beside their baselines. It also is what `simclr sweep`
# executes, once for each run of a grid. Change a value in the next cell and run everything; with
# the values as they stand that takes about two minutes.

# %% [markdown] slug=about-parameters
# ## The parameters
#
# Every hyperparameter of a run, as in `simclr_lib/recipes.py`. A run is decided by these values
# alone.

# %% slug=recipe-parameters tags=["parameters"]
name: str = "demo"
data: str = "shapes"  # "shapes", "cifar10", "tiny-imagenet", or the path of a tree or zip
train_limit: "Optional[int]" = None  # pictures of the training part to use; none: all
test_limit: "Optional[int]" = None
image_size: "Optional[int]" = None  # side that pictures are resized to; none: as they are
views: str = "weak"  # "strong": five more random operations, see strong_views
strong_strength: int = 9  # the most a strong view's operation may do, on a scale from 1
view_size: int = 24  # pixels; smaller than the pictures costs less and loses little
crop_min_area: float = 0.2  # smallest share of the area a crop keeps; 1: no crop
color_strength: float = 0.5  # 0: no colour distortion
gray_probability: float = 0.1
blur_probability: float = 0.0  # 0.5 from 64×64 pictures up
flip_probability: float = 0.5
view_draws: str = "picture"  # each draws its own; "batch": all the same, as in naive code
encoder_depth: int = 8  # 8, 18, 34, 50, 101, 152
encoder_width: int = 32
stem: str = "strided"  # "cifar", "strided", "imagenet"
batch_norm_momentum: float = 0.9  # Keras' 0.99 lags behind in short runs
synchronized_batch_norm: bool = False  # over all devices; JAX does so anyway
encoder_weights: str = "none"  # to begin with: "imagenet" (Keras' cache), or a weights file
head_hidden: int = 512
head_output: int = 128
head_layers: int = 2  # 0: the loss sees h, 1: linear, 2: the paper's
objective: str = "contrastive"  # "contrastive", or "reconstruction": an autoencoder
loss: str = "nt_xent"  # or "sogclr", "memory_bank" (remember pictures), "clsa" (strong views)
strong_weight: float = 1.0  # of the strong view in CLSA's loss
sogclr_gamma: float = 0.9  # weight of the batch against what is remembered; 1: forgets
sogclr_gamma_schedule: str = "constant"  # "cosine": from 1 down to it over half the run
bank_negatives: int = 4096  # entries of the memory bank that a step draws
bank_momentum: float = 0.5  # share of an entry that a new visit leaves
temperature: float = 0.3
batch_size: int = 256  # pictures a step; the loss sees twice as many views
epochs: int = 20
steps_per_epoch: "Optional[int]" = None  # none: as many as the pictures fill
optimizer: str = "muon"  # "adamw", "adam", "muon", "sgd", "lars"
learning_rate: float = 0.02  # the peak, after warmup
weight_decay: float = 0.01
warmup_epochs: float = 1.0
loss_block_rows: "Optional[int]" = None  # rows of the similarities at a time; none: all
gradient_cache_chunk: "Optional[int]" = None  # pictures at a time in the encoder; none: the batch
precision: str = "auto"  # "float32", "mixed_bfloat16", or what this machine is faster with
knn_every: int = 5  # epochs between two looks at held-out training pictures; 0: never
supervised_baseline: bool = False  # trains the same encoder with labels, on as many views
classifier_hidden: str = "none"  # "20,20": also a classifier with these hidden layers on h
classifier_epochs: int = 10
labels_per_class: "Optional[int]" = None  # training labels that the evaluation reads; none: all
evaluate_on: str = "test"  # "validation": a tenth of the training part, to choose settings by
seed: int = 0  # of weights, order, views and splits
run_dir: str = "runs/notebook"  # where everything is written

# %% [markdown] slug=about-recipe
# A `Recipe` holds the values together, and each is checked before anything costs time.

# %% slug=recipe
from dataclasses import asdict, fields

from simclr_lib.quiet import import_keras

keras = import_keras()

from simclr_lib import experiment, machine, recipes
from simclr_lib.precision import choose_precision
from simclr_lib.run_folder import Results, RunFolder

values = {field.name: globals()[field.name] for field in fields(recipes.Recipe)}
recipe = recipes.Recipe(**values)
recipes.check(recipe)
print(f"Recipe {name}, seed {seed}, in {run_dir}")

# %% [markdown] slug=about-data
# ## The pictures
#
# They stay `uint8` until the views are drawn. The run folder is claimed for exactly this recipe
# and these pictures; what was stopped in it goes on from its last checkpoint.

# %% slug=data
dataset = experiment.load_data(recipe)
folder = RunFolder(run_dir)
config = folder.claim(
    {
        "recipe": asdict(recipe),
        "data": experiment.describe(dataset),
        "precision": choose_precision(recipe, print),
        "backend": keras.backend.backend(),
        "versions": machine.versions(),
        "machine": machine.description(),
    }
)
precision = config["precision"]
print(
    f"{dataset.name}: {len(dataset.train_images):,} training and {len(dataset.test_images):,} "
    f"{recipe.evaluate_on} pictures, {len(dataset.class_names)} classes; {precision}"
)

# %% [markdown] slug=about-views
# ## Two views of each picture
#
# The encoder never sees a picture as it is. What the views share is what it will learn to see;
# what they do not share it will learn to overlook.

# %% slug=views
from IPython.display import Image, display

experiment.draw_views(recipe, dataset, folder)


def show(figure):
    """Show a picture of the run folder, with the alternative text that it carries."""
    from PIL import Image as Picture

    path = folder.figures / f"{figure}.png"
    display(Image(path, width=800, alt=Picture.open(path).info["Description"]))


show("views")

# %% [markdown] slug=about-training
# ## Contrastive training, without labels
#
# For each view, the loss asks: which of all the other views in the batch comes from the same
# picture? The labels are read by the online kNN alone, which looks on and changes nothing. A
# folder that has its results is only shown again.

# %% slug=training
if finished := folder.finished():
    print(f"This run is finished, and {folder.path} keeps its results: nothing is trained.")
    encoder = keras.models.load_model(folder.encoder, compile=False)
    history, warnings = folder.read_metrics(), finished.warnings
else:
    encoder, history, warnings = experiment.pretrain(recipe, precision, dataset, folder, print)
print(f"Loss {history[-1]['loss']:.3f} after {history[-1]['epoch']} epochs.")

# %% [markdown] slug=about-evaluation
# ## What the features are worth
#
# The encoder is frozen from here on. A linear classifier, and a vote of the nearest neighbours,
# read the classes off its features $h$. The head and its $z$ are left behind. A small classifier
# with hidden layers comes beside them if the recipe asks for one. Here the labels come in: all, or
# `labels_per_class` of them, the same ones for every row of the table.

# %% slug=evaluation
features = experiment.Features.of(encoder, dataset, experiment.labelled(recipe, dataset))
probe = features.probe()
method = recipes.OBJECTIVES[recipe.objective]
accuracies = {method: {"linear": probe.accuracy, "knn": features.knn()}}
accuracies |= experiment.classifier(recipe, features)
for row, found in accuracies.items():
    print(row, {kind: round(share, 4) for kind, share in found.items()})

# %% [markdown] slug=about-baselines
# The same evaluation of raw pixels and of an untrained encoder tells how much of that was learnt.
# If the recipe asks for it, the same encoder is also trained with labels.

# %% slug=baselines
if finished:
    accuracies |= finished.accuracies
else:
    accuracies |= experiment.baselines(recipe, precision, dataset, folder)

# %% [markdown] slug=about-pictures
# ## The run in pictures
#
# The curves beside their chance lines, the accuracies beside their baselines, the nearest
# neighbours of some test pictures, the features on a plane, and what is taken for what.

# %% slug=pictures
experiment.draw_results(dataset, features, probe, accuracies, history, recipe, folder)
for figure in ("curves", "accuracies", "neighbours", "features", "confusion"):
    show(figure)

# %% [markdown] slug=about-results
# ## The results
#
# They are written last, in one step: a run folder with a `results.json` is a whole one.

# %% slug=results
results = finished or Results(
    recipe=recipe,
    accuracies=accuracies,
    per_class=dict(zip(dataset.class_names, probe.per_class.tolist(), strict=True)),
    pictures={"train": len(dataset.train_images), "test": len(dataset.test_images)},
    training_minutes=history[-1]["seconds"] / 60,
    warnings=warnings,
    run_dir=folder.path,
)
folder.finish(results)
print(results.table())
