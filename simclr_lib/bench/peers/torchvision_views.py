"""torchvision's transforms on PIL pictures, one at a time in one process, as in a loader's worker.

The operations and their order are those of the PyTorch SimCLR repositories for CIFAR-10 (such as
dkobak/simclr-cifar10): crop, mirror, colour jitter for 8 in 10, grey for 2 in 10. From 64×64 up a
blur, as in the paper; it is put after the conversion to a tensor, where torchvision runs it
without converting back and forth.
"""

import numpy as np
from serving import repeat, serve
from torchvision_import import import_torchvision

import_torchvision()

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torchvision import transforms  # noqa: E402


def simclr_views(size, blur, gray=0.2, smallest_crop=0.2):
    """`PIL picture` → `(3, size, size)` float tensor in [0, 1]."""
    steps = [
        transforms.RandomResizedCrop(size, scale=(smallest_crop, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        transforms.RandomGrayscale(p=gray),
        transforms.ToTensor(),
    ]
    if blur:
        kernel = 2 * round(0.1 * size / 2) + 1
        steps.append(transforms.RandomApply([transforms.GaussianBlur(kernel, (0.1, 2.0))], p=blur))
    return transforms.Compose(steps)


def prepare(size, blur, quick):
    torch.set_num_threads(1)
    pictures = np.random.default_rng(0).integers(0, 256, (512, size, size, 3), "uint8")
    views = simclr_views(size, blur)

    def augment():
        for picture in pictures:
            views(Image.fromarray(picture))

    augment()

    def measure():
        return {"rate": len(pictures) / repeat(augment, 0.1 if quick else 2.0)}

    return measure


if __name__ == "__main__":
    serve(prepare)
