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


def load_checkpoint(path, variables, pictures=None):
    """Set `variables` to what `save_checkpoint` wrote, and return its `progress`.

    Args:
        path: the file.
        variables: as many, and of the same shapes, as were saved.
        pictures: of the training set; if `progress` tells another number, the order of the
            batches and what a loss remembers would no longer fit. None: not compared.

    Raises:
        UserError: the file is damaged, holds the variables of another model, or is of a training
            on another number of pictures. The variables and the file are as before.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        progress = json.loads(str(arrays.pop("progress")))
    except Exception as error:  # damaged bytes make NumPy and zipfile raise a dozen kinds
        raise UserError(
            f"The checkpoint {path} is damaged ({error}): delete it to start this run again."
        ) from error
    trained_on = progress.get("pictures", pictures)
    if pictures is not None and trained_on != pictures:
        raise UserError(
            f"The checkpoint {path} is of a training on {trained_on} pictures, and here are "
            f"{pictures}: go on with those, or begin in another run folder."
        )
    saved = [arrays[name] for name in sorted(arrays)]
    if [a.shape for a in saved] != [tuple(v.shape) for v in variables]:
        raise UserError(
            f"The checkpoint {path} is of another model: delete it to start this run again."
        )
    for variable, value in zip(variables, saved, strict=True):
        variable.assign(value)
    return progress
