"""A training state on disk that is whole or not there."""

import json

import numpy as np

from simclr_lib.errors import UserError
from simclr_lib.files import write_atomically


def save_checkpoint(path, variables, progress):
    """Write the values of `variables` and the JSON-able dict `progress` as one file."""
    arrays = {f"variable_{i:05d}": np.asarray(v) for i, v in enumerate(variables)}
    arrays["progress"] = np.array(json.dumps(progress))
    write_atomically(path, lambda file: np.savez(file, **arrays))


def load_checkpoint(path, variables):
    """Set `variables` to what `save_checkpoint` wrote, and return its `progress`.

    Raises:
        UserError: the file is damaged, or holds the variables of another model.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        progress = json.loads(str(arrays.pop("progress")))
    except Exception as error:  # damaged bytes make NumPy and zipfile raise a dozen kinds
        raise UserError(
            f"The checkpoint {path} is damaged ({error}): delete it to start this run again."
        ) from error
    saved = [arrays[name] for name in sorted(arrays)]
    if [a.shape for a in saved] != [tuple(v.shape) for v in variables]:
        raise UserError(
            f"The checkpoint {path} is of another model: delete it to start this run again."
        )
    for variable, value in zip(variables, saved, strict=True):
        variable.assign(value)
    return progress
