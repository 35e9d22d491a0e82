"""A plain PyTorch loop: the kit's encoder, batch, loss, optimiser and views, written the usual way.

Views come from torchvision, in two worker processes of a `DataLoader`. Before it is measured it
trains a few steps with either order of the axes in memory, channels first and channels last, and
keeps the faster. bfloat16 is `torch.autocast`, with float32 weights and loss. The loss is NT-Xent
by one matrix product. The optimiser is AdamW, or SGD with momentum where the recipe says so, and
steps all parameters at once (`foreach`); a recipe with a costlier optimiser is held against AdamW
all the same. The learning rate stays constant.
"""

import numpy as np
from serving import repeat, serve
from torchvision_import import import_torchvision

import_torchvision()

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torchvision_views import simclr_views  # noqa: E402

STAGES = {8: (1, 1, 1), 18: (2, 2, 2, 2)}


class BasicBlock(nn.Module):
    def __init__(self, before, channels, stride):
        super().__init__()
        self.first = convolution(before, channels, 3, stride)
        self.second = convolution(channels, channels, 3, 1)
        same = stride == 1 and before == channels
        self.shortcut = nn.Identity() if same else convolution(before, channels, 1, stride)

    def forward(self, x):
        y = self.second(F.relu(self.first(x), inplace=True))
        return F.relu(y + self.shortcut(x), inplace=True)


def convolution(before, channels, size, stride):
    padding = 0 if size == 1 else 1
    return nn.Sequential(
        nn.Conv2d(before, channels, size, stride, padding, bias=False), nn.BatchNorm2d(channels)
    )


def resnet(depth, width, stem):
    size, stride = {"cifar": (3, 1), "strided": (4, 2)}[stem]
    layers = [convolution(3, width, size, stride), nn.ReLU(inplace=True)]
    channels = width
    for stage, blocks in enumerate(STAGES[depth]):
        for block in range(blocks):
            before, channels = channels, width * 2**stage
            layers.append(BasicBlock(before, channels, 2 if stage and not block else 1))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), channels


def nt_xent(z_a, z_b, temperature):
    z = F.normalize(torch.cat([z_a, z_b]).float())
    similarity = z @ z.T / temperature
    similarity.fill_diagonal_(-torch.inf)
    pairs = len(z_a)
    return F.cross_entropy(similarity, torch.arange(2 * pairs).roll(pairs))


class TwoViews(torch.utils.data.Dataset):
    def __init__(self, pictures, views):
        self.pictures, self.views = pictures, views

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        picture = Image.fromarray(self.pictures[index])
        return self.views(picture), self.views(picture)


def prepare(recipe, precision, quick):
    torch.manual_seed(0)
    pictures = np.random.default_rng(0).integers(
        0, 256, (2_000 if quick else 50_000, 32, 32, 3), "uint8"
    )
    views = simclr_views(
        recipe["view_size"], 0.0, recipe["gray_probability"], recipe["crop_min_area"]
    )
    loader = torch.utils.data.DataLoader(
        TwoViews(pictures, views),
        recipe["batch_size"],
        shuffle=True,
        drop_last=True,
        num_workers=2,
        persistent_workers=True,
    )
    encoder, dims = resnet(recipe["encoder_depth"], recipe["encoder_width"], recipe["stem"])
    head = nn.Sequential(
        nn.Linear(dims, recipe["head_hidden"]),
        nn.ReLU(inplace=True),
        nn.Linear(recipe["head_hidden"], recipe["head_output"]),
    )
    parameters = [*encoder.parameters(), *head.parameters()]
    if recipe["optimizer"] == "sgd":
        optimizer = torch.optim.SGD(
            parameters, recipe["learning_rate"], 0.9, weight_decay=5e-4, foreach=True
        )
    else:
        optimizer = torch.optim.AdamW(parameters, recipe["learning_rate"], foreach=True)

    def batches():
        while True:
            yield from loader

    stream = batches()

    def step(layout):
        views = torch.cat(next(stream)).contiguous(memory_format=layout)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            z = head(encoder(views))
        loss = nt_xent(*z.chunk(2), recipe["temperature"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    size = 512 if quick else 4096
    matrix = torch.randn(size, size, dtype=getattr(torch, precision))
    seconds = 0.2 if quick else 5.0
    matrix @ matrix
    took = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        encoder.to(memory_format=layout)
        step(layout)
        took[layout] = min(repeat(lambda layout=layout: step(layout), 0) for _ in range(3))
    layout = min(took, key=took.get)
    encoder.to(memory_format=layout)

    def measure():
        step(layout)  # after a pause the loader has batches in store; from here on it keeps pace
        return {
            "speed": recipe["batch_size"] / repeat(lambda: step(layout), seconds),
            "layout": str(layout).removeprefix("torch."),
            "gemm": 2 * size**3 / repeat(lambda: matrix @ matrix, seconds / 5) / 1e9,
        }

    return measure


if __name__ == "__main__":
    serve(prepare)
