"""The `simclr` command: parses, calls one function, prints what came out."""

import argparse
import os
import signal
import subprocess
import sys
import traceback
import warnings
from pathlib import Path

from simclr_lib.bench import PARTS as BENCH_PARTS
from simclr_lib.errors import UserError
from simclr_lib.files import NO_SPACE
from simclr_lib.recipes import PRESETS, get_recipe

ABOUT = {
    "smoke": "seconds; learns nothing, shows that everything works",
    "demo": "about 2 minutes; the built-in shapes",
    "classroom": "10 minutes of training, then as long for the supervised baseline",
    "cifar10-resnet18": "for a GPU; a ResNet-18 on CIFAR-10",
    "cifar10-resnet50": "for a GPU; the paper's ResNet-50, 1,000 epochs",
    "report-resnet50": "long; a set-up that failed, to find out why: 300 steps",
    "report-resnet101": "longer; the same with a ResNet-101",
    "report-resnet152": "longer still; the same with a ResNet-152",
    "tiny-imagenet": "for a GPU; a ResNet-18 on Tiny-ImageNet's 200 classes, 64×64",
}


def main(argv=None):
    """Run one `simclr` command.

    Args:
        argv: its words; None takes the command line's.

    Returns:
        The exit code: 0 done; 1 something unforeseen, or `doctor` found a fault; 2 a mistake that
        the user can mend, told in one line; 130 stopped.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks ✓ shows "?"
    arguments = parse(argv)
    # A polite kill is a Ctrl-C.
    earlier = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            code = arguments.command(arguments) or 0
            sys.stdout.flush()  # here, where a reader that has gone is understood
            return code
    except KeyboardInterrupt:
        if arguments.debug:
            traceback.print_exc()
        print(arguments.after_stop(arguments), file=sys.stderr)
        return 130
    except BrokenPipeError:  # as in `simclr progress | head`: whoever read has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if arguments.debug:
            traceback.print_exc()
        line, code = explain(error)
        print(f"simclr: {line}", file=sys.stderr)
        return code
    finally:
        signal.signal(signal.SIGTERM, earlier)


def run(arguments):
    recipe = get_recipe(arguments.recipe, settings_of(arguments))
    from simclr_lib.quiet import import_keras

    import_keras()
    from simclr_lib import experiment

    results = experiment.run(recipe, run_folder(arguments))
    print(f"\n{results.table()}\n")
    print(f"{recipe.objective.capitalize()} training took {results.training_minutes:.1f} minutes.")
    print(f"Pictures: {results.run_dir / 'figures'}")


def data(arguments):
    from simclr_lib.datasets import cifar10

    folder = cifar10.download(arguments.to)
    name = folder if arguments.to else "cifar10"
    print(f"CIFAR-10 is in {folder}. To learn from it: simclr run classroom --data {name}")


def lab(arguments):
    from simclr_lib.doctor import notebooks_folder

    folder = notebooks_folder()
    if folder is None:
        raise UserError("there is no folder `notebooks` here: go to the kit's folder first.")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # as in a container
    command += arguments.rest
    # Settings that a learner's own come before: no question about news in the middle of lesson 00.
    own = [str(Path(__file__).parent / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, own))
    # JupyterLab's terminals find `simclr` although nobody has activated .venv.
    places = [str(Path(sys.executable).parent), os.environ.get("PATH")]
    os.environ["PATH"] = os.pathsep.join(filter(None, places))
    if os.name == "nt":  # there, exec would come back to the prompt at once
        return subprocess.run(command).returncode
    return os.execv(sys.executable, command)


def doctor(arguments):
    if arguments.run_dir is not None:
        return examine_run(arguments)
    if arguments.data or arguments.factors:
        raise UserError("--data and --factors go with a run folder: simclr doctor RUN_DIR.")
    from simclr_lib.doctor import examine

    faults = 0
    for finding in examine():
        print(finding, flush=True)
        faults += finding.ok is False
    print(f"\n{faults} to mend: see ✗." if faults else "\nAll is well.")
    return int(faults > 0)


def examine_run(arguments):
    from simclr_lib.postmortem.record import read_record
    from simclr_lib.quiet import import_keras

    record = read_record(arguments.run_dir)
    import_keras()
    from simclr_lib.postmortem import examination, factors, fixed_run

    if arguments.factors:
        run = fixed_run.FixedRun.of(record, data=arguments.data)
        for name, experiment in factors.EXPERIMENTS.items():
            print(f"{name}\n{factors.table(experiment(run))}\n", flush=True)
        return
    found = 0
    for finding in examination.examine_run(record, arguments.data):
        print(finding, flush=True)
        found += finding.ok is False
    print(f"\n{found} to look into: see ✗." if found else "\nNothing found.")


def build(arguments):
    from simclr_lib.course import build as builder

    root = builder.kit_folder()
    if arguments.check:
        faults = list(builder.find_faults(root))
        print("\n".join(faults) or "The notebooks are what their sources say.")
        return int(bool(faults))
    if arguments.instructors:
        return builder.build_for_instructors(root, arguments.instructors)
    return builder.build(
        root,
        arguments.lessons,
        profile=arguments.profile,
        students_only=arguments.students,
    )


def sweep(arguments):
    from simclr_lib.sweeps import command

    options = ("data", "out", "workers", "scheduler")
    given = {name: getattr(arguments, name) for name in options if hasattr(arguments, name)}
    return getattr(command, arguments.action)(arguments.target, **given)


def progress(arguments):
    from simclr_lib.course import progress as kept

    if bool(arguments.export) != bool(arguments.to):
        raise UserError("--export FOLDER and --to FILE go together.")
    if not arguments.export:
        print(kept.table())
        return
    students, faults = kept.export(arguments.export, arguments.to)
    for fault in faults:
        print(f"Note: {fault}", file=sys.stderr)
    print(f"{students} students in {arguments.to}")


def bench(arguments):
    from simclr_lib.bench import suite

    suite.bench(
        arguments.parts,
        arguments.out,
        rounds=arguments.rounds,
        quick=arguments.quick,
        peers=arguments.peers,
        without_peers=arguments.without_peers,
    )


def settings_of(arguments):
    """The recipe's fields that the command line sets: `{key: text}`."""
    settings = {}
    for setting in arguments.set:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f"--set takes key=value, after the recipe; got {setting!r}.")
        settings[key.strip()] = value.strip()
    if arguments.data is not None:
        settings["data"] = arguments.data
    return settings


