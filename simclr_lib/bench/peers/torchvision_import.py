"""Import torchvision beside any build of PyTorch.

Its compiled operations (box suppression and the like) load only beside the very build of PyTorch
that they were compiled for. Transforms use none of them, but the import of torchvision stumbles
over the missing ones unless somebody has declared their names.
"""

import torch

MISSING = ("nms", "qnms")


def import_torchvision():
    try:
        import torchvision
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        declared.append(library)  # a library that is thrown away takes its names with it
        for name in MISSING:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision  # noqa: F401


declared = []
