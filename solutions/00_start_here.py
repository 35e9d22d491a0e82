# %% [markdown] slug=title
# # Start here: learn from pictures without labels
#
# SimCLR teaches a network to see from pictures alone: nobody tells it what they show.
# You will build it yourself in this course. This first lesson shows the whole of it at once.
#
# **After it you can**
#
# - say in two sentences what SimCLR does, and what an anchor, a positive and a negative are;
# - use the exercises, their hints, and your progress;
# - read a short training: what went in, what came out, and what it is worth.
#
# **It takes** about 15 minutes of yours and {minutes} of the machine's
# ({smoke_minutes} in the smoke profile). **It needs** some Python and NumPy, and a rough idea of
# what a neural network is. No graphics card, no download.

# %% [markdown] slug=settings-text
# ## Settings
#
# Every lesson begins with these three settings. Leave them as they are the first time; later,
# change them and run the notebook again.
#
# **New to notebooks?** Click into a cell and press Shift and Enter: it runs, and what it says
# appears below it. Run all cells, one after the other, from the top. If one ends with `NameError`,
# a cell above it has not been run since the notebook was opened: Run, *Run All Above Selected Cell*
# catches up.

# %% slug=parameters tags=["parameters"]
profile: str = "full"  # "full" or "smoke" (shorter still, learns next to nothing)
dataset: str = "auto"  # "auto", "shapes", "cifar10", or the path of a picture folder
seed: int = 0  # another number: other random views, another start

# %% [markdown] slug=setup-text
# The next cell fetches what the lesson needs and says in one line which pictures it uses.
# The built-in ones, *shapes*, are drawn by code: ten shapes in random colours, sizes and places.

# %% slug=setup
from simclr_lib.course import NOT_STARTED, check, hint, lesson, show, solution

setting = lesson(
    "00_start_here",
    profile=profile,
    dataset=dataset,
    seed=seed,
    train_limit=2000,
    test_limit=500,
)
data = setting.data

# %% [markdown] slug=idea-text
# ## The idea in one picture
#
# Take a picture and change it at random: cut out a part, mirror it, shift its colours. What you
# get is a **view**. Draw two views of each picture, and let the network find out which two belong
# together. The next cell draws just that, with two of our pictures.

# %% slug=idea
import numpy as np

from simclr_lib import simclr_augmenter
from simclr_lib.course.idea_picture import idea_picture

pictures = data.train_images[:2]
augmenter = simclr_augmenter(24, seed=seed)
views_a = np.asarray(augmenter(pictures))
views_b = np.asarray(augmenter(pictures))
show(idea_picture(pictures, views_a, views_b))

# %% [markdown] slug=idea-words
# Follow it from the left. The **encoder** turns a view into numbers that describe it, *h*; the
# small **projection head** turns those into a point *z* on a sphere (drawn here as a circle). Then,
# for every view in turn, called the **anchor**:
#
# - its **positive** is the other view of the same picture: the two pull each other together;
# - its **negatives** are the views of all other pictures: they push each other apart.
#
# To tell two views of a picture from a crowd of others, whatever was cut, mirrored or coloured,
# the encoder has to notice *what is in the picture*. That is the whole trick, and no label
# was needed for it.

# %% [markdown] slug=exercise-text
# ## How exercises work: count the negatives
#
# A **batch** holds N pictures, so 2N views. Any one of them can be the anchor. How many negatives
# does it have? *(easy, about 3 minutes)*
#
# Put your answer in the place of `return NOT_STARTED`, run the cell, and run the check below it.


# %% slug=count-negatives
def count_negatives(batch_size):
    """Count the negatives of one anchor.

    Args:
        batch_size: N ≥ 1, the pictures in the batch; each gives two views.

    Returns:
        A whole number.
    """
    ### BEGIN SOLUTION
    other_pictures = batch_size - 1
    return 2 * other_pictures
    ### END SOLUTION