def run_folder(arguments):
    return arguments.out or Path("runs", arguments.recipe)


def after_stopped_run(arguments):
    """Tell how far a run came that was stopped; imports nothing, an import may be what stopped."""
    folder = run_folder(arguments)
    if not (folder / "checkpoint.npz").exists():
        return "Stopped before the first checkpoint. The same command starts again."
    metrics = folder / "metrics.csv"
    epochs = len(metrics.read_text().splitlines()) - 1 if metrics.exists() else 0
    return f"Stopped after {epochs} epochs. The same command goes on from the last checkpoint."


def explain(error):
    """One line for what went wrong, and the exit code."""
    if isinstance(error, UserError):
        return " ".join(str(error).splitlines()), 2
    if any(getattr(e, "errno", None) in NO_SPACE for e in chain(error)):
        return "the disk is full: free some space and run the same command, it goes on.", 2
    if isinstance(error, PermissionError):
        return f"no permission ({error.filename or error}): choose another folder.", 2
    what = " ".join(f"{type(error).__name__}: {error}".split())
    # TensorFlow's ResourceExhaustedError, JAX' RESOURCE_EXHAUSTED
    if isinstance(error, MemoryError) or "resourceexhausted" in what.replace("_", "").lower():
        return "the memory is full: halve batch_size with --set, in another --out.", 2
    if isinstance(error, ImportError):
        return f"{what}: `simclr doctor` says what mends it.", 2
    return f"something unforeseen: {what}; run again with --debug for the traceback.", 1


