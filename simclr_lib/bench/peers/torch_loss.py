"""NT-Xent in PyTorch, value and gradient: lightly's `NTXentLoss`, and a broadcast cosine.

The broadcast one compares all views by `cosine_similarity` of `(2N, 1, D)` with `(1, 2N, D)`, as
many a first implementation does; the rest is a masked cross-entropy.
"""

import numpy as np
from serving import HighWater, repeat, serve
from torchvision_import import import_torchvision

import_torchvision()

import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

DIMS, TEMPERATURE = 128, 0.5


def broadcast_nt_xent(z_a, z_b):
    z = torch.cat([z_a, z_b])
    similarity = F.cosine_similarity(z[:, None], z[None], dim=-1) / TEMPERATURE
    similarity = similarity.masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(similarity, torch.arange(len(z)).roll(len(z_a)))


def prepare(pairs, loss, quick):
    if loss == "lightly":
        from lightly.loss.ntx_ent_loss import NTXentLoss

        function = NTXentLoss(temperature=TEMPERATURE)
    else:
        function = broadcast_nt_xent
    numbers = np.random.default_rng(0).normal(size=(2, pairs, DIMS)).astype("float32")
    z_a, z_b = (torch.from_numpy(part).requires_grad_() for part in numbers)

    def run():
        z_a.grad = z_b.grad = None
        function(z_a, z_b).backward()

    water = HighWater()
    water.start()
    run()
    megabytes = water.megabytes()

    def measure():
        return {"seconds": repeat(run, 0.1 if quick else 1.0), "megabytes": megabytes}

    return measure


if __name__ == "__main__":
    serve(prepare)
