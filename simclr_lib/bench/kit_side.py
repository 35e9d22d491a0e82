"""The kit's own side of a measurement, in a process of its own as each peer has one.

python -m simclr_lib.bench.kit_side PART JSON
"""

import importlib
import sys

from simclr_lib.bench.peers.serving import serve
from simclr_lib.quiet import import_keras

if __name__ == "__main__":
    import_keras()
    serve(importlib.import_module(f"simclr_lib.bench.{sys.argv[1]}").side)