# %% slug=count-negatives-check tags=["nbval-check-output"]
report = check("count_negatives", count_negatives)
count_negatives = report.function

# %% [markdown] slug=check-words
# The check tries your function on several batches. If something is wrong, it tries to tell you
# *what* is wrong. You can always go on: until the check passes, the lesson uses the kit's own
# function, and says so.
#
# When you are stuck, ask for a hint. There are three, and each says a little more.

# %% slug=hint tags=["nbval-check-output"]
hint("count_negatives")

# %% [markdown] slug=progress-text
# After three honest attempts `solution("count_negatives")` shows the solution beside your own
# answer; with `now=True` it does so at once. What you have passed is kept in a small file on your
# machine: type `simclr progress` in a terminal to see it (in JupyterLab: File, New, Terminal).
#
# Now use the function. A batch has this many negatives for each anchor:

# %% slug=use-count tags=["nbval-check-output"]
for batch_size in (2, 8, 256):
    print(f"{batch_size} pictures: {count_negatives(batch_size)} negatives for each anchor")

# %% [markdown] slug=chance-text
# The count tells more than it seems. An encoder that has learnt nothing can only guess which of
# the other views is the positive: one among 1 + negatives. The loss of such a guess is the
# logarithm of that number. It is the line to watch: **a loss that stays there has learnt nothing.**

# %% slug=chance
batch_size = setting.pick(full=128, smoke=64)
chance = np.log(1 + count_negatives(batch_size))
print(f"Loss of pure guessing with {batch_size} pictures in a batch: {chance:.2f}")

# %% [markdown] slug=predict-text
# ## Predict, then run
#
# We are about to train a small encoder for a short while, without a single label. Then we ask
# how good its description *h* is: for each test picture we look up the 20 training pictures with
# the most similar *h* and let them vote on its class (**k nearest neighbours**, kNN). Guessing at
# random is right in one case out of as many as there are classes.
#
# Before you run it, write down a guess: you learn more from a wrong guess than from none.

# %% slug=predict
from simclr_lib.course import compare_guess, predict

my_guess = predict(
    "knn-after",
    "What percentage of the test pictures will the trained encoder get right?",
    answer=None,
)

# %% [markdown] slug=model-text
# ## SimCLR in a few lines
#
# These few lines are all of SimCLR: an encoder, a head, an augmenter that draws the views, and a
# model that joins them. The lessons to come open each of these boxes.

# %% slug=model
from simclr_lib import SimCLR, projection_head, resnet

encoder = resnet(8, width=setting.pick(full=32, smoke=8), stem="strided", batch_norm_momentum=0.9)
head = projection_head(encoder.output_shape[-1], hidden_dim=256, output_dim=64)
model = SimCLR(encoder, head, simclr_augmenter(24, seed=seed), temperature=0.3)
z = model(data.train_images[:2])
print(f"Two pictures became {z.shape[0]} projections of {z.shape[1]} numbers each.")

# %% [markdown] slug=before-text
# First the fair comparison: how good is the same encoder **before** any training? Its weights are
# random, but even random filters keep something of a picture. (The cell first lets it get
# used to the brightness of the pictures, or it would look worse than it is: lesson 02 shows why.)
# Labels are used here, to measure; the training will never see them.

# %% slug=before
from simclr_lib import extract_features, knn_accuracy
from simclr_lib.evaluation import reestimate_batch_norm

reestimate_batch_norm(encoder, data.train_images)


def knn_of(encoder):
    """Share of the test pictures whose 20 nearest training pictures vote for the right class."""
    train_h = extract_features(encoder, data.train_images)
    test_h = extract_features(encoder, data.test_images)
    return knn_accuracy(train_h, data.train_labels, test_h, data.test_labels, k=20)


before = knn_of(encoder)
print(f"kNN accuracy before training: {before:.0%}")