def chain(error):
    """An exception, and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def show_warning(message, *_where, **_more):
    print(f"Note: {message}", file=sys.stderr)


def positive(text):
    """Turn text into a whole number of at least 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text!r}")
    return int(text)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def __init__(self, **options):
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options
        )

    def error(self, message):
        self.exit(2, f"simclr: {message}; see: {self.prog} --help\n")


def parse(argv):
    """Turn the words of a command line into arguments, or exit with 2 and one line."""
    debug = {"action": "store_true", "help": "show tracebacks"}
    parser = Parser(
        prog="simclr",
        description="Learn what pictures have in common, without labels, and see what it is worth.",
        epilog="example:\n  simclr run smoke",
    )
    parser.add_argument("--debug", **debug)
    parser.set_defaults(after_stop=lambda _: "Stopped.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(function, summary, example, description=""):
        command = commands.add_parser(
            function.__name__,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.\n\n{description}",
            epilog=f"example:\n  {example}",
        )
        command.add_argument("--debug", default=argparse.SUPPRESS, **debug)
        command.set_defaults(command=function)
        return command

    names = "\n".join(f"  {name:18}{about}" for name, about in ABOUT.items())
    names += "\nA GPU is used through JAX: install jax[cuda13], and set KERAS_BACKEND=jax."
    command = add(
        run,
        "pretrain an encoder and compare it with the baselines",
        "simclr run classroom --data flowers.zip --set epochs=30 seed=1 --out runs/flowers",
        f"recipes, and how long they take on two cores:\n{names}\n\n"
        "Stopped at any moment, the same command goes on.",
    )
    command.add_argument("recipe", metavar="RECIPE", help=f"one of {', '.join(PRESETS)}")
    command.add_argument(
        "--data",
        metavar="NAME|PATH",
        help="shapes, cifar10, tiny-imagenet, or a folder or zip with a folder of pictures a class",
    )
    command.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="change a field of the recipe; config.json of a run lists them all",
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="the run folder (default: runs/RECIPE)"
    )
    command.set_defaults(after_stop=after_stopped_run)

    command = add(data, "fetch CIFAR-10, 170 MB: a few minutes", "simclr data cifar10")
    command.add_argument("name", choices=["cifar10"], help="what to fetch")
    command.add_argument(
        "--to", type=Path, metavar="DIR", help="the folder to make (default: in Keras' cache)"
    )

    add(
        lab,
        "open the lessons in JupyterLab: seconds, then until Ctrl-C",
        "simclr lab --no-browser",
        "Whatever follows is passed to `jupyter lab`.",
    )
    command = add(
        doctor,
        "examine this machine and the installation, or a run: half a minute",
        "simclr doctor runs/smoke",
        "Without a run folder: this machine. With one: what may be wrong with that run, by a\n"
        "checklist of what makes contrastive training fail. The folder stays as it is.",
    )
    command.add_argument("run_dir", nargs="?", type=Path, metavar="RUN_DIR", help="a run folder")
    command.add_argument(
        "--data", metavar="NAME|PATH", help="where the run's pictures are now, if they have moved"
    )
    command.add_argument(
        "--factors",
        action="store_true",
        help="minutes: in place of the checklist, change one thing at a time in the evaluation",
    )

    command = add(
        progress,
        "print which exercises you have done, lesson by lesson",
        "simclr progress",
        "An instructor makes a table of a class's progress files (a folder with one for each\n"
        "student, NAME.json or NAME/.simclr-progress.json):\n"
        "  simclr progress --export submitted --to class.csv",
    )
    command.add_argument("--export", metavar="FOLDER", help="the students' progress files")
    command.add_argument("--to", metavar="FILE", help="the CSV that is made of them")

    command = add(
        build,
        "make the lessons' notebooks from solutions/*.py (for authors): minutes a lesson",
        "simclr build 03 --profile smoke",
    )
    command.add_argument("lessons", nargs="*", metavar="LESSON", help="such as 03; none: all")
    command.add_argument(
        "--profile", choices=["full", "smoke"], default="full", help="minutes, or seconds a lesson"
    )
    way = command.add_mutually_exclusive_group()
    way.add_argument("--students", action="store_true", help="only the students': nothing runs")
    way.add_argument("--check", action="store_true", help="make nothing; say what is stale")
    way.add_argument("--instructors", metavar="DIR", help="make an nbgrader course in DIR")
    command.set_defaults(after_stop=lambda _: "Stopped. Every notebook is whole, old or new.")

    command = add(
        sweep,
        "run a grid of experiments, over night, and report on it",
        "simclr sweep run notebooks/experiments/specs/temperature.yaml --workers 2",
        "Stopped or killed at any moment, the same command goes on; no run is done twice.",
    )
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    folder = "runs/sweeps/temperature"
    for name, about, words in (
        ("run", "run what is not done yet, then make the report",
         "notebooks/experiments/specs/temperature.yaml --data cifar10 --workers 2"),
        ("status", "print one line a run", folder),
        ("report", "make report.html and table.csv of what is done so far", folder),
        ("retry", "run the failed runs again, and no others", f"{folder} --workers 2"),
    ):  # fmt: skip
        action = actions.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            epilog=f"example:\n  simclr sweep {name} {words}",
        )
        action.add_argument("--debug", default=argparse.SUPPRESS, **debug)
        if name == "run":
            action.add_argument("target", type=Path, metavar="SPEC.yaml", help="what to compare")
            action.add_argument(
                "--data",
                metavar="NAME|PATH",
                help="a dataset, folder or zip as for run, in place of the spec's",
            )
            action.add_argument(
                "--out", type=Path, metavar="DIR", help="sweep folder (default: runs/sweeps/SPEC)"
            )
        else:
            action.add_argument("target", type=Path, metavar="DIR", help="the sweep folder")
        if name in ("run", "retry"):
            action.add_argument(
                "--workers", type=positive, default=1, metavar="N", help="runs at once (default: 1)"
            )
            action.add_argument(
                "--scheduler", metavar="ADDRESS", help="a Dask scheduler whose workers do the runs"
            )
    command.set_defaults(
        after_stop=lambda _: "Stopped. What is done is kept; the same command goes on."
    )

    parts = "\n".join(f"  {name:8}{about}" for name, about in BENCH_PARTS.items())
    command = add(
        bench,
        "measure the kit's speed beside its peers: half an hour for all parts",
        "simclr bench views loss --rounds 5",
        f"parts:\n{parts}\n\n"
        "Leave the machine alone meanwhile. The peers (PyTorch, torchvision, lightly) are\n"
        "installed into an environment of their own, once. Stopped, the finished parts are kept.",
    )
    command.add_argument("parts", nargs="*", metavar="PART", help="see above; none: all")
    command.add_argument(
        "--rounds", type=positive, default=5, metavar="N", help="times each side (default: 5)"
    )
    command.add_argument(
        "--quick", action="store_true", help="a look at whether it works: tiny, means nothing"
    )
    command.add_argument(
        "--out",
        type=Path,
        default=Path("runs", "speed.json"),
        metavar="FILE",
        help="results; parts not measured now stay (default: runs/speed.json)",
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--peers", type=Path, metavar="DIR", help="the peers' environment (default: in the cache)"
    )
    which.add_argument("--without-peers", action="store_true", help="only what the kit has")
    command.set_defaults(after_stop=lambda _: "Stopped. The finished parts are kept.")

    arguments, arguments_left = parser.parse_known_args(argv)
    if arguments_left and arguments.command is not lab:
        commands.choices[arguments.command.__name__].error(f"unknown: {' '.join(arguments_left)}")
    arguments.rest = arguments_left
    return arguments
