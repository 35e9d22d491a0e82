"""Fill `RESULTS.md` and the README's tables from the CSV and JSON files beside this program.

.venv/bin/python benchmarks/report.py          writes them
.venv/bin/python benchmarks/report.py --check  says whether they are up to date
"""

import sys

from page.accuracy import (
    accuracy_table,
    arms_table,
    hour_section,
    setting,
    sweeps_table,
    tuning_table,
)
from page.memory import chunks_table, memory_bars, memory_table
from page.roads import few_labels_section, league_section
from page.speed import (
    profile_section,
    speed_parts,
    speed_sections,
    speed_setting,
    speed_table,
    sweep_section,
)
from page.tables import HERE
from page.why import why_section

RESULTS = HERE / "RESULTS.md"
README = HERE.parent / "README.md"
# On the validation split, three seeds each: of the recipe, and of what goes beyond it.
SWEEPS = ("temperature", "batch-size", "leave-one-out")
BEYOND = ("small-batches", "small-batches-control", "stronger-views")


def main():
    made = {RESULTS: results_page(), README: filled_readme()}
    stale = [p.name for p, text in made.items() if not p.exists() or p.read_text() != text]
    if "--check" in sys.argv:
        sys.exit(f"Not up to date: {', '.join(stale)}; run benchmarks/report.py" if stale else 0)
    for path, text in made.items():
        path.write_text(text)


def results_page():
    return f"""# Results

Made by `benchmarks/report.py` from the CSV and JSON files in this folder; each section names the
command that wrote its figures.

## The classroom recipe on CIFAR-10

JPEG copy of CIFAR-10, half the test set. {setting("classroom")}

    .venv/bin/python benchmarks/accuracy.py classroom --data cifar10-images.zip

{accuracy_table("classroom")}

### How the recipe was chosen

A tenth of the training pictures, held out, decides. Every row trains for four epochs, seed 0, with
Muon (learning rate 0.02, temperature 0.2, batches of 256, 24×24 views, crops of at least 0.3 of the
area, grey 0.1, a strided stem, width 64), but for what the row says. The minutes are those of
machines that were also doing other work, the last four rows on a faster one: their epochs were set
so that they would take about as long as four of the others on the same idle machine.

    .venv/bin/python benchmarks/tuning.py --data cifar10-images.zip

{tuning_table()}

Temperature, batch size and the augmentations were compared in sweeps, a spec for each: two epochs
of 27,000 pictures (one epoch for the batch size, whose rows are to be compared with each other
alone), three seeds, a tenth of the training pictures held out. What so short a training prefers
need not be best for a longer one. Mean ± standard deviation over the seeds.

    .venv/bin/simclr sweep run notebooks/experiments/specs/temperature.yaml --data PICTURES.zip

{sweeps_table(SWEEPS)}

{hour_section()}## The built-in shapes, and what the views are for

{setting("shapes")}

    .venv/bin/python benchmarks/accuracy.py shapes

{accuracy_table("shapes")}

{arms_table("shapes")}

## Small batches with a memory, and stronger views

SogCLR (lesson 08) and CLSA (lesson 09) beside SimCLR, on CIFAR-10: three seeds, a tenth of the
training pictures held out; a spec for each sweep. Small batches: four epochs of 13,500 pictures,
the learning rate by the root of the batch; the control is SogCLR that remembers nothing (γ = 1).
Stronger views: two epochs of 27,000 pictures, three where a row says half as long again. So short a
training is for comparing rows. Mean ± standard deviation over the seeds.

    .venv/bin/simclr sweep run notebooks/experiments/specs/stronger-views.yaml --data PICTURES.zip

{sweeps_table(BEYOND)}

{league_section()}{few_labels_section()}{why_section()}## Big batches in little memory

The most memory that was resident during the work, compilation included, less what was resident
just before; each row in a process of its own, float32. What the options mean:
`notebooks/reference/many-devices.md`.

    .venv/bin/python benchmarks/memory.py
    KERAS_BACKEND=jax .venv/bin/python benchmarks/memory.py

{memory_table()}

The cached step of 4,096 was not measured with JAX: on a processor, a quarter of it takes too long
there already, as the table shows.

The cached gradient is held against that of the whole batch, of the `classroom` encoder with
BatchNorm frozen: |difference| ÷ |gradient|, of the weights where it is largest.

{memory_bars()}

With BatchNorm in training the chunks change what is computed: each is normalised by its own
statistics, so that the gradient is another one, the more so the smaller the chunks are. The same
encoder, on shapes; |difference| ÷ |gradient| of all weights together.

{chunks_table()}

## Speed

Kit and peers side by side in one run, in turn. What each peer does is told at the head of its file
in `simclr_lib/bench/peers/`. "Found" is a ratio of medians; "round by round" is the median of the
rounds' own ratios, with the least and the most: where they lie far apart, something else ran on the
machine.

    .venv/bin/simclr bench --out benchmarks/speed.json

{speed_sections()}

## Where the step's time goes

{profile_section()}

## On a GPU

A ResNet-18 on CIFAR-10 in batches of 512, with JAX and its CUDA kernels beside the kit's packages:

    .venv/bin/pip install -c constraints.txt "jax[cuda13]"
    KERAS_BACKEND=jax .venv/bin/simclr run cifar10-resnet18

This was **not measured**: no GPU was at hand. The same road is tested with JAX on a processor, on
one device and on two, and where TensorFlow can't be imported (`make test-jax`). Wanted, and open:
85 % by the linear probe within 5 minutes on one H100, and 90 % by kNN within 15.
{sweep_section()}"""


def filled_readme():
    """The README with its marked tables made anew."""
    text = README.read_text()
    tables = {
        "classroom": f"{accuracy_table('classroom')}\n\n{setting('classroom')}",
        "shapes": arms_table("shapes"),
        "speed": f"{speed_table()}\n\n{speed_setting(*speed_parts())}",
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name}: filled by benchmarks/report.py -->", f"<!-- end {name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{table}\n\n{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    main()
