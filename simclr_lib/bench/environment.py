"""The peers' own environment: what the kit is compared with never mixes with what it needs."""

import importlib.metadata
import os
import subprocess
import venv
from pathlib import Path

# torchvision and lightly come without what they ask for: a build of torchvision names one build of
# PyTorch, and of lightly the loss alone is needed.
PINS = ("torch==2.13.0", "numpy==2.4.6", "pillow==13.0.0")
PINS_ALONE = ("torchvision==0.28.0", "lightly==1.6.0")


def default_folder():
    """Below `$SIMCLR_CACHE`, or else `~/.cache/simclr-kit`."""
    folder = os.environ.get("SIMCLR_CACHE") or Path.home() / ".cache" / "simclr-kit"
    return Path(folder) / "bench-peers"


def peers_python(folder, say):
    """Make the environment if it is not there yet: its Python, or None where that fails.

    Args:
        folder: where it is, or will be.
        say: is told, in a line, what goes on.
    """
    folder = Path(folder).absolute()
    builder = venv.EnvBuilder(with_pip=True)
    # The name under which it can be called; resolving the link would leave the environment.
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    whole = folder / "installed.txt"  # written last: an interrupted install is taken up again
    wanted = "\n".join(PINS + PINS_ALONE)
    if whole.exists() and whole.read_text() == wanted:
        return python
    say(f"Installing the peers into {folder}: minutes, once (PyTorch is large).")
    try:
        builder.create(folder)
        for options, pins in (((), PINS), (("--no-deps",), PINS_ALONE)):
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", *options, *pins],
                check=True,
                capture_output=True,
                text=True,
            )
    except (subprocess.CalledProcessError, OSError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        reason = next((line for line in said if line.startswith("ERROR")), said[-1])
        say(f"Going on without peers: they could not be installed ({reason}).")
        return None
    whole.write_text(wanted)
    return python


def peers_versions(python):
    """`{package: version}` of everything that the kit is measured against."""
    code = (
        "import importlib.metadata as m; "
        "print(*(f'{n} {m.version(n)}' for n in ('torch', 'torchvision', 'lightly')))"
    )
    found = {}
    if python is not None:
        words = subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.split()
        found = dict(zip(words[::2], words[1::2], strict=True))
    return found | {name: importlib.metadata.version(name) for name in ("keras", "scikit-learn")}
