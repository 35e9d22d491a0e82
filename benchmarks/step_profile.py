"""Where the time of a step goes, by kind of operation: writes `step_profile.csv`.

    .venv/bin/python benchmarks/step_profile.py

The steps of `simclr bench`: the classroom's and a ResNet-18's, in bfloat16. A minute, with
TensorFlow's profiler: an operation's time runs from its start to its end on the
thread that started it. Operations run side by side, so these times add up to more than the step
takes, and the shares are of their sum.
"""

import argparse
import csv
import re
import tempfile
from collections import Counter
from pathlib import Path

from simclr_lib.quiet import import_keras

TABLE = Path(__file__).with_name("step_profile.csv")

# The first that matches an operation's type decides its row; oneDNN's prefix is left out.
KINDS = {
    # On small maps the gradient by a kernel is a convolution too, padded: see `fast_layers`.
    "convolutions, gradients": "Conv2DBackprop.*|PadWithConv2D",
    "convolutions, forward": ".*Conv2D",
    "BatchNorm, with the ReLU that it takes in": "FusedBatchNorm.*",
    "matrix products (head, loss, Muon, views)": ".*MatMul.*|Einsum",
    "number by number (ReLU, sums, Muon)": "Relu.*|Add.*|Sub|Mul|RealDiv|Square|Assign.*Variable.*",
    "turning, cutting, casting of arrays": "Transpose|Pad|Cast|Concat.*|.*Slice.*|AvgPool.*",
}
REST, CLOCK = "everything else", "a step by the clock"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10, help="to profile (default: %(default)s)")
    parser.add_argument("--by-type", action="store_true", help="print every type, write nothing")
    options = parser.parse_args()
    import_keras()
    from simclr_lib.bench.step import RECIPES

    rows = []
    for encoder in RECIPES:
        found = profile_of(encoder, options.steps, options.by_type)
        rows += [{"encoder": encoder} | row for row in found]
    if options.by_type:
        return
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def profile_of(encoder, steps, by_type):
    """Profile some steps of one of `simclr bench`'s encoders, and print what was found."""
    from simclr_lib.bench.step import TrainingStep, recipe_of

    step = TrainingStep(recipe_of(encoder), "mixed_bfloat16", 50_000)
    step.run(12)  # compiles and warms up
    plain = step.run(steps)
    rows = account(profiled(lambda: step.run(steps)), steps, by_type=by_type)
    print(f"{encoder}: {1000 * plain:.0f} ms a step without the profiler")
    for row in rows:
        share = f"{row['share']:8.1%}" if row["share"] != "" else ""
        print(f"{row['kind']:44}{row['milliseconds']:8.1f} ms{share}")
    return rows


def profiled(work):
    """Every operation that ran meanwhile: `[(type, start, end)]` in seconds."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2)
        tf.profiler.experimental.start(folder, options)
        work()
        tf.profiler.experimental.stop()
        (path,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    spans = []
    for plane in space.planes:
        names = {key: entry.name for key, entry in plane.event_metadata.items()}
        for line in plane.lines:
            for event in line.events:
                # An operation's event is called `path/in/graph:Type`; `Class::Method` is TensorFlow
                # itself, and what it runs has events of its own.
                found = re.fullmatch(r"[^:]+:(?:_Mkl(?:Native)?)?(\w+)", names[event.metadata_id])
                if found:
                    start = line.timestamp_ns * 1e-9 + event.offset_ps * 1e-12
                    spans.append((found[1], start, start + event.duration_ps * 1e-12))
    return spans


def account(spans, steps, by_type=False):
    """Milliseconds a step of each kind of operation, and their shares of the time of all."""
    total = Counter()
    for type_, start, end in spans:
        total[type_ if by_type else kind_of(type_)] += end - start
    begin, end = min(s for _, s, _ in spans), max(e for *_, e in spans)
    covered, reached = 0.0, begin
    for _, first, last in sorted(spans, key=lambda span: span[1]):
        covered += max(0.0, last - max(first, reached))
        reached = max(reached, last)
    whole = sum(total.values())
    rows = [(kind, seconds, round(seconds / whole, 3)) for kind, seconds in total.most_common()]
    rows += [("while no operation ran", end - begin - covered, ""), (CLOCK, end - begin, "")]
    return [
        {"kind": kind, "milliseconds": round(1000 * seconds / steps, 1), "share": share}
        for kind, seconds, share in rows
    ]


def kind_of(type_):
    return next((kind for kind, match in KINDS.items() if re.fullmatch(match, type_)), REST)


if __name__ == "__main__":
    main()