# %% [markdown] slug=train-text
# Now train. Look at the line below the cell: the loss should soon leave the line of chance. It is
# the longest cell of this lesson; stretch your legs.

# %% slug=train
import keras

from simclr_lib.course.live_progress import LiveProgress

model.compile(keras.optimizers.AdamW(2e-3, weight_decay=1e-2))
history = model.fit(
    data.train_images,
    batch_size=batch_size,
    epochs=setting.pick(full=12, smoke=1),
    callbacks=[LiveProgress(chance)],
    verbose=0,
)

# %% [markdown] slug=after-text
# The same question as before, to the same encoder, now trained. Then your guess beside it.

# %% slug=after
after = knn_of(encoder)
compare_guess("knn-after", my_guess, 100 * after, unit="%")

# %% [markdown] slug=bars-text
# A number alone says little; beside its baselines it says a lot. This is the first version of a
# table that grows through the course.

# %% slug=bars
from simclr_lib import plots

rows = [("encoder with random weights", before), ("SimCLR, no labels", after)]
title = f"kNN accuracy on {data.name}, {len(data.test_images)} test pictures, seed {seed}"
show(plots.accuracy_bars(rows, title, classes=len(data.class_names), highlight=rows[1][0]))

# %% [markdown] slug=neighbours-text
# What has the encoder learnt to notice? For four test pictures, these are the training pictures
# whose *h* is most similar. A frame tells whether the class is the same.

# %% slug=neighbours
from simclr_lib.evaluation import nearest

asked = np.unique(data.test_labels, return_index=True)[1][:4]
train_h = extract_features(encoder, data.train_images)
test_h = extract_features(encoder, data.test_images[asked])
_, found = nearest(train_h, test_h, k=5)
figure = plots.neighbour_grid(
    data.test_images[asked],
    data.train_images[found],
    data.test_labels[asked],
    data.train_labels[found],
    data.class_names,
)
show(figure)

# %% [markdown] slug=reading tags=["commentary"]
# **How to read this.** Neighbours share the *shape*, while their colours, sizes and places differ:
# these are what the random views change, so they cannot help to find the positive, and the encoder
# learns to look past them. Where neighbours are wrong, the shapes are often alike at this size.
# Lesson 01 takes the colour distortion away, and you will see the encoder take the easy way.

# %% [markdown] slug=recap
# ## What you learnt
#
# - A **view** is a picture changed at random. Two views of one picture are each other's
#   **positive**; all views of other pictures are **negatives**, 2N − 2 of them for each anchor.
# - SimCLR trains an **encoder** and a **projection head** so that positives come together and
#   negatives move apart. No label is read.
# - A loss at the **line of chance** has learnt nothing. An accuracy means something beside its
#   **baselines** only.
#
# **Try it:** set `seed` to another number and run the lesson again. How much do the bars move?

# %% [markdown] slug=next
# ## What comes next
#
# - **01 Augmentations:** what makes a good view, and what an encoder does with a bad one.
# - **02 Encoder and projection head:** the network, and why the head is thrown away at the end.
# - **03 NT-Xent:** the loss, derived from "find your positive" and written in a few lines.
# - **04 Pretraining:** the whole training, and how to see that it goes well.
# - **05 Linear evaluation:** what the features are worth, measured fairly.
#
# All of them take several evenings. For those who have **one afternoon**, `README.md` in the
# folder of the notebooks marks a core path: which exercises to do, and what to leave for later.

# %% [markdown] slug=references
# ## References
#
# - T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020):
#   [A Simple Framework for Contrastive Learning of Visual Representations](https://arxiv.org/abs/2002.05709).
#   The SimCLR paper; figure 2 is the picture above.
# - Z. Wu, Y. Xiong, S. Yu, D. Lin (2018):
#   [Unsupervised Feature Learning via Non-Parametric Instance Discrimination](https://arxiv.org/abs/1805.01978).
#   Every picture a class of its own, and the kNN vote that we used.
